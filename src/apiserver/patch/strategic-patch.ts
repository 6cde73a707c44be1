import { ApiError, type Schema } from '../../api/index.ts';
import { canonicalJson } from '../../base/index.ts';
import { copy, equal, isRecord, type Json } from '../json.ts';
import { childOf } from '../schema/shape.ts';

/** The most items of a list that is merged: item by item, each is looked for among the others. */
const LIMIT = 10_000;

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

/** Applies a strategic merge patch: lists are merged by the keys that the schema names. Throws BadRequest for a patch that cannot be read. */
export function applyStrategicPatch(schema: Schema, document: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) throw new ApiError('BadRequest', 'a strategic merge patch is an object');
  return mergeMap(schema, isRecord(document) ? document : {}, patch) ?? {};
}

/** The merged map; undefined when the patch deletes it. */
function mergeMap(schema: Schema | undefined, original: Json, patch: Json): Json | undefined {
  const directive = patch[DIRECTIVE];
  if (directive === 'delete') return undefined;
  if (directive === 'replace') return stripped(patch) as Json;
  if (directive !== undefined && directive !== 'merge')
    throw new ApiError('BadRequest', `unknown $patch directive ${JSON.stringify(directive)}: use delete, replace or merge`);

  const out: Json = { ...original };
  const retain = patch[RETAIN];
  if (Array.isArray(retain)) {
    const kept = new Set<unknown>(retain);
    for (const field of Object.keys(out)) if (!kept.has(field)) delete out[field];
  }

  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(DELETE_PRIMITIVES)) continue;
    const field = key.slice(DELETE_PRIMITIVES.length);
    const list = out[field];
    if (!Array.isArray(list) || !Array.isArray(value)) continue;
    const gone = new Set(value.map(canonicalJson));
    out[field] = list.filter((item) => !gone.has(canonicalJson(item)));
  }
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith('$') || field === '__proto__') continue;
    if (value === null) delete out[field];
    else {
      const merged = mergeField(childOf(schema, field), out[field], value, patch[ORDER + field]);
      if (merged === undefined) delete out[field];
      else out[field] = merged;
    }
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const field = key.slice(ORDER.length);
    // With items to merge, the order was applied beside them.
    if (patch[field] !== undefined || !Array.isArray(out[field])) continue;
    out[field] = mergeField(childOf(schema, field), out[field], [], order);
  }
  return out;
}

function mergeField(schema: Schema | undefined, original: unknown, patch: unknown, order: unknown): unknown {
  const strategies = schema?.['x-kubernetes-patch-strategy']?.split(',') ?? [];
  if (isRecord(patch)) {
    if (strategies.includes('replace')) return stripped(patch);
    return mergeMap(schema, isRecord(original) ? original : {}, patch);
  }
  if (!Array.isArray(patch)) return patch;
  if (!strategies.includes('merge')) return patch.map(stripped);
  const current: unknown[] = Array.isArray(original) ? original : [];
  if (patch.length > LIMIT || current.length > LIMIT || (Array.isArray(order) && order.length > LIMIT)) {
    throw new ApiError('RequestEntityTooLarge', `lists of more than ${LIMIT} items are not merged: send the object as a whole`);
  }
  const key = schema?.['x-kubernetes-patch-merge-key'];
  const merged = key ? mergeItems(schema?.items, key, current, patch) : mergePrimitives(current, patch);
  return Array.isArray(order) ? ordered(merged, order, current, (item) => (key && isRecord(item) ? item[key] : item)) : merged;
}

function mergePrimitives(current: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const out = [...current];
  const have = new Set(current.map(canonicalJson));
  for (const item of patch) {
    const text = canonicalJson(item);
    if (!have.has(text)) out.push(copy(item));
    have.add(text);
  }
  return out;
}

function mergeItems(schema: Schema | undefined, key: string, current: readonly unknown[], patch: readonly unknown[]): unknown[] {
  if (patch.some((item) => isRecord(item) && item[DIRECTIVE] === 'replace')) {
    return patch.filter((item) => !(isRecord(item) && DIRECTIVE in item)).map(stripped);
  }
  let out = [...current];
  for (const item of patch) {
    if (!isRecord(item)) throw new ApiError('BadRequest', `the items of this list are objects merged by ${JSON.stringify(key)}`);
    const value = item[key];
    if (value === undefined) throw new ApiError('BadRequest', `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const same = (have: unknown): boolean => isRecord(have) && equal(have[key], value);
    if (item[DIRECTIVE] === 'delete') {
      out = out.filter((have) => !same(have));
      continue;
    }
    const at = out.findIndex(same);
    if (at < 0) out.push(stripped(item));
    else out[at] = mergeMap(schema, out[at] as Json, item);
  }
  return out;
}

/** The order asked for; items it does not name stay behind the item that they followed before. */
function ordered(
  items: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  keyOf: (item: unknown) => unknown,
): unknown[] {
  const placesIn = (list: readonly unknown[]): Map<string, number> =>
    new Map(list.map((item, i) => [canonicalJson(keyOf(item)), i] as const).reverse());
  const wanted = placesIn(order);
  const earlier = placesIn(before);
  const keyed = items.map((item) => {
    const key = canonicalJson(keyOf(item));
    return { item, place: wanted.get(key), was: earlier.get(key) };
  });
  const out = keyed.filter((k) => k.place !== undefined).sort((a, b) => a.place! - b.place!);
  for (const k of keyed) {
    if (k.place !== undefined) continue;
    const { was } = k;
    const at = was === undefined ? out.length : out.findLastIndex((o) => o.was !== undefined && o.was < was) + 1;
    out.splice(at, 0, k);
  }
  return out.map((k) => k.item);
}

/** A copy without the directives: for parts of a patch that go into the document as they are. */
function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !(isRecord(item) && item[DIRECTIVE] === 'delete')).map(stripped);
  if (!isRecord(value)) return value;
  const out: Json = {};
  for (const [field, part] of Object.entries(value)) {
    if (
      field !== DIRECTIVE &&
      field !== RETAIN &&
      field !== '__proto__' &&
      !field.startsWith(DELETE_PRIMITIVES) &&
      !field.startsWith(ORDER)
    ) {
      if (part !== null) out[field] = stripped(part);
    }
  }
  return out;
}
