import { parseQuantity } from '../../base/index.ts';
import { labelSelectorOf, type LabelSelectorObject } from '../selector.ts';
import type { StatusCause } from '../status.ts';

/** Collects what is wrong with an object, in the words and with the field paths that Kubernetes uses. */
export class Causes {
  readonly list: StatusCause[] = [];

  required(field: string, detail = ''): void {
    this.add('FieldValueRequired', field, detail ? `Required value: ${detail}` : 'Required value');
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.add('FieldValueInvalid', field, `Invalid value: ${shown(value)}${detail && `: ${detail}`}`);
  }

  unsupported(field: string, value: unknown, supported: readonly string[]): void {
    this.add(
      'FieldValueNotSupported',
      field,
      `Unsupported value: ${shown(value)}: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}`,
    );
  }

  duplicate(field: string, value: unknown, detail = ''): void {
    this.add('FieldValueDuplicate', field, `Duplicate value: ${shown(value)}${detail && `: ${detail}`}`);
  }

  forbidden(field: string, detail: string): void {
    this.add('FieldValueForbidden', field, `Forbidden: ${detail}`);
  }

  notFound(field: string, value: unknown): void {
    this.add('FieldValueNotFound', field, `Not found: ${shown(value)}`);
  }

  tooLong(field: string, limit: number): void {
    this.add('FieldValueTooLong', field, `Too long: may not be more than ${limit} bytes`);
  }

  /** The value must be one of these, unless it is absent. */
  oneOf(field: string, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && !supported.includes(value)) this.unsupported(field, value, supported);
  }

  /** The field must not have changed. */
  immutable(field: string, value: unknown, old: unknown): void {
    if (JSON.stringify(value) !== JSON.stringify(old)) this.invalid(field, value, 'field is immutable');
  }

  nonNegative(field: string, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(field, value, 'must be greater than or equal to 0');
  }

  add(reason: string, field: string, message: string): void {
    this.list.push({ reason, message, field });
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 400 ? `${text.slice(0, 400)}...` : text;
}

/** A struct as Go writes it into messages: `fields` are all it has, by their names in Go, with what they are when they are not given. */
export function asGo(value: object, fields: Readonly<Record<string, unknown>>): object {
  const given = value as Readonly<Record<string, unknown>>;
  const nameOf = (field: string): string => field.replace(/^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]/, (capitals) => capitals.toLowerCase());
  return Object.fromEntries(Object.entries(fields).map(([field, none]) => [field, given[nameOf(field)] ?? none]));
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const ENV_NAME = /^[ -<>-~]+$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

/** What is wrong with a value, or undefined. */
type PlainRule = (value: string) => string | undefined;
/** All that is wrong with a value. */
export type Rule = PlainRule | ((value: string) => readonly string[] | undefined);

const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035_HELP =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_HELP =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_HELP =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const tooLong = (limit: number): string => `must be no more than ${limit} bytes`;
const tooManyCharacters = (limit: number): string => `must be no more than ${limit} characters`;

export const dnsLabel: PlainRule = (v) =>
  v.length > 63 ? tooManyCharacters(63) : DNS_LABEL.test(v) ? undefined : DNS_SUBDOMAIN.test(v) ? 'must not contain dots' : LABEL_HELP;
export const dnsSubdomain: PlainRule = (v) =>
  v.length > 253 ? tooManyCharacters(253) : DNS_SUBDOMAIN.test(v) ? undefined : SUBDOMAIN_HELP;
export const dns1035: PlainRule = (v) => (v.length > 63 ? tooManyCharacters(63) : DNS_1035.test(v) ? undefined : DNS_1035_HELP);
export const labelValue: PlainRule = (v) => (v.length > 63 ? tooLong(63) : v === '' || QUALIFIED.test(v) ? undefined : VALUE_HELP);
export const envName: PlainRule = (v) =>
  ENV_NAME.test(v) ? undefined : "a valid environment variable name must consist only of printable ASCII characters other than '='";
export const configKey: PlainRule = (v) =>
  v.length > 253
    ? tooManyCharacters(253)
    : !CONFIG_KEY.test(v)
      ? "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
      : v === '.' || v === '..'
        ? `must not be '${v}'`
        : v.startsWith('..')
          ? "must not start with '..'"
          : undefined;

/** Keys of labels and annotations: `[prefix/]name`. */
export const qualifiedName: Rule = (v) => {
  const slash = v.indexOf('/');
  const [prefix, name] = slash < 0 ? [undefined, v] : [v.slice(0, slash), v.slice(slash + 1)];
  const wrong: string[] = [];
  if (prefix === '') wrong.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    const why = dnsSubdomain(prefix);
    if (why) wrong.push(`prefix part ${why}`);
  }
  if (!name) wrong.push('name part must be non-empty');
  else if (name.length > 63) wrong.push(`name part ${tooLong(63)}`);
  if (!QUALIFIED.test(name)) wrong.push(QUALIFIED_HELP);
  return wrong.length ? wrong : undefined;
};

/** Checks a value against a rule; an absent one counts as empty, as it does in Go. */
export function follow(causes: Causes, field: string, value: string | undefined, rule: Rule): void {
  const wrong = rule(value ?? '') ?? [];
  for (const detail of typeof wrong === 'string' ? [wrong] : wrong) causes.invalid(field, value ?? '', detail);
}

/** Checks labels at `field`. */
export function checkLabels(causes: Causes, field: string, labels: Readonly<Record<string, string>> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    follow(causes, field, key, qualifiedName);
    follow(causes, field, value, labelValue);
  }
}

/** Checks keys of annotations at `field`. */
export function checkAnnotations(causes: Causes, field: string, annotations: Readonly<Record<string, string>> | undefined): void {
  for (const key of Object.keys(annotations ?? {})) follow(causes, field, key.toLowerCase(), qualifiedName);
}

/** Checks that a number is a port. */
export function checkPort(causes: Causes, field: string, port: number | undefined): void {
  if (port === undefined) causes.required(field);
  else if (!Number.isInteger(port) || port < 1 || port > 65535) causes.invalid(field, port, 'must be between 1 and 65535, inclusive');
}

const PORT_NAME_HELP: readonly [RegExp, boolean, string][] = [
  [/^[-a-z0-9]+$/, true, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'],
  [/[a-z]/, true, 'must contain at least one letter (a-z)'],
  [/--/, false, 'must not contain consecutive hyphens'],
  [/^-|-$/, false, 'must not begin or end with a hyphen'],
];

/** Names of ports (IANA service names). */
export const portName: Rule = (v) => {
  if (v.length > 15) return ['must be no more than 15 characters'];
  return PORT_NAME_HELP.flatMap(([pattern, wanted, help]) => (pattern.test(v) === wanted ? [] : [help]));
};

/** A port by number or by name. */
export function checkPortOrName(causes: Causes, field: string, port: number | string | undefined): void {
  if (typeof port === 'string') follow(causes, field, port, portName);
  else checkPort(causes, field, port);
}

/** Checks a label selector at `field`. */
export function checkSelector(causes: Causes, field: string, selector: LabelSelectorObject | undefined): void {
  checkLabels(causes, `${field}.matchLabels`, selector?.matchLabels);
  selector?.matchExpressions?.forEach(({ key, operator, values }, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    follow(causes, `${at}.key`, key, qualifiedName);
    if (operator === 'In' || operator === 'NotIn') {
      if (!values?.length) causes.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values?.length) causes.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else causes.invalid(`${at}.operator`, operator, 'not a valid selector operator');
  });
}

/** How kinds differ in what they say of their selectors. */
export interface SelectorWords {
  /** Whose selector it is said to be when it is empty. */
  readonly of: string;
  /** Whether it may be absent, as far as the selector itself goes. */
  readonly optional?: boolean;
  /** What is said of the selector as a whole when a part of it is wrong; nothing when absent. */
  readonly wrong?: string;
}

/** A selector that chooses something and that the labels of a pod template satisfy. */
export function checkTemplateSelector(
  causes: Causes,
  selector: LabelSelectorObject | undefined,
  labels: Readonly<Record<string, string>> | undefined,
  words: SelectorWords,
): void {
  const before = causes.list.length;
  if (selector) checkSelector(causes, 'spec.selector', selector);
  else if (!words.optional) causes.required('spec.selector');
  const isWrong = selector && causes.list.length > before;
  if (isWrong) {
    if (words.wrong !== undefined) causes.invalid('spec.selector', selector, words.wrong);
  } else if (selector && !Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length) {
    causes.invalid('spec.selector', selector, `empty selector is invalid for ${words.of}`);
  } else if (!labelSelectorOf(selector).matches(labels)) {
    causes.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`');
  }
}

export const NOT_NEGATIVE = 'must be greater than or equal to 0';
export const POSITIVE = 'must be greater than zero';

/** Checks the sign of a quantity; how it is written is the decoder's matter. */
export function checkQuantity(
  causes: Causes,
  field: string,
  quantity: string | number,
  rule: typeof NOT_NEGATIVE | typeof POSITIVE = NOT_NEGATIVE,
): void {
  const amount = parseQuantity(quantity) ?? 0;
  if (amount < 0 || (amount === 0 && rule === POSITIVE)) causes.invalid(field, String(quantity), rule);
}

/** Resources that go by a name without a domain. */
const STANDARD =
  /^(cpu|memory|ephemeral-storage|storage|(requests|limits)\.(cpu|memory|ephemeral-storage)|requests\.storage|pods|resourcequotas|services(\.nodeports|\.loadbalancers)?|replicationcontrollers|secrets|configmaps|persistentvolumeclaims|(requests\.)?hugepages-.*)$/;

const FOR_ALL = 'must be a standard resource type or fully qualified';

/** The only ones of those that a place takes, and what is said of others. */
interface OwnResources {
  readonly names: RegExp;
  readonly why: string;
}

export const CONTAINER_RESOURCES: OwnResources = {
  names: /^(cpu|memory|ephemeral-storage|hugepages-.*)$/,
  why: 'must be a standard resource for containers',
};

/** Checks the name of a resource: one with a domain, or one that all know. */
export function checkResourceName(causes: Causes, field: string, name: string, own?: OwnResources): void {
  if (qualifiedName(name)) return follow(causes, field, name, qualifiedName);
  if (name.includes('/')) return;
  if (own && !own.names.test(name)) causes.invalid(field, name, own.why);
  if (!STANDARD.test(name)) causes.invalid(field, name, FOR_ALL);
}
