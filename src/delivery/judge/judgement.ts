/** What the judge has come to, in the words of status and events. Pure. */
import type { Canary, CanaryJudgement } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import { findsOf, type Finding, type JudgeSettings, type JudgeState } from './judge.ts';

/** On a Canary: `disabled` switches the judge off. */
export const JUDGE_ANNOTATION = 'sluice.io/judge';

/** `builtin`: whether the canary is measured by builtin metrics, for which the judge is on unless it is switched off. */
export function judgeSettingsOf(canary: Canary, builtin: boolean): JudgeSettings {
  const { enabled, alpha = 0.01, margin = 2, promoteEarly = false, promoteAlpha = 0.05 } = canary.spec.analysis.judge ?? {};
  const off = canary.metadata?.annotations?.[JUDGE_ANNOTATION] === 'disabled';
  return { enabled: !off && (enabled ?? builtin), alpha, margin, promoteEarly, promoteAlpha };
}

/** For the status; a number of JSON, and short. */
function eValue(log: number): number {
  return Number(Math.exp(Math.min(log, 690)).toPrecision(3));
}

function comparison({ test, canary, primary }: Finding): string {
  return `${test} ${canary.bad} of ${canary.requests} requests of the canary against ${primary.bad} of ${primary.requests} of the primary`;
}

function timeOf(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)}s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)}m` : `${Math.ceil(seconds / 3600)}h`;
}

/** Where the requests of a route cannot be told from others that reach the same service. `now`: milliseconds since the epoch. */
export const uncounted = (now: number): CanaryJudgement => ({
  verdict: 'silent',
  message: 'requests are not counted by route here, so the canary cannot be compared with the primary: thresholds alone decide',
  time: rfc3339(now),
});

/** `now`: milliseconds since the epoch. */
export function judgementOf(state: JudgeState, settings: JudgeSettings, now: number): CanaryJudgement {
  if (state.strata.size === 0)
    return {
      verdict: 'silent',
      message: 'no proxy has counted requests through the route of this canary: thresholds alone decide',
      time: rfc3339(now),
    };
  const finds = findsOf(state, settings);
  const at = `e-value ${eValue(finds.harm)}, proof at ${eValue(Math.log(1 / settings.alpha))}`;
  const rest =
    finds.left === 0
      ? 'the durations of the primary are being learned'
      : finds.rate > 0 && Number.isFinite(finds.left)
        ? `about ${finds.left} more requests, ${timeOf(finds.left / finds.rate)} at this rate`
        : 'waiting for requests to both';
  const message = {
    harm: `${comparison(finds.worst)} (${at})`,
    safe: `not ${settings.margin} times as bad: ${comparison(finds.findings[0]!)}`,
    undecided: `no proof of harm: ${comparison(finds.worst)} (${at}); until it is told from one ${settings.margin} times as bad: ${rest}`,
  }[finds.verdict];
  return {
    verdict: finds.verdict,
    message,
    eValue: eValue(finds.harm),
    proofAt: eValue(Math.log(1 / settings.alpha)),
    tests: finds.findings.map((f) => ({
      name: f.test,
      primaryRequests: f.primary.requests,
      primaryBad: f.primary.bad,
      canaryRequests: f.canary.requests,
      canaryBad: f.canary.bad,
      eValue: eValue(f.harm),
    })),
    time: rfc3339(now),
  };
}
