/** Patches of all four types, of objects that may be there. */
import type { AnyObject } from '../../src/api/index.ts';
import { below, toYaml, type Rng } from '../../src/base/index.ts';
import { anyString, chance, oddValue, oneOf } from './choice.ts';
import { mutateValue } from './mutate.ts';

const TYPES = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicPatch,
  'application/apply-patch+yaml': applyPatch,
} as const;

export function anyPatch(rng: Rng, object: AnyObject): { contentType: string; text: string } {
  const contentType = oneOf(rng, Object.keys(TYPES) as (keyof typeof TYPES)[]);
  const value = TYPES[contentType](rng, object);
  return { contentType, text: contentType.endsWith('yaml') && chance(rng, 0.5) ? toYaml(value) : (JSON.stringify(value) ?? '') };
}

/** JSON pointers into the object, and a few past it. */
function pointer(rng: Rng, object: unknown): string {
  let path = '';
  let at = object;
  while (at !== null && typeof at === 'object' && chance(rng, 0.8)) {
    const keys = Object.keys(at);
    if (keys.length === 0) break;
    const key = oneOf(rng, keys);
    path += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    at = (at as Record<string, unknown>)[key];
  }
  return chance(rng, 0.2) ? `${path}/${oneOf(rng, ['-', '0', '-1', '01', '__proto__', '~', anyString(rng)])}` : path;
}

const OPS = ['add', 'remove', 'replace', 'move', 'copy', 'test', 'grow'] as const;

function jsonPatch(rng: Rng, object: AnyObject): unknown {
  // What doubles the document with each operation.
  if (chance(rng, 0.02)) return Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '/metadata', path: `/metadata/x${i}` }));
  const list: unknown[] = Array.from({ length: below(rng, 5) }, () => ({
    op: oneOf(rng, OPS),
    path: pointer(rng, object),
    from: pointer(rng, object),
    value: oddValue(rng),
  }));
  return chance(rng, 0.1) ? mutateValue(rng, list) : list;
}

function mergePatch(rng: Rng, object: AnyObject): unknown {
  return mutateValue(rng, pick(rng, object));
}

/** Some of the fields, at every level. */
function pick(rng: Rng, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(rng, item));
  if (value === null || typeof value !== 'object') return chance(rng, 0.2) ? oddValue(rng) : value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(() => chance(rng, 0.6))
      .map(([field, part]) => [field, pick(rng, part)]),
  );
}

const DIRECTIVES = [
  '$patch',
  '$retainKeys',
  '$deleteFromPrimitiveList/finalizers',
  '$setElementOrder/containers',
  '$setElementOrder/ports',
];

function strategicPatch(rng: Rng, object: AnyObject): unknown {
  const patch = pick(rng, object);
  const visit = (part: unknown): void => {
    if (part === null || typeof part !== 'object') return;
    if (!Array.isArray(part) && chance(rng, 0.15)) {
      (part as Record<string, unknown>)[oneOf(rng, DIRECTIVES)] = oneOf<unknown>(rng, [
        'delete',
        'replace',
        'merge',
        ['name'],
        [{ name: 'web' }, { name: 'a' }],
        oddValue(rng),
      ]);
    }
    for (const child of Object.values(part)) visit(child);
  };
  visit(patch);
  return chance(rng, 0.3) ? mutateValue(rng, patch) : patch;
}

function applyPatch(rng: Rng, object: AnyObject): unknown {
  return chance(rng, 0.6) ? mutateValue(rng, structuredClone(object)) : object;
}
