import { Opaque, Optional } from '../value.ts';
import { declare, type Overload } from './declare.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_1035_HELP =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const NAME_HELP =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const rule =
  (pattern: RegExp, limit: number, help: string) =>
  (text: string): string[] => [
    ...(text.length > limit ? [`must be no more than ${limit} bytes`] : []),
    ...(pattern.test(text) ? [] : [help]),
  ];

const label = rule(LABEL, 63, LABEL_HELP);
const subdomain = rule(SUBDOMAIN, 253, SUBDOMAIN_HELP);
const label1035 = rule(LABEL_1035, 63, LABEL_1035_HELP);
/** A trailing dash is where a generated part follows. */
const asPrefix = (check: (text: string) => string[]) => (text: string) => check(text.replace(/-$/, 'a'));
const valid = (holds: (text: string) => boolean, help: string) => (text: string) => (holds(text) ? [] : [help]);

function qualifiedName(text: string): string[] {
  const slash = text.indexOf('/');
  const name = text.slice(slash + 1);
  const prefix =
    slash < 0 ? [] : slash === 0 ? ['prefix part must be non-empty'] : subdomain(text.slice(0, slash)).map((e) => `prefix part ${e}`);
  return [...prefix, ...(name === '' ? ['name part must be non-empty'] : rule(QUALIFIED, 63, NAME_HELP)(name))];
}

const FORMATS: Readonly<Record<string, (text: string) => string[]>> = {
  dns1123Label: label,
  dns1123Subdomain: subdomain,
  dns1035Label: label1035,
  dns1123LabelPrefix: asPrefix(label),
  dns1123SubdomainPrefix: asPrefix(subdomain),
  dns1035LabelPrefix: asPrefix(label1035),
  qualifiedName,
  labelValue: (text) =>
    text === ''
      ? []
      : rule(
          QUALIFIED,
          63,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        )(text),
  uri: valid((text) => /^([a-zA-Z][a-zA-Z0-9+.-]*:|\/)\S*$/.test(text), 'invalid URI for request'),
  uuid: valid((text) => /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text), 'does not match the UUID format'),
  byte: valid((text) => BASE64.test(text), 'invalid base64'),
  date: valid((text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)), 'invalid date'),
  datetime: valid(
    (text) => /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text)),
    'invalid datetime',
  ),
};

/** A form that a text can have. */
class Format extends Opaque {
  readonly type = 'kubernetes.NamedFormat';
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  equals(other: Opaque): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

const known = (name: string): Optional => new Optional(Object.hasOwn(FORMATS, name) ? new Format(name) : undefined);

function validate({ name }: Format, text: string): Optional {
  const errors = FORMATS[name]!(text);
  return new Optional(errors.length > 0 ? errors : undefined);
}

export const namedFormats: readonly Overload[] = [
  declare('format.named(string): optional<kubernetes.NamedFormat>', known),
  ...Object.keys(FORMATS).map((name) => declare(`format.${name}(): kubernetes.NamedFormat`, () => new Format(name))),
  declare('kubernetes.NamedFormat.validate(string): optional<list<string>>', validate),
];
