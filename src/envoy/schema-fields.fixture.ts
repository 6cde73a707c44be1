/**
 * The fields of kinds by their schemas, and which of them an object sets.
 *
 * A field belongs to a shape: an object of which the schema names the fields. Shapes that are made alike are one, wherever they
 * are used, so that their fields count once; each place that uses a shape is a field of the shape around it, and counts, too.
 * A field that takes one of some words counts once more for each word.
 */
import type { Schema } from '../api/index.ts';

/** What a field is known by: its shape and name, and the word it takes. */
type FieldKey = string;

/** A field that is set in an object. */
export interface FieldSet {
  readonly key: FieldKey;
  /** The way to it in the object. */
  readonly path: readonly string[];
}

const shapes = new WeakMap<Schema, string>();

/** Equal for shapes that are made alike, whatever is said of them. */
function shapeOf(schema: Schema): string {
  let text = shapes.get(schema);
  if (text === undefined) {
    text = JSON.stringify(schema, (key, value: unknown) => (key === 'description' && typeof value === 'string' ? undefined : value));
    shapes.set(schema, text);
  }
  return text;
}

/** The schema inside of lists and maps, and how that is written in a path. */
function core(schema: Schema): { schema: Schema; suffix: string } {
  let [inner, suffix] = [schema, ''];
  for (;;) {
    const next = inner.items ?? (typeof inner.additionalProperties === 'object' ? inner.additionalProperties : undefined);
    if (!next) return { schema: inner, suffix };
    suffix += inner.items ? '[]' : '{}';
    inner = next;
  }
}

/** All fields, and the whole of each kind, by what they are known by, as the path of the first place where each is found: `VirtualService spec.http[].timeout`. */
export function fieldsOf(kinds: readonly { readonly name: string; readonly schema: Schema }[]): ReadonlyMap<FieldKey, string> {
  const fields = new Map<FieldKey, string>();
  const seen = new Set<string>();
  const walk = (schema: Schema, at: string): void => {
    const shape = shapeOf(schema);
    if (!schema.properties || seen.has(shape)) return;
    seen.add(shape);
    for (const [name, field] of Object.entries(schema.properties)) {
      const inner = core(field);
      const place = `${at}.${name}`;
      fields.set(`${shape} ${name}`, place);
      for (const word of inner.schema.enum ?? [])
        if (word !== '') fields.set(`${shape} ${name}=${String(word)}`, `${place}=${String(word)}`);
      walk(inner.schema, place + inner.suffix);
    }
  };
  for (const { name, schema } of kinds) {
    fields.set(name, name);
    walk(schema, name);
  }
  return fields;
}

/** The fields that a value sets; one that holds nothing is not set. Throws on a field that the schema does not have. */
export function fieldsIn(schema: Schema, value: unknown, path: readonly string[] = []): FieldSet[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => fieldsIn(schema.items ?? {}, item, [...path, String(i)]));
  if (typeof value !== 'object' || value === null) return [];
  const { properties, additionalProperties } = schema;
  if (!properties) {
    return typeof additionalProperties === 'object'
      ? Object.entries(value).flatMap(([key, item]) => fieldsIn(additionalProperties, item, [...path, key]))
      : [];
  }
  const shape = shapeOf(schema);
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]): FieldSet[] => {
    const field = properties[name];
    if (!field) throw new Error(`there is no field ${[...path, name].join('.')}`);
    const own = [...path, name];
    const words = core(field).schema.enum ? [inner].flat() : [];
    const holds = typeof inner !== 'object' || inner === null || Object.keys(inner).length > 0;
    return [
      ...(holds ? [{ key: `${shape} ${name}`, path: own }] : []),
      ...words.map((word) => ({ key: `${shape} ${name}=${String(word)}`, path: own })),
      ...fieldsIn(field, inner, own),
    ];
  });
}

/** The object without what is at the path. */
export function without<T>(value: T, [key, ...rest]: readonly string[]): T {
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === key ? without(item, rest) : item)) as T;
  if (key === undefined || typeof value !== 'object' || value === null) return value;
  const out = { ...value } as Record<string, unknown>;
  if (rest.length) out[key] = without(out[key], rest);
  else delete out[key];
  return out as T;
}
