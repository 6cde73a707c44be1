import type { Schema } from '../../api/index.ts';
import { copy, equal, isRecord, type Json } from '../json.ts';
import { childOf, itemKey, structureOf, type Structure } from '../schema/shape.ts';
import { EMPTY, fieldSet, isEmpty, LEAF, union, type FieldSet } from './field-set.ts';

/** The items of a list that is merged, by their steps, with the schema of each. */
function itemsOf(structure: Structure & { kind: 'list-map' | 'list-set' }, list: readonly unknown[]): Map<string, unknown> {
  return new Map(list.map((item) => [stepOf(structure, item), item]));
}

function stepOf(structure: Structure & { kind: 'list-map' | 'list-set' }, item: unknown): string {
  return structure.kind === 'list-set'
    ? `v:${JSON.stringify(item)}`
    : `k:${JSON.stringify(itemKey(structure.keys, structure.items, item))}`;
}

const isList = (s: Structure): s is Structure & { kind: 'list-map' | 'list-set' } => s.kind === 'list-map' || s.kind === 'list-set';

/**
 * The fields of a value. As someone who applied it owns them: leaves, and items of lists; maps only by their fields, unless empty.
 * With `containers`, the maps and lists themselves as well: as someone owns what a write made appear.
 */
export function fieldsOf(schema: Schema | undefined, value: unknown, containers = false): FieldSet {
  const structure = structureOf(schema, value);
  if (structure.kind === 'map') {
    const fields = Object.entries(value as Json);
    if (fields.length === 0) return LEAF;
    return fieldSet(
      containers,
      fields.map(([field, part]) => [`f:${field}`, fieldsOf(childOf(schema, field), part, containers)] as const),
    );
  }
  if (!isList(structure)) return LEAF;
  const items = itemsOf(structure, value as unknown[]);
  if (items.size === 0) return LEAF;
  return fieldSet(
    containers,
    [...items].map(
      ([step, item]) => [step, structure.kind === 'list-set' ? LEAF : union(LEAF, fieldsOf(structure.items, item, containers))] as const,
    ),
  );
}

export interface Comparison {
  /** Fields that are new or differ. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

const SAME: Comparison = { changed: EMPTY, removed: EMPTY };

/** What became of the fields of `a` in `b`. */
export function compare(schema: Schema | undefined, a: unknown, b: unknown): Comparison {
  if (a === b) return SAME;
  if (a === undefined) return { changed: union(LEAF, fieldsOf(schema, b, true)), removed: EMPTY };
  if (b === undefined) return { changed: EMPTY, removed: union(LEAF, fieldsOf(schema, a, true)) };
  const structure = structureOf(schema, b);
  if (structure.kind === 'map' && isRecord(a)) {
    const after = b as Json;
    const fields = new Set([...Object.keys(a), ...Object.keys(after)]);
    return gather([...fields].map((field) => [`f:${field}`, compare(childOf(schema, field), a[field], after[field])] as const));
  }
  if (isList(structure) && Array.isArray(a)) {
    const before = itemsOf(structure, a);
    const after = itemsOf(structure, b as unknown[]);
    const items = structure.kind === 'list-map' ? structure.items : undefined;
    return gather(
      [...new Set([...before.keys(), ...after.keys()])].map((step) => [step, compare(items, before.get(step), after.get(step))] as const),
    );
  }
  return equal(a, b) ? SAME : { changed: LEAF, removed: EMPTY };
}

function gather(parts: readonly (readonly [string, Comparison])[]): Comparison {
  return {
    changed: fieldSet(
      false,
      parts.map(([step, { changed }]) => [step, changed] as const),
    ),
    removed: fieldSet(
      false,
      parts.map(([step, { removed }]) => [step, removed] as const),
    ),
  };
}

/** The live value with an applied one merged into it. */
export function merge(schema: Schema | undefined, live: unknown, applied: unknown): unknown {
  if (live === undefined || applied === null) return copy(applied);
  const structure = structureOf(schema, applied);
  if (structure.kind === 'map' && isRecord(live)) {
    const out: Json = { ...live };
    for (const [field, value] of Object.entries(applied as Json)) out[field] = merge(childOf(schema, field), live[field], value);
    return out;
  }
  if (isList(structure) && Array.isArray(live)) return mergeList(structure, live, applied as unknown[]);
  return copy(applied);
}

/** Items in the order in which they were applied; others stay in front of the item that they were in front of. */
function mergeList(
  structure: Structure & { kind: 'list-map' | 'list-set' },
  live: readonly unknown[],
  applied: readonly unknown[],
): unknown[] {
  const steps = live.map((item) => stepOf(structure, item));
  const places = new Map(steps.map((step, i) => [step, i] as const).reverse());
  const wanted = new Set(applied.map((item) => stepOf(structure, item)));
  const items = structure.kind === 'list-map' ? structure.items : undefined;
  const out: unknown[] = [];
  let next = 0;
  for (const item of applied) {
    const at = places.get(stepOf(structure, item)) ?? -1;
    for (; next < at; next++) if (!wanted.has(steps[next]!)) out.push(live[next]);
    next = Math.max(next, at + 1);
    out.push(merge(items, at < 0 ? undefined : live[at], item));
  }
  for (; next < live.length; next++) if (!wanted.has(steps[next]!)) out.push(live[next]);
  return out;
}

/** The value without the members of `gone`, except where `kept` has something at or below them; undefined when nothing is left. */
export function without(schema: Schema | undefined, value: unknown, gone: FieldSet, kept: FieldSet): unknown {
  if (isEmpty(gone)) return value;
  const structure = structureOf(schema, value);
  if (structure.kind === 'map') {
    const out: Json = {};
    for (const [field, part] of Object.entries(value as Json)) {
      const rest = part === undefined ? undefined : withoutPart(childOf(schema, field), part, `f:${field}`, gone, kept);
      if (rest !== undefined) out[field] = rest;
    }
    return Object.keys(out).length > 0 ? out : undefined;
  }
  if (!isList(structure)) return value;
  const items = structure.kind === 'list-map' ? structure.items : undefined;
  const out = (value as unknown[]).flatMap((item) => {
    const rest = withoutPart(items, item, stepOf(structure, item), gone, kept);
    return rest === undefined ? [] : [rest];
  });
  return out.length > 0 ? out : undefined;
}

function withoutPart(schema: Schema | undefined, part: unknown, step: string, gone: FieldSet, kept: FieldSet): unknown {
  const goneHere = gone.children.get(step);
  if (!goneHere) return part;
  const keptHere = kept.children.get(step) ?? EMPTY;
  if (goneHere.member && isEmpty(keptHere)) return undefined;
  return without(schema, part, goneHere, keptHere);
}
