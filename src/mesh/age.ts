import { keyOf, keyText, type KubeObject } from '../api/index.ts';
import { keepArray } from './memo.ts';

/** Sorts the oldest object first; of two made in the same second, the one whose `namespace/name` comes first. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const ta = a.metadata?.creationTimestamp ?? '';
  const tb = b.metadata?.creationTimestamp ?? '';
  if (ta !== tb) return ta < tb ? -1 : 1;
  const ka = keyText(keyOf(a));
  const kb = keyText(keyOf(b));
  return ka < kb ? -1 : ka > kb ? 1 : 0;
}

/**
 * The objects of one map after another, oldest first; the same array for as long as they are the same objects. Objects that
 * changed in their places cost a comparison by identity each: only a change of who is there is sorted.
 */
export function ordered<T extends KubeObject>(): (objects: ReadonlyMap<string, T>) => readonly T[] {
  let last: ReadonlyMap<string, T> = new Map();
  let sorted: readonly T[] = [];
  let places = new Map<string, number>();

  const inPlace = (objects: ReadonlyMap<string, T>): readonly T[] | undefined => {
    if (objects.size !== last.size) return undefined;
    const next = [...sorted];
    for (const [key, object] of objects) {
      const before = last.get(key);
      if (before === object) continue;
      if (!before || before.metadata?.creationTimestamp !== object.metadata?.creationTimestamp) return undefined;
      next[places.get(key)!] = object;
    }
    return next;
  };
  const anew = (objects: ReadonlyMap<string, T>): readonly T[] => {
    const entries = [...objects].sort(([, a], [, b]) => byAge(a, b));
    places = new Map(entries.map(([key], i) => [key, i]));
    return entries.map(([, object]) => object);
  };

  return (objects) => {
    if (objects === last) return sorted;
    sorted = keepArray(sorted, inPlace(objects) ?? anew(objects));
    last = objects;
    return sorted;
  };
}
