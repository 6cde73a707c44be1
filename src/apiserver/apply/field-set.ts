import { isRecord } from '../json.ts';

/**
 * A set of fields of an object, as a tree. Steps are written as in FieldsV1: `f:name` for a field, `k:{"name":"x"}` for an item by its
 * keys, `v:1` for an item of a set. Sets are values: operations return new ones.
 */
export interface FieldSet {
  /** True when the field itself is in the set, whatever of its insides is. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

const NO_CHILDREN: ReadonlyMap<string, FieldSet> = new Map();

export const EMPTY: FieldSet = { member: false, children: NO_CHILDREN };
export const LEAF: FieldSet = { member: true, children: NO_CHILDREN };

export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** A set of a field and of what is below it. Empty children are left out. */
export function fieldSet(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  const kept = new Map<string, FieldSet>();
  for (const [step, child] of children) if (!isEmpty(child)) kept.set(step, child);
  return { member, children: kept.size ? kept : NO_CHILDREN };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const children = new Map(a.children);
  for (const [step, child] of b.children) children.set(step, union(children.get(step) ?? EMPTY, child));
  return { member: a.member || b.member, children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return fieldSet(
    a.member && b.member,
    [...a.children].map(([step, child]) => [step, intersection(child, b.children.get(step) ?? EMPTY)] as const),
  );
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  return fieldSet(
    a.member && !b.member,
    [...a.children].map(([step, child]) => [step, difference(child, b.children.get(step) ?? EMPTY)] as const),
  );
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a.member !== b.member || a.children.size !== b.children.size) return false;
  for (const [step, child] of a.children) {
    const other = b.children.get(step);
    if (!other || !sameSet(child, other)) return false;
  }
  return true;
}

/** The set without what is at and below some fields at the top (`f:status`), or with only those. */
export function filterTop(set: FieldSet, keep: (step: string) => boolean): FieldSet {
  return fieldSet(
    set.member,
    [...set.children].filter(([step]) => keep(step)),
  );
}

/** The paths of the set's members, as conflicts name them: `.spec.containers[name="x"].image`. */
export function pathsOf(set: FieldSet, at = ''): string[] {
  const here = set.member && at ? [at] : [];
  return here.concat([...set.children].flatMap(([step, child]) => pathsOf(child, at + stepText(step))));
}

function stepText(step: string): string {
  const kind = step.slice(0, 2);
  const rest = step.slice(2);
  if (kind === 'f:') return `.${rest}`;
  if (kind !== 'k:') return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(',')}]`;
}

/** As `managedFields` has it. */
export function toFieldsV1(set: FieldSet): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (set.member && set.children.size > 0) out['.'] = {};
  for (const [step, child] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1))) out[step] = toFieldsV1(child);
  return out;
}

/** Reads FieldsV1; what it does not understand is left out. */
export function fromFieldsV1(value: unknown, root = true): FieldSet {
  if (!isRecord(value)) return EMPTY;
  const steps = Object.entries(value);
  if (steps.length === 0) return root ? EMPTY : LEAF;
  return fieldSet(
    '.' in value,
    steps.filter(([step]) => /^[fkv]:/.test(step)).map(([step, child]) => [step, fromFieldsV1(child, false)] as const),
  );
}
