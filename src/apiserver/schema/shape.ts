import type { Schema } from '../../api/index.ts';
import { copy, fieldPath, isRecord, type Json } from '../json.ts';

/** The schema of a field, or undefined when the schema has no such field. */
export function childOf(schema: Schema | undefined, field: string): Schema | undefined {
  const property = schema?.properties && Object.hasOwn(schema.properties, field) ? schema.properties[field] : undefined;
  if (property) return property;
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** True when fields that the schema does not name are kept. */
function isOpen(schema: Schema): boolean {
  return (
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    Boolean(schema.additionalProperties) ||
    (schema.properties === undefined && !schema['x-kubernetes-embedded-resource'])
  );
}

/** Takes away, in place, what the schema does not know, and returns the paths of what was taken. */
export function prune(schema: Schema, value: unknown, path = '', removed: string[] = []): string[] {
  if (Array.isArray(value)) {
    if (schema.items) for (const [i, item] of value.entries()) prune(schema.items, item, `${path}[${i}]`, removed);
  } else if (isRecord(value)) {
    const open = isOpen(schema);
    for (const field of Object.keys(value)) {
      const child = childOf(schema, field);
      if (child) prune(child, value[field], fieldPath(path, field), removed);
      else if (!open && !(schema['x-kubernetes-embedded-resource'] && ENVELOPE.has(field))) {
        removed.push(fieldPath(path, field));
        delete value[field];
      }
    }
  }
  return removed;
}

const ENVELOPE: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** What null is in a list of Go's. */
const ZERO: Readonly<Record<NonNullable<Schema['type']>, () => unknown>> = {
  object: () => ({}),
  array: () => [],
  string: () => '',
  integer: () => 0,
  number: () => 0,
  boolean: () => false,
};

/**
 * Takes away, in place, fields that are null: what a Go struct cannot tell from absent; in a list, null is the empty value. Free-form
 * parts are left alone, and with `strict`, as for custom kinds, lists and fields that may be null.
 */
export function dropNulls(schema: Schema | undefined, value: unknown, strict = false): void {
  if (schema?.['x-kubernetes-preserve-unknown-fields'] && !schema.properties) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      if (item !== null) dropNulls(schema?.items, item, strict);
      else if (!strict && schema?.items?.type) value[i] = ZERO[schema.items.type]();
    }
  } else if (isRecord(value)) {
    for (const field of Object.keys(value)) {
      const child = childOf(schema, field);
      if (value[field] !== null) dropNulls(child, value[field], strict);
      else if (!strict || (child && !child.nullable)) delete value[field];
    }
  }
}

/** Fills in, in place, the defaults that a custom kind's schema names. */
export function fillDefaults(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) fillDefaults(schema.items, item);
    return;
  }
  if (!isRecord(value)) return;
  for (const [field, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined && value[field] === undefined) value[field] = copy(property.default);
  }
  for (const field of Object.keys(value)) {
    const child = childOf(schema, field);
    if (child) fillDefaults(child, value[field]);
  }
}

/** An object of a custom kind without what its schema does not know, and with the defaults that it names; in place. */
export function inForm<T>(schema: Schema, object: T): T {
  prune(schema, object);
  fillDefaults(schema, object);
  return object;
}

/** How a value of the schema is merged and owned (structured-merge-diff). */
export type Structure =
  | { readonly kind: 'map' }
  | { readonly kind: 'list-map'; readonly keys: readonly string[]; readonly items: Schema }
  | { readonly kind: 'list-set' }
  | { readonly kind: 'atomic' };

const MAP: Structure = { kind: 'map' };
const SET: Structure = { kind: 'list-set' };
const ATOMIC: Structure = { kind: 'atomic' };

export function structureOf(schema: Schema | undefined, value: unknown): Structure {
  if (isRecord(value)) return schema?.['x-kubernetes-map-type'] === 'atomic' ? ATOMIC : MAP;
  if (!Array.isArray(value)) return ATOMIC;
  switch (schema?.['x-kubernetes-list-type']) {
    case 'map':
      return { kind: 'list-map', keys: schema['x-kubernetes-list-map-keys'] ?? [], items: schema.items ?? {} };
    case 'set':
      return SET;
    default:
      return ATOMIC;
  }
}

/** The values of an item's keys, defaults filled in; a key that is absent and has no default is left out. */
export function itemKey(keys: readonly string[], items: Schema, item: unknown): Json {
  const out: Json = {};
  for (const key of [...keys].sort()) {
    const value = (isRecord(item) ? item[key] : undefined) ?? items.properties?.[key]?.default;
    if (value !== undefined) out[key] = value;
  }
  return out;
}
