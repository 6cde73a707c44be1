import { dropLabels, labelKey, METRIC_NAME } from './labels.ts';
import { newSeries, type Series } from './value.ts';

interface Bucket {
  readonly upper: number;
  count: number;
}

/** `histogram_quantile` over classic buckets (`le`), step by step. */
export function histogramQuantile(q: Float64Array, buckets: readonly Series[]): readonly Series[] {
  const groups = new Map<string, { out: Series; bounds: { upper: number; series: Series }[] }>();
  for (const series of buckets) {
    const upper = boundOf(series.labels['le']);
    if (upper === undefined) continue;
    const labels = dropLabels(series.labels, ['le', METRIC_NAME]);
    const key = labelKey(labels);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { out: newSeries(labels, q.length), bounds: [] }));
    group.bounds.push({ upper, series });
  }
  for (const { out, bounds } of groups.values()) {
    bounds.sort((a, b) => a.upper - b.upper);
    for (let i = 0; i < q.length; i++) {
      const here: Bucket[] = [];
      for (const { upper, series } of bounds) if (series.present[i]) here.push({ upper, count: series.values[i]! });
      if (here.length === 0) continue;
      out.values[i] = bucketQuantile(q[i]!, here);
      out.present[i] = 1;
    }
  }
  return [...groups.values()].map((g) => g.out);
}

function boundOf(le: string | undefined): number | undefined {
  if (le === undefined || le === '') return undefined;
  if (/^\+?Inf$/i.test(le)) return Infinity;
  const upper = Number(le);
  return Number.isNaN(upper) ? undefined : upper;
}

/** The value below which the fraction `q` of the observations lies, linear within its bucket. `buckets` are in order and cumulative. */
function bucketQuantile(q: number, sorted: readonly Bucket[]): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const buckets = monotonic(sorted);
  const last = buckets.at(-1)!;
  if (last.upper !== Infinity || buckets.length < 2 || last.count === 0 || Number.isNaN(last.count)) return NaN;
  let rank = q * last.count;
  let at = buckets.findIndex((b) => b.count >= rank);
  if (at < 0) at = buckets.length - 1;
  if (at === buckets.length - 1) return buckets.at(-2)!.upper;
  const { upper, count } = buckets[at]!;
  if (at === 0 && upper <= 0) return upper;
  const below = buckets[at - 1];
  const lower = below?.upper ?? 0;
  rank -= below?.count ?? 0;
  return lower + (upper - lower) * (rank / (count - (below?.count ?? 0)));
}

/** Buckets with equal bounds added up, and none below the one before: scrapes are not atomic, and rates round. */
function monotonic(sorted: readonly Bucket[]): Bucket[] {
  const out: Bucket[] = [];
  for (const { upper, count } of sorted) {
    const last = out.at(-1);
    if (last?.upper === upper) last.count += count;
    else out.push({ upper, count });
  }
  for (let i = 1; i < out.length; i++) out[i]!.count = Math.max(out[i]!.count, out[i - 1]!.count);
  return out;
}
