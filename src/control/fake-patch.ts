import type { Patch } from './client.ts';

type Json = Record<string, unknown>;

/** How strategic merge pairs up list items, for the lists that controllers patch; other lists are replaced. */
const MERGE_KEYS: Record<string, string> = {
  conditions: 'type',
  containers: 'name',
  env: 'name',
  finalizers: '',
  initContainers: 'name',
  ownerReferences: 'uid',
  ports: 'port',
  volumes: 'name',
};

/** The object after the patch; apply is taken as a merge. */
export function applyPatch(object: unknown, patch: Patch): unknown {
  switch (patch.type) {
    case 'merge':
    case 'apply':
      return merge(object, patch.body, false);
    case 'strategic':
      return merge(object, patch.body, true);
    case 'json':
      return patch.body.reduce(jsonOperation, structuredClone(object));
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7386, and the list rules of strategic merge when asked for. */
function merge(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isObject(patch)) return patch;
  const out: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    const mergeKey = MERGE_KEYS[key];
    if (value === null) delete out[key];
    else if (strategic && mergeKey !== undefined && Array.isArray(value) && Array.isArray(out[key]))
      out[key] = mergeLists(out[key], value, mergeKey);
    else out[key] = merge(out[key], value, strategic);
  }
  return out;
}

function mergeLists(target: unknown[], patch: unknown[], key: string): unknown[] {
  if (key === '') return [...new Set([...target, ...patch])];
  const out = [...target];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const at = out.findIndex((o) => isObject(o) && o[key] === item[key]);
    if (item['$patch'] === 'delete') {
      if (at >= 0) out.splice(at, 1);
    } else if (at < 0) out.push(merge(undefined, item, true));
    else out[at] = merge(out[at], item, true);
  }
  return out;
}

/** One operation of RFC 6902: add, replace, remove and test. */
function jsonOperation(document: unknown, operation: unknown): unknown {
  const { op, path, value } = operation as { op: string; path: string; value?: unknown };
  const steps = path
    .split('/')
    .slice(1)
    .map((s) => s.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop();
  if (last === undefined) return value;
  let parent = document as Json;
  for (const step of steps) {
    if (!parent[step]) throw new Error(`no ${step} on the way of ${path}`);
    parent = parent[step] as Json;
  }
  if (op === 'test') {
    if (JSON.stringify(parent[last]) !== JSON.stringify(value)) throw new Error(`test of ${path} failed`);
  } else if (Array.isArray(parent)) {
    const at = last === '-' ? parent.length : Number(last);
    if (op === 'add') parent.splice(at, 0, value);
    else if (op === 'remove') parent.splice(at, 1);
    else parent[at] = value;
  } else if (op === 'remove') delete parent[last];
  else parent[last] = value;
  return document;
}
