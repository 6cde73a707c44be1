import { keyOf, keyText, type KubeObject } from '../api/index.ts';
import { changedKeys } from './table.ts';

/** Sorts the oldest object first; of two made in the same second, the one whose `namespace/name` comes first. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const ta = a.metadata?.creationTimestamp ?? '';
  const tb = b.metadata?.creationTimestamp ?? '';
  if (ta !== tb) return ta < tb ? -1 : 1;
  const ka = keyText(keyOf(a));
  const kb = keyText(keyOf(b));
  return ka < kb ? -1 : ka > kb ? 1 : 0;
}

/** Above as many changes at once, sorting anew is cheaper than finding each one's place. */
const MANY = 100;

/** The objects of one map after another, oldest first; the same array for as long as they are the same objects. */
export function ordered<T extends KubeObject>(): (objects: ReadonlyMap<string, T>) => readonly T[] {
  let last: ReadonlyMap<string, T> = new Map();
  let sorted: readonly T[] = [];

  const moved = (changed: readonly string[], objects: ReadonlyMap<string, T>): readonly T[] => {
    const next = [...sorted];
    for (const key of changed) {
      const [before, now] = [last.get(key), objects.get(key)];
      const inPlace = before && now && byAge(before, now) === 0;
      if (before) next.splice(placeOf(before, next), 1, ...(inPlace ? [now] : []));
      if (now && !inPlace) next.splice(placeOf(now, next), 0, now);
    }
    return next;
  };

  return (objects) => {
    const changed = changedKeys(last, objects);
    if (changed.length > MANY) sorted = [...objects.values()].sort(byAge);
    else if (changed.length) sorted = moved(changed, objects);
    last = objects;
    return sorted;
  };
}

/** Where the object is in a sorted list, or would be. */
function placeOf(object: KubeObject, sorted: readonly KubeObject[]): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (byAge(sorted[middle]!, object) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
