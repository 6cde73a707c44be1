import type { Schema } from '../../api/index.ts';
import { isRecord } from '../json.ts';

/**
 * Finds the old value of each item of a list: by its keys in a map list. Items of other lists cannot be told to be the same ones,
 * so they have none.
 */
export function oldItems(schema: Schema, old: unknown): (item: unknown) => unknown {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return () => undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string =>
    JSON.stringify(keys.map((key) => (isRecord(item) ? item[key] : undefined) ?? schema.items?.properties?.[key]?.default));
  const byKey = new Map<string, unknown>();
  for (const item of old) {
    const key = keyOf(item);
    if (!byKey.has(key)) byKey.set(key, item);
  }
  return (item) => byKey.get(keyOf(item));
}

/** The old value of a field; undefined when there was none, or when it could not be told to be the same one. */
export const oldField = (schema: Schema, old: unknown, field: string): unknown =>
  isRecord(old) && schema['x-kubernetes-map-type'] !== 'atomic' && Object.hasOwn(old, field) ? old[field] : undefined;
