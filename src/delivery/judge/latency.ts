/** From when on a request counts as slow: by what the primary itself did, before the comparison began. Pure. */
import { timed, type Durations } from './counts.ts';

/** The primary's quantiles that slow requests are counted beyond. */
export const QUANTILES: readonly number[] = [0.5, 0.9, 0.99];
/** Nobody minds a request that takes a fifth or five milliseconds longer; a cold cache or compiler does that much. */
const FACTOR = 1.2;
const FLOOR_MS = 5;

/**
 * The edges, one a quantile, beyond which requests are slow: the first edge that is clearly above the quantile. Undefined where the
 * durations reach beyond the last edge.
 */
export function slowEdges(primary: Durations): (number | undefined)[] {
  const edges = [...primary.keys()].filter(Number.isFinite).sort((a, b) => a - b);
  const all = timed(primary);
  return QUANTILES.map((q) => {
    const quantile = edges.find((e) => primary.get(e)! >= q * all);
    if (quantile === undefined) return undefined;
    const least = Math.max(quantile * FACTOR, quantile + FLOOR_MS);
    return edges.find((e) => e >= least);
  });
}
