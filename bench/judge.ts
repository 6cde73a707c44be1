/**
 * The judge beside Flagger's rule, on the same made-up traffic: how often each rolls back a healthy release, how soon a bad one, and
 * how many requests are hurt until then. Flagger's rule as its documentation has it: a look a minute, success rate at least 99 % and
 * p99 at most 500 ms over that minute, rolled back after 5 failed checks; the weight grows by 10 a minute up to 50.
 */
import { seededRng } from '../src/base/index.ts';
import { findsOf, look, newJudge } from '../src/delivery/judge/judge.ts';
import { createTraffic, judgeSettings, type Version } from '../src/delivery/judge/testing.ts';
import { quantile, result } from './support/instance.ts';

const RATE = 50;
const STEP_S = 60;
const STEPS = 5;
const THRESHOLD = 5;
const RELEASE_S = STEP_S * (STEPS + 1);
/** A bad release stays at its last weight until its checks have failed often enough. */
const LONGEST_S = STEP_S * (STEPS + THRESHOLD + 1);

interface Outcome {
  /** Seconds after the canary's first share of traffic; undefined: never. */
  readonly at: number | undefined;
  /** Requests of the canary until then that failed, or were slower than the primary's median by half. */
  readonly hurt: number;
}

/** One release: each rule goes on until it rolls back, or the release is over. */
function release(seed: number, canary: Version, primaryAt: (t: number) => Version, healthy: boolean): { judge: Outcome; flagger: Outcome } {
  const settings = judgeSettings();
  const traffic = createTraffic(seededRng(seed));
  let state = newJudge();
  let hurt = 0;
  let failedChecks = 0;
  let window = { requests: 0, failed: 0, durations: [] as number[] };
  const out: { judge?: Outcome; flagger?: Outcome } = {};
  for (let t = 0; t < (healthy ? RELEASE_S : LONGEST_S) && !(out.judge && out.flagger); t++) {
    // The last minute before the release is the primary's alone: a proxy has been counting it.
    const share = t === 0 ? 0 : Math.min(STEPS, 1 + Math.floor((t - 1) / STEP_S)) * 0.1;
    const primary = primaryAt(t);
    const now = traffic({ requests: RATE, share, primary, canary: healthy ? primary : canary });
    hurt +=
      canary.errorRate > primary.errorRate ? now.canary.failed : now.canary.durations.filter((d) => d > 1.5 * primary.medianMs).length;
    if (!out.judge) {
      state = look(state, now.readings, t * 1000, settings);
      if (findsOf(state, settings).verdict === 'harm') out.judge = { at: t, hurt };
    }
    window.requests += now.canary.requests;
    window.failed += now.canary.failed;
    window.durations.push(...now.canary.durations);
    if (t === 0 || t % STEP_S > 0) continue;
    const failed = 1 - window.failed / window.requests < 0.99 || quantile(window.durations, 0.99) > 500;
    if (failed && ++failedChecks >= THRESHOLD) out.flagger ??= { at: t, hurt };
    window = { requests: 0, failed: 0, durations: [] };
  }
  const never = { at: undefined, hurt };
  return { judge: out.judge ?? never, flagger: out.flagger ?? never };
}

function summary(outcomes: readonly Outcome[]): Record<string, unknown> {
  const found = outcomes.filter((o) => o.at !== undefined);
  return {
    rolledBack: found.length,
    medianSeconds: found.length
      ? quantile(
          found.map((o) => o.at!),
          0.5,
        )
      : undefined,
    medianRequestsHurt: quantile(
      outcomes.map((o) => o.hurt),
      0.5,
    ),
  };
}

const usual: Version = { errorRate: 0.005, medianMs: 50 };
const steady = (): Version => usual;
/** Twice a release, errors and durations rise to double and fall to none. */
const dayAndNight = (t: number): Version => {
  const wave = 1 + Math.sin((4 * Math.PI * t) / RELEASE_S);
  return { errorRate: usual.errorRate * wave, medianMs: usual.medianMs * (0.5 + 0.5 * wave) };
};

const HEALTHY = 1000;
for (const [name, at] of [
  ['steady', steady],
  ['day and night', dayAndNight],
] as const) {
  const runs = Array.from({ length: HEALTHY }, (_, seed) => release(seed, usual, at, true));
  const count = (rule: 'judge' | 'flagger'): number => runs.filter((r) => r[rule].at !== undefined).length;
  result('judge', {
    healthy: name,
    releases: HEALTHY,
    alpha: judgeSettings().alpha,
    judgeRolledBack: count('judge'),
    flaggerRolledBack: count('flagger'),
  });
}

const BAD = 100;
for (const [name, canary] of [
  ['2 % errors', { ...usual, errorRate: 0.02 }],
  ['5 % errors', { ...usual, errorRate: 0.05 }],
  ['20 % errors', { ...usual, errorRate: 0.2 }],
  ['100 % errors', { ...usual, errorRate: 1 }],
  ['1.5x latency', { ...usual, medianMs: usual.medianMs * 1.5 }],
] as const) {
  const runs = Array.from({ length: BAD }, (_, seed) => release(seed, canary, steady, false));
  result('judge', {
    bad: name,
    requestsPerSecond: RATE,
    releases: BAD,
    judge: summary(runs.map((r) => r.judge)),
    flagger: summary(runs.map((r) => r.flagger)),
  });
}
