import type { KubeObject } from './object.ts';
import { ApiError } from './status.ts';

export type Labels = Readonly<Record<string, string>>;

/** What a selector asks of one label. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent' | 'gt' | 'lt';
  readonly values: readonly string[];
}

export interface LabelSelector {
  readonly requirements: readonly LabelRequirement[];
  matches(labels: Labels | undefined): boolean;
}

/** What a selector asks of one field, by its dotted path. */
export interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly negated: boolean;
}

export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  matches(object: KubeObject): boolean;
}

/** A selector inside an object (`spec.selector` of a Deployment; metav1.LabelSelector). */
export interface LabelSelectorObject {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[]
    | undefined;
}

const LABEL_KEY = /^([a-z0-9A-Z][-a-z0-9A-Z.]*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Parses `app=web,tier in (a,b),!old` (apimachinery `labels.Parse`); empty text matches all. Throws BadRequest. */
export function parseLabelSelector(text: string | undefined): LabelSelector {
  return labelSelector(
    split(text ?? '', /,(?![^(]*\))/).map((part) => {
      const set = /^([^\s!=<>]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
      if (set)
        return requirement(
          part,
          set[1]!,
          set[2] as 'in' | 'notin',
          set[3]!.split(',').map((v) => v.trim()),
        );
      const compared = /^([^\s!=<>]+)\s*(==|=|!=|>|<)\s*([^\s!=<>()]*)$/.exec(part);
      if (compared) return requirement(part, compared[1]!, COMPARISON[compared[2]!]!, [compared[3]!]);
      return part.startsWith('!') ? requirement(part, part.slice(1).trim(), 'absent', []) : requirement(part, part, 'exists', []);
    }),
  );
}

const COMPARISON: Record<string, LabelRequirement['operator']> = { '=': 'in', '==': 'in', '!=': 'notin', '>': 'gt', '<': 'lt' };
const EXPRESSION: Record<string, LabelRequirement['operator']> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: 'absent' };

/** The selector that an object holds. An absent one matches nothing, an empty one everything; an unknown operator matches nothing. */
export function labelSelectorOf(selector: LabelSelectorObject | undefined): LabelSelector {
  if (!selector) return { requirements: [], matches: () => false };
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'in',
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    requirements.push({ key, operator: EXPRESSION[operator] ?? 'in', values: EXPRESSION[operator] ? (values ?? []) : [] });
  }
  return labelSelector(requirements);
}

/** The text form of a selector, as `status.selector` of a Scale and a query have it. */
export function labelSelectorText(selector: LabelSelector): string {
  return selector.requirements
    .map(({ key, operator, values }) => {
      switch (operator) {
        case 'in':
          return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`;
        case 'notin':
          return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`;
        case 'exists':
          return key;
        case 'absent':
          return `!${key}`;
        case 'gt':
          return `${key}>${values[0]}`;
        case 'lt':
          return `${key}<${values[0]}`;
      }
    })
    .join(',');
}

/**
 * Parses `metadata.name=web,status.phase!=Failed` (apimachinery `fields.ParseSelector`); empty text matches all.
 * `known` says by which path of an object a field is looked up; undefined is a field that cannot be selected by. Throws BadRequest.
 */
export function parseFieldSelector(
  text: string | undefined,
  known: (field: string) => string | undefined = (field) => field,
): FieldSelector {
  const requirements = split(text ?? '', /(?<!\\),/).map((part): FieldRequirement => {
    const m = /^([^=!\s]+)\s*(==|=|!=)\s*(.*)$/.exec(part);
    if (!m) throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`);
    const field = known(m[1]!);
    if (field === undefined) throw new ApiError('BadRequest', `field label not supported: ${m[1]}`);
    return { field, negated: m[2] === '!=', value: m[3]!.replace(/\\([\\,=])/g, '$1') };
  });
  return {
    requirements,
    matches: (object) => requirements.every(({ field, value, negated }) => (fieldText(object, field) === value) !== negated),
  };
}

/** How fields that Kubernetes omits when they are zero read in a selector. */
const ZERO: Record<string, string> = {
  'spec.unschedulable': 'false',
  'spec.hostNetwork': 'false',
  'status.replicas': '0',
  'status.successful': '0',
};

/** Fields that are selected by under another name than they have, or that have a stand-in. */
const FOUND_AT: Record<string, readonly string[]> = {
  'status.successful': ['status.succeeded'],
  reportingComponent: ['reportingComponent', 'source.component'],
  source: ['source.component', 'reportingComponent'],
};

function fieldText(object: object, path: string): string {
  const value = (FOUND_AT[path] ?? [path]).map((at) => valueAt(object, at)).find((found) => found !== undefined && found !== '');
  if (value === undefined || value === null) return ZERO[path] ?? '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function valueAt(object: object, path: string): unknown {
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[step];
  return value;
}

function labelSelector(requirements: readonly LabelRequirement[]): LabelSelector {
  return {
    requirements,
    matches: (labels = {}) => requirements.every((r) => holds(r, Object.hasOwn(labels, r.key) ? labels[r.key] : undefined)),
  };
}

function holds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'lt':
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

function requirement(part: string, key: string, operator: LabelRequirement['operator'], values: readonly string[]): LabelRequirement {
  if (!LABEL_KEY.test(key)) {
    throw new ApiError(
      'BadRequest',
      `unable to parse requirement: "${part}" is not a label key, a comparison or a set (key=value, key in (a,b), !key)`,
    );
  }
  return { key, operator, values };
}

function split(text: string, at: RegExp): string[] {
  return text
    .split(at)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
