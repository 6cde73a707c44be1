import type { Labels } from './labels.ts';
import type { Matcher } from './matcher.ts';

/** Samples of one series in order of time. */
export interface Samples {
  readonly labels: Labels;
  /** Milliseconds since the epoch, rising. */
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Times at which the series was seen to be gone: what came before is not looked back to. Rising. */
  readonly ends: readonly number[];
}

/** Where the evaluator reads from. */
export interface Queryable {
  /** Series that all matchers take, with at least their samples in (from, to], milliseconds. */
  select(matchers: readonly Matcher[], from: number, to: number): readonly Samples[];
}
