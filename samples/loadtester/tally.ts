/** What came of a load: how long answers took, what they said, what went wrong. Its size does not grow with the load. */

/** Buckets are this factor wide: quantiles are right to half a percent. */
const WIDTH = Math.log(1.005);
/** Different error messages that are told apart. */
const MAX_ERRORS = 50;

export interface Tally {
  /** An answer, with its latency in milliseconds. */
  answered(latencyMs: number, status: number, bytes: number): void;
  failed(reason: string): void;
  readonly answers: number;
  readonly bytes: number;
  /** Milliseconds. */
  readonly fastest: number;
  readonly slowest: number;
  readonly mean: number;
  readonly deviation: number;
  readonly statuses: ReadonlyMap<number, number>;
  readonly errors: ReadonlyMap<string, number>;
  /** The latency in milliseconds that a share `q` of all answers did not exceed; 0 without answers. */
  quantile(q: number): number;
  /** How many answers took more than `above` and at most `upTo` milliseconds. */
  between(above: number, upTo: number): number;
}

export function createTally(): Tally {
  const buckets = new Map<number, number>();
  const statuses = new Map<number, number>();
  const errors = new Map<string, number>();
  const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);
  const upperEdge = (bucket: number): number => Math.exp(bucket * WIDTH) / 1000;
  let [answers, bytes, sum, squares, fastest, slowest] = [0, 0, 0, 0, Infinity, 0];

  return {
    answered(latencyMs, status, size) {
      answers++;
      bytes += size;
      sum += latencyMs;
      squares += latencyMs ** 2;
      fastest = Math.min(fastest, latencyMs);
      slowest = Math.max(slowest, latencyMs);
      count(statuses, status);
      // In microseconds, as nothing is faster than one.
      count(buckets, Math.ceil(Math.log(Math.max(latencyMs * 1000, 1)) / WIDTH));
    },
    failed(reason) {
      count(errors, errors.size < MAX_ERRORS || errors.has(reason) ? reason : 'other errors');
    },
    get answers() {
      return answers;
    },
    get bytes() {
      return bytes;
    },
    get fastest() {
      return answers ? fastest : 0;
    },
    get slowest() {
      return slowest;
    },
    get mean() {
      return answers ? sum / answers : 0;
    },
    get deviation() {
      return answers ? Math.sqrt(Math.max(0, squares / answers - (sum / answers) ** 2)) : 0;
    },
    statuses,
    errors,
    quantile(q) {
      let left = Math.ceil(q * answers);
      for (const [bucket, n] of [...buckets].sort((a, b) => a[0] - b[0])) {
        left -= n;
        if (left <= 0) return Math.min(Math.max(upperEdge(bucket), fastest), slowest);
      }
      return slowest;
    },
    between(above, upTo) {
      let n = 0;
      for (const [bucket, held] of buckets) {
        const at = Math.min(upperEdge(bucket), slowest);
        if (at > above && at <= upTo) n += held;
      }
      return n;
    },
  };
}
