import { Fault } from '../base/index.ts';
import { formatLabels, labelKey, type Labels } from './labels.ts';

/** One series of an instant vector, over all steps of the evaluation at once. */
export interface Series {
  readonly labels: Labels;
  readonly values: Float64Array;
  /** 1 where the series has a value at the step. */
  readonly present: Uint8Array;
}

export type Value =
  | { readonly kind: 'scalar'; readonly values: Float64Array }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'vector'; readonly series: readonly Series[] };

export function newSeries(labels: Labels, steps: number): Series {
  return { labels, values: new Float64Array(steps), present: new Uint8Array(steps) };
}

export function evalFault(message: string, hint = 'Change the query so that this does not happen.'): Fault {
  return new Fault('PromqlFailed', message, { hint });
}

/**
 * Series with equal labels become one; two values at the same step are a user's mistake.
 * Needed after whatever changes labels.
 */
export function mergeEqual(series: readonly Series[]): readonly Series[] {
  const byKey = new Map<string, Series>();
  for (const s of series) {
    const key = labelKey(s.labels);
    const first = byKey.get(key);
    if (!first) {
      byKey.set(key, s);
      continue;
    }
    const merged: Series = { labels: s.labels, values: first.values.slice(), present: first.present.slice() };
    for (let i = 0; i < s.present.length; i++) {
      if (!s.present[i]) continue;
      if (merged.present[i]) throw evalFault(`vector cannot contain metrics with the same labelset: ${formatLabels(s.labels)}`);
      merged.present[i] = 1;
      merged.values[i] = s.values[i]!;
    }
    byKey.set(key, merged);
  }
  return byKey.size === series.length ? series : [...byKey.values()];
}

/** The same labels (or those of `relabel`) with each value mapped; undefined drops the value. */
export function mapValues(
  series: readonly Series[],
  fn: (value: number, step: number) => number | undefined,
  relabel = (labels: Labels): Labels => labels,
): readonly Series[] {
  const out = series.map((s) => {
    const to = newSeries(relabel(s.labels), s.values.length);
    for (let i = 0; i < s.values.length; i++) {
      if (!s.present[i]) continue;
      const value = fn(s.values[i]!, i);
      if (value === undefined) continue;
      to.values[i] = value;
      to.present[i] = 1;
    }
    return to;
  });
  return mergeEqual(out);
}
