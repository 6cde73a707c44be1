import { accurateSum, max, mean, min, quantile, variance } from './maths.ts';

/** The samples of one series in (start, end], at least one: indices [lo, hi) of the arrays. Times are milliseconds. */
export interface Window {
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  lo: number;
  hi: number;
  start: number;
  end: number;
}

/** A function of a window and of its scalar argument, if it takes one; undefined when there is too little to say. */
export type RangeFunction = (window: Window, scalar: number) => number | undefined;

const numbers = (w: Window): number[] => Array.prototype.slice.call(w.values, w.lo, w.hi) as number[];
const over =
  (fn: (values: number[]) => number): RangeFunction =>
  (w) =>
    fn(numbers(w));

export const rangeFunctions: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  ['rate', (w) => extrapolated(w, true, true)],
  ['increase', (w) => extrapolated(w, true, false)],
  ['delta', (w) => extrapolated(w, false, false)],
  ['irate', (w) => lastTwo(w, true)],
  ['idelta', (w) => lastTwo(w, false)],
  ['resets', (w) => pairs(w, (before, after) => after < before)],
  ['changes', (w) => pairs(w, (before, after) => after !== before && !(Number.isNaN(before) && Number.isNaN(after)))],
  ['deriv', (w) => (w.hi - w.lo < 2 ? undefined : regression(w, w.times[w.lo]!).slope)],
  [
    'predict_linear',
    (w, seconds) => {
      if (w.hi - w.lo < 2) return undefined;
      const { slope, intercept } = regression(w, w.end);
      return intercept + slope * seconds;
    },
  ],
  ['avg_over_time', over(mean)],
  ['sum_over_time', over(accurateSum)],
  ['min_over_time', over(min)],
  ['max_over_time', over(max)],
  ['count_over_time', (w) => w.hi - w.lo],
  ['stdvar_over_time', over(variance)],
  ['stddev_over_time', over((v) => Math.sqrt(variance(v)))],
  ['last_over_time', (w) => w.values[w.hi - 1]],
  ['present_over_time', () => 1],
  ['quantile_over_time', (w, q) => quantile(q, numbers(w))],
]);

/** The result keeps the metric's name: it is still a value of that metric. */
export const KEEPS_NAME: ReadonlySet<string> = new Set(['last_over_time']);

/**
 * What the series changed by over the whole window, from what the samples in it show. Towards each end of the window the
 * change is carried on, up to the end when a sample is about due there, else by half a sample interval; a counter is never
 * carried back below zero.
 */
function extrapolated(w: Window, counter: boolean, perSecond: boolean): number | undefined {
  const { times, values, lo, hi } = w;
  if (hi - lo < 2) return undefined;
  const first = values[lo]!;
  let change = values[hi - 1]! - first;
  if (counter) {
    for (let i = lo + 1; i < hi; i++) if (values[i]! < values[i - 1]!) change += values[i - 1]!;
  }
  const sampled = (times[hi - 1]! - times[lo]!) / 1000;
  const average = sampled / (hi - lo - 1);
  const near = average * 1.1;
  let toStart = (times[lo]! - w.start) / 1000;
  let toEnd = (w.end - times[hi - 1]!) / 1000;
  if (toStart >= near) toStart = average / 2;
  if (counter && change > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / change));
  if (toEnd >= near) toEnd = average / 2;
  const whole = change * ((sampled + toStart + toEnd) / sampled);
  return perSecond ? whole / ((w.end - w.start) / 1000) : whole;
}

function lastTwo(w: Window, counter: boolean): number | undefined {
  const { times, values, lo, hi } = w;
  if (hi - lo < 2) return undefined;
  const [before, after] = [values[hi - 2]!, values[hi - 1]!];
  if (!counter) return after - before;
  const seconds = (times[hi - 1]! - times[hi - 2]!) / 1000;
  return (after < before ? after : after - before) / seconds;
}

function pairs(w: Window, counts: (before: number, after: number) => boolean): number {
  let n = 0;
  for (let i = w.lo + 1; i < w.hi; i++) if (counts(w.values[i - 1]!, w.values[i]!)) n++;
  return n;
}

/** Least squares; `intercept` is the value at `origin`, the slope is per second. */
function regression(w: Window, origin: number): { slope: number; intercept: number } {
  const n = w.hi - w.lo;
  const x: number[] = [];
  const y = numbers(w);
  for (let i = w.lo; i < w.hi; i++) x.push((w.times[i]! - origin) / 1000);
  const [sumX, sumY] = [accurateSum(x), accurateSum(y)];
  const covariance = accurateSum(x.map((v, i) => v * y[i]!)) - (sumX * sumY) / n;
  const spread = accurateSum(x.map((v) => v * v)) - (sumX * sumX) / n;
  const slope = covariance / spread;
  return { slope, intercept: sumY / n - (slope * sumX) / n };
}
