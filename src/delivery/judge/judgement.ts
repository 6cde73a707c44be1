/** What the judge has come to, in the words of status and events: for people who know nothing of its statistics. Pure. */
import type { Canary, CanaryJudgement } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import type { Settings } from '../settings.ts';
import { FULL_BLOCK, timed, type Side } from './counts.ts';
import { findsOf, WARM_UP, type Finding, type Finds, type JudgeSettings, type JudgeState } from './judge.ts';

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

const percent = (fraction: number): string => `${Number((100 * fraction).toPrecision(2))} %`;

const share = ({ bad, requests }: Side): string => (requests > 0 ? ` (${percent(bad / requests)})` : '');

function comparison({ edge, canary, primary }: Finding): string {
  const went = edge === undefined ? 'failed' : `took longer than ${edge} ms`;
  const known = edge === undefined ? '' : ', which sets that limit';
  return (
    `${canary.bad} of ${canary.requests} requests to the canary ${went}${share(canary)}, ` +
    `${primary.bad} of ${primary.requests} to the primary${share(primary)}${known}`
  );
}

/** The next larger unit from two of it on. */
function timeOf(seconds: number): string {
  const [size, unit] = [[86_400, 'days'] as const, [3600, 'h'] as const, [60, 'min'] as const].find(([s]) => seconds >= 2 * s) ?? [1, 's'];
  return `${Math.ceil(seconds / size)} ${unit}`;
}

export const UNCOUNTED = 'requests are not counted by route on this cluster';

/** Why the requests of this release cannot be compared at all; undefined when they can. */
export function incomparable({ provider, iterations, match }: Settings, { spec }: Canary): string | undefined {
  if (provider === 'kubernetes') return 'without a mesh all users are on one version at a time';
  if (spec.service.appProtocol?.toLowerCase() === 'tcp') return 'nobody can tell whether a TCP connection went well';
  if (iterations > 0 && match.length > 0) return 'in A/B testing users get the canary for what they send, and not by chance';
  return iterations > 0 ? 'in blue/green testing all users are on one version at a time' : undefined;
}

/** `now`: milliseconds since the epoch. */
export const silent = (why: string, now: number): CanaryJudgement => ({
  verdict: 'silent',
  message: `nothing is compared, the checks decide alone: ${why}`,
  time: rfc3339(now),
});

const UNSEEN = 'no gateway or sidecar has counted requests that the route shares out so far';
const UNSHARED = '(those to the -canary Service itself do not count)';

/** `now`: milliseconds since the epoch. */
export function judgementOf(state: JudgeState, settings: JudgeSettings, now: number): CanaryJudgement {
  if (state.strata.size === 0) return silent(`${UNSEEN} ${UNSHARED}`, now);
  const finds = findsOf(state, settings);
  return {
    verdict: finds.verdict,
    message: wordsOf(finds, state, settings),
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

function wordsOf(finds: Finds, state: JudgeState, settings: JudgeSettings): string {
  const { alpha, margin, promoteEarly, promoteAlpha } = settings;
  switch (finds.verdict) {
    case 'harm':
      return `worse than the primary: ${comparison(finds.worst)}; of healthy releases fewer than ${percent(alpha)} look like this`;
    case 'safe': {
      const sure = `of releases that are so bad fewer than ${percent(promoteAlpha)} look like this`;
      const then = promoteEarly ? '' : '; it goes on by its checks all the same';
      return `less than ${margin} times as bad as the primary: ${comparison(finds.findings[0]!)}; ${sure}${then}`;
    }
    case 'undecided': {
      if (finds.findings[0]!.canary.requests === 0) return `nothing is known yet: ${lacking(finds)}`;
      const known =
        finds.harm > SUSPICION
          ? `it looks worse, which may still be chance: ${comparison(finds.worst)}`
          : `no sign of harm: ${comparison(finds.findings[0]!)}`;
      return `${known}; ${missing(finds, state, settings)}`;
    }
  }
}

/** A healthy release ever looks so in one of three. */
const SUSPICION = Math.log(3);

/** Why there is nothing to compare yet. */
function lacking({ waiting: { primary, canary } }: Finds): string {
  if (canary.requests === 0) return `the route has led no requests to the canary ${UNSHARED}`;
  if (primary.requests === 0) return `the route has led all requests to the canary (${canary.requests}), and none to the primary`;
  const all = primary.requests + canary.requests;
  return `${all} requests have come so far, and they are compared ${FULL_BLOCK} at a time`;
}

/** What it takes until more is known, and what happens meanwhile. */
function missing({ left, rate }: Finds, { baseline }: JudgeState, { margin, promoteEarly }: JudgeSettings): string {
  if (!baseline.set) {
    const { primary, canary, ms } = WARM_UP;
    const seen = `${timed(baseline.durations)} and ${baseline.canary} so far`;
    return `durations are compared after ${ms / 1000} s with ${primary} requests to the primary and ${canary} to the canary (${seen})`;
  }
  const known = `until it is known that it is not ${margin} times as bad`;
  const foreseen =
    rate > 0 && Number.isFinite(left)
      ? `about ${Number(left.toPrecision(2))} more requests ${known}, ${timeOf(left / rate)} at ${Number(rate.toPrecision(2))} requests/s`
      : `it cannot be foreseen how long it takes ${known}`;
  return `${foreseen}; ${promoteEarly ? 'then it is promoted early' : 'its checks do not wait for that'}`;
}
