import { Struct, type MapKey, type Value } from './value.ts';
import { DYN, type Type } from './types.ts';

/** A value of JSON without a schema: whole numbers are `int`. */
export function fromJson(json: unknown): Value {
  if (json === null || json === undefined) return null;
  switch (typeof json) {
    case 'number':
      return Number.isSafeInteger(json) ? BigInt(json) : json;
    case 'string':
    case 'boolean':
      return json;
  }
  if (Array.isArray(json)) return json.map(fromJson);
  const out = new Map<MapKey, Value>();
  for (const [key, value] of Object.entries(json)) if (value !== undefined) out.set(key, fromJson(value));
  return out;
}

/** An object whose fields are computed when they are first asked for, and then known; `types` are those of its fields. */
export function lazily(fields: Readonly<Record<string, () => Value>>, types: Readonly<Record<string, Type>> = {}): Struct {
  const shape = new Map(Object.keys(fields).map((name) => [name, types[name] ?? DYN]));
  return new Struct({ kind: 'object', name: 'object', fields: shape }, (field) =>
    Object.hasOwn(fields, field) ? fields[field]!() : undefined,
  );
}
