import { copy, isRecord, type Json } from '../json.ts';

/** Applies a JSON merge patch (RFC 7386): null takes a field away, objects are merged, all else replaces. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return copy(patch);
  const out: Json = isRecord(document) ? { ...document } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete out[field];
    else if (field !== '__proto__') out[field] = applyMergePatch(out[field], value);
  }
  return out;
}
