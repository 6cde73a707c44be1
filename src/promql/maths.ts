/** Sum with Neumaier's compensation: the order of the series does not show in the result. */
export function accurateSum(values: Iterable<number>): number {
  let sum = 0;
  let rest = 0;
  for (const v of values) {
    const t = sum + v;
    if (Number.isFinite(t)) rest += Math.abs(sum) >= Math.abs(v) ? sum - t + v : v - t + sum;
    sum = t;
  }
  return Number.isFinite(sum) ? sum + rest : sum;
}

export function mean(values: readonly number[]): number {
  const sum = accurateSum(values);
  // The sum may overflow where the mean does not.
  return Number.isFinite(sum) || !values.every(Number.isFinite) ? sum / values.length : accurateSum(values.map((v) => v / values.length));
}

/** Population variance. */
export function variance(values: readonly number[]): number {
  const m = mean(values);
  return accurateSum(values.map((v) => (v - m) ** 2)) / values.length;
}

/** Linear between the closest ranks; beyond [0, 1] it is infinite. */
export function quantile(q: number, values: readonly number[]): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  // NaN sorts first, as the smallest.
  const sorted = Float64Array.from(values).sort((a, b) => (Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : a - b));
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight;
}

export function max(values: readonly number[]): number {
  return values.reduce((best, v) => (v > best || Number.isNaN(best) ? v : best), NaN);
}

export function min(values: readonly number[]): number {
  return values.reduce((best, v) => (v < best || Number.isNaN(best) ? v : best), NaN);
}
