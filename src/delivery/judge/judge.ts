/**
 * Is the canary worse than the primary? The state of that question over one release, and one look at new counts. Pure.
 *
 * Four tests share one error budget: failed requests, and requests slower than the primary's median, 90th and 99th percentile.
 */
import { bet, HARM_RATIOS, logAverage, logValue, noBets, requestsToSafety, SAFE_RATIOS, type Bets } from './e-process.ts';
import {
  growth,
  isFull,
  isIdle,
  join,
  NO_BLOCK,
  NO_SIDE,
  plus,
  slower,
  timed,
  type Block,
  type Durations,
  type Side,
  type SplitReading,
} from './counts.ts';
import { QUANTILES, slowEdges } from './latency.ts';

/** What a user can say in `spec.analysis.judge`, with the defaults filled in. */
export interface JudgeSettings {
  readonly enabled: boolean;
  /** The chance that a healthy release is rolled back, over the whole of it. */
  readonly alpha: number;
  /** A canary with less than so many times the primary's bad requests is good enough to be promoted early. */
  readonly margin: number;
  /** Whether proof of no harm beyond the margin ends the analysis. */
  readonly promoteEarly: boolean;
  /** The chance that a release that is bad by the margin is promoted early. */
  readonly promoteAlpha: number;
}

interface Test {
  readonly name: string;
  /** Of the error budget. */
  readonly weight: number;
  /** How many times the primary's rate is not yet harm. */
  readonly tolerance: number;
  /** Slow beyond so many milliseconds; undefined: failed. */
  readonly edge: number | undefined;
  readonly harm: Bets;
  readonly safe: Bets;
  readonly total: Block;
}

/** Counts of one proxy and route that wait for enough others to be compared. */
interface Stratum {
  readonly last: { readonly [side in 'primary' | 'canary']?: SplitReading };
  /** One block a test, in their order. */
  readonly open: readonly Block[];
}

export interface JudgeState {
  readonly tests: readonly Test[];
  readonly strata: ReadonlyMap<string, Stratum>;
  /** The primary's durations until the edges were set. */
  readonly baseline: { readonly durations: Durations; readonly canary: number; readonly set: boolean };
  /** Milliseconds of the monotonic clock at the first look and at the last. */
  readonly began: number | undefined;
  readonly looked: number;
}

/** Failed requests say more than slow ones, and need no baseline. */
const ERRORS_WEIGHT = 0.7;
/** Slow requests are forgiven half as many again: a share of caches and of warm processes is lost with a new version. */
const SLOW_TOLERANCE = 1.5;

/** How much is seen before edges are set, and before a new version's first slow requests count. */
export const WARM_UP = { ms: 10_000, primary: 200, canary: 30 } as const;

function test(name: string, weight: number, tolerance: number, edge: number | undefined): Test {
  return { name, weight, tolerance, edge, harm: noBets(HARM_RATIOS), safe: noBets(SAFE_RATIOS), total: NO_BLOCK };
}

export const newJudge = (): JudgeState => ({
  tests: [test('errors', ERRORS_WEIGHT, 1, undefined)],
  strata: new Map(),
  baseline: { durations: new Map(), canary: 0, set: false },
  began: undefined,
  looked: 0,
});

/** The state after one look at what the proxies have counted, at `now` milliseconds of the monotonic clock. */
export function look(state: JudgeState, readings: readonly SplitReading[], now: number, settings: JudgeSettings): JudgeState {
  const strata = new Map(state.strata);
  let tests = state.tests;
  let { durations, canary } = state.baseline;
  for (const reading of readings) {
    const known = state.strata.has(reading.stratum);
    const stratum = strata.get(reading.stratum) ?? { last: {}, open: [] };
    const last = { ...stratum.last, [reading.side]: reading };
    if (!known) {
      // What it counted before it was first seen belongs to earlier times: to the release before, for one.
      strata.set(reading.stratum, { last, open: [] });
      continue;
    }
    const grown = growth(stratum.last[reading.side], reading);
    if (!state.baseline.set) {
      if (reading.side === 'primary') durations = sum(durations, grown.durations);
      else canary += timed(grown.durations);
    }
    const open = tests.map((t, i) => {
      const side: Side =
        t.edge === undefined ? { requests: grown.requests, bad: grown.errors } : (slower(grown.durations, t.edge) ?? NO_SIDE);
      const block = stratum.open[i] ?? NO_BLOCK;
      return { ...block, [reading.side]: plus(block[reading.side], side) };
    });
    strata.set(reading.stratum, { last, open });
  }
  // Only now are both sides of each stratum read up to the same moment.
  for (const [name, stratum] of strata) {
    const open = [...stratum.open];
    tests = tests.map((t, i) => {
      const block = open[i];
      if (!block || !isFull(block)) {
        if (block && isIdle(block)) open[i] = NO_BLOCK;
        return t;
      }
      open[i] = NO_BLOCK;
      return take(t, block, settings.margin);
    });
    strata.set(name, { ...stratum, open });
  }
  const began = state.began ?? now;
  const warm = now - began >= WARM_UP.ms && timed(durations) >= WARM_UP.primary && canary >= WARM_UP.canary;
  if (!warm || state.baseline.set) return { tests, strata, baseline: { ...state.baseline, durations, canary }, began, looked: now };
  const edges = slowEdges(durations).map((edge, i) => ({ edge, q: QUANTILES[i]! }));
  const slow = edges
    .filter(({ edge }, i) => edge !== undefined && edges.findIndex((e) => e.edge === edge) === i)
    .map(({ edge, q }) =>
      test(`slower than ${edge} ms (the primary's p${q * 100})`, (1 - ERRORS_WEIGHT) / QUANTILES.length, SLOW_TOLERANCE, edge),
    );
  return { tests: [...tests, ...slow], strata, baseline: { durations, canary, set: true }, began, looked: now };
}

function sum(a: Durations, b: Durations): Durations {
  return new Map([...b].map(([edge, n]) => [edge, n + (a.get(edge) ?? 0)]));
}

function take(t: Test, block: Block, margin: number): Test {
  const bad = block.primary.bad + block.canary.bad;
  const share = block.canary.requests / (block.primary.requests + block.canary.requests);
  return {
    ...t,
    harm: bet(t.harm, HARM_RATIOS, bad, block.canary.bad, share, t.tolerance),
    safe: bet(t.safe, SAFE_RATIOS, bad, block.canary.bad, share, Math.max(margin, t.tolerance)),
    total: join(t.total, block),
  };
}

/** One test in numbers. */
export interface Finding {
  readonly test: string;
  /** Bad are requests slower than so many milliseconds; undefined: those that failed. */
  readonly edge: number | undefined;
  readonly primary: Side;
  readonly canary: Side;
  /** Logarithm of the e-value against "no worse". */
  readonly harm: number;
  /** Logarithm of the e-value against "worse by the margin". */
  readonly safe: number;
}

export interface Finds {
  readonly verdict: 'harm' | 'safe' | 'undecided';
  readonly findings: readonly Finding[];
  /** Logarithm of the e-value of all tests together; harm is proven at ln(1/alpha). */
  readonly harm: number;
  /** The finding that says most for harm. */
  readonly worst: Finding;
  /** Requests it takes until a healthy canary is told from one that is bad by the margin; Infinity when none can be foreseen. */
  readonly left: number;
  /** Requests a second that were compared so far. */
  readonly rate: number;
  /** Requests that wait for others to be compared with. */
  readonly waiting: Block;
}

/** What the state says. */
export function findsOf(state: JudgeState, settings: JudgeSettings): Finds {
  const findings = state.tests.map((t) => ({ test: t.name, edge: t.edge, ...t.total, harm: logValue(t.harm), safe: logValue(t.safe) }));
  // Weights of tests that do not run yet stay a bet that was not placed: 1.
  const spare = 1 - state.tests.reduce((s, t) => s + t.weight, 0);
  const harm = logAverage([...state.tests.map((t, i) => ({ log: findings[i]!.harm, weight: t.weight })), { log: 0, weight: spare }]);
  const proof = Math.log(1 / settings.promoteAlpha);
  const safe = state.baseline.set && findings.every((f) => f.safe >= proof);
  const left = Math.max(...state.tests.map((t) => leftOf(t, proof, settings.margin)));
  const { primary, canary } = findings[0]!;
  const seconds = (state.looked - (state.began ?? state.looked)) / 1000;
  return {
    verdict: harm >= Math.log(1 / settings.alpha) ? 'harm' : safe ? 'safe' : 'undecided',
    findings,
    harm,
    worst: findings.reduce((a, b) => (b.harm > a.harm ? b : a)),
    left,
    rate: seconds > 0 ? (primary.requests + canary.requests) / seconds : 0,
    waiting: [...state.strata.values()].reduce((sum, { open }) => join(sum, open[0] ?? NO_BLOCK), NO_BLOCK),
  };
}

function leftOf(t: Test, proof: number, margin: number): number {
  const all = t.total.primary.requests + t.total.canary.requests;
  if (all === 0) return Infinity;
  // Half a bad request more than was seen: none so far does not mean none ever.
  const badRate = (t.total.primary.bad + t.total.canary.bad + 0.5) / all;
  if (logValue(t.safe) >= proof) return 0;
  return requestsToSafety(t.safe, proof, badRate, t.total.canary.requests / all, Math.max(margin, t.tolerance));
}
