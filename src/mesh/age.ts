import { keyOf, keyText, type KubeObject } from '../api/index.ts';

/** Sorts the oldest object first; of two made in the same second, the one whose `namespace/name` comes first. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const ta = a.metadata?.creationTimestamp ?? '';
  const tb = b.metadata?.creationTimestamp ?? '';
  if (ta !== tb) return ta < tb ? -1 : 1;
  const ka = keyText(keyOf(a));
  const kb = keyText(keyOf(b));
  return ka < kb ? -1 : ka > kb ? 1 : 0;
}
