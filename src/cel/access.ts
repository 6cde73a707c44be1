import { CelError } from './error.ts';
import { mapKey } from './functions/operators.ts';
import { DYN, isNull, join, type Type } from './types.ts';
import { isList, isMap, NONE, Optional, Struct, Uint, type Value } from './value.ts';

/** The value of a field; undefined when there is none. */
export function fieldIn(value: Value, field: string): Value | undefined {
  if (value instanceof Struct) return value.get(field);
  if (isMap(value)) return value.get(field);
  throw new CelError('no such overload');
}

export function elementIn(value: Value, key: Value): Value | undefined {
  if (isMap(value)) return value.get(mapKey(key));
  if (!isList(value)) {
    if (value instanceof Struct && typeof key === 'string') return value.get(key);
    throw new CelError('no such overload');
  }
  const index = mapKey(key);
  if (typeof index !== 'bigint') throw new CelError('no such overload');
  return index < 0n ? undefined : value[Number(index)];
}

export function optionally(value: Value, get: (value: Value) => Value | undefined): Value {
  const inner = value instanceof Optional ? value.value : value;
  if (inner === undefined) return NONE;
  const found = get(inner);
  if (found === undefined) return NONE;
  return found instanceof Optional ? found : new Optional(found);
}

/** What indexing gives; undefined when the types do not allow it. */
export function elementOf(container: Type, index: Type): Type | undefined {
  if (container.kind === 'dyn') return DYN;
  const numeric = index.kind === 'dyn' || (index.kind === 'simple' && ['int', 'uint', 'double'].includes(index.name));
  if (container.kind === 'list') return numeric ? container.of : undefined;
  if (container.kind !== 'map') return undefined;
  return index.kind === 'dyn' || (!isNull(index) && join(container.key, index)) ? container.value : undefined;
}

export const shown = (key: Value): string => (key instanceof Uint ? String(key.value) : String(mapKey(key)));
