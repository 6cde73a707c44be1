/** Traffic that was never sent: what a proxy would have counted, by seed. For tests and benchmarks. */
import type { Rng } from '../../base/index.ts';
import type { JudgeSettings } from './judge.ts';
import type { SplitReading } from './counts.ts';

export const judgeSettings = (change: Partial<JudgeSettings> = {}): JudgeSettings => ({
  enabled: true,
  alpha: 0.01,
  margin: 2,
  promoteEarly: false,
  promoteAlpha: 0.05,
  ...change,
});

/** One version: the fraction of requests that fail, and the median of those durations in milliseconds that it answers in. */
export interface Version {
  readonly errorRate: number;
  readonly medianMs: number;
}

/** What happens in one second. */
export interface Second {
  readonly requests: number;
  /** Of requests that go to the canary, 0 to 1. */
  readonly share: number;
  readonly primary: Version;
  readonly canary: Version;
  /** Requests fail by so many in a row, as those of one bad client do; 1 when absent: each on its own. */
  readonly cluster?: number;
}

const EDGES = Array.from({ length: 40 }, (_, i) => Math.round(10 * 1.25 ** i) / 10);
/** Spread of the durations, as the standard deviation of their logarithm. */
const SPREAD = 0.5;

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

/** A number of requests around `mean`, as they arrive on their own. */
export function arrivals(rng: Rng, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(rng)));
  let n = 0;
  for (let p = rng.next(); p > Math.exp(-mean); p *= rng.next()) n++;
  return n;
}

export interface Counted {
  readonly readings: readonly SplitReading[];
  /** Of the canary in this second alone. */
  readonly canary: { readonly requests: number; readonly failed: number; readonly durations: readonly number[] };
}

/** A proxy that counts. */
export function createTraffic(rng: Rng, stratum = 'gateway'): (second: Second) => Counted {
  const sides = {
    primary: { requests: 0, errors: 0, durations: EDGES.map(() => 0) },
    canary: { requests: 0, errors: 0, durations: EDGES.map(() => 0) },
  };
  return ({ requests, share, primary, canary, cluster = 1 }) => {
    const seen = { requests: 0, failed: 0, durations: [] as number[] };
    const n = arrivals(rng, requests);
    for (let i = 0; i < n; i++) {
      const side = rng.next() < share ? 'canary' : 'primary';
      const version = side === 'canary' ? canary : primary;
      const failed = rng.next() < version.errorRate / cluster;
      const times = failed ? cluster : 1;
      const duration = version.medianMs * Math.exp(SPREAD * normal(rng));
      const count = sides[side];
      count.requests += times;
      if (failed) count.errors += times;
      for (let e = EDGES.length - 1; e >= 0 && duration <= EDGES[e]!; e--) count.durations[e]! += times;
      if (side === 'canary') {
        seen.requests += times;
        if (failed) seen.failed += times;
        seen.durations.push(duration);
      }
    }
    const readings = (['primary', 'canary'] as const).map((side) => {
      const count = sides[side];
      const durations = new Map([...EDGES.map((e, i) => [e, count.durations[i]!] as const), [Infinity, count.requests] as const]);
      return { stratum, side, requests: count.requests, errors: count.errors, durations };
    });
    return { readings, canary: seen };
  };
}
