/** Releases as people read them: rows, a page, sentences. Pure. */
import {
  askedBy,
  isPaused,
  pausedBy,
  PAUSED,
  type Canary,
  type CanaryAnswer,
  type CanaryEvidence,
  type CanaryRelease,
} from '../api/index.ts';
import { humanDuration } from '../base/index.ts';
import { table } from './output.ts';

const UNDER_WAY: ReadonlySet<string> = new Set(['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising']);

/** Whether a release is under way, or waits for leave to begin. */
export const isUnderWay = (canary: Canary): boolean => UNDER_WAY.has(canary.status?.phase ?? '');

const messageOf = (canary: Canary): string => canary.status?.conditions?.[0]?.message ?? '';

/** Of the analysis: percent, or checks. */
function courseOf({ spec: { analysis }, status }: Canary): string {
  return analysis.iterations ? `${status?.iterations ?? 0}/${analysis.iterations} checks` : `${status?.canaryWeight ?? 0} %`;
}

function age(time: string | undefined, now: number): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? '' : humanDuration(now - at);
}

function state(canary: Canary): string {
  const phase = canary.status?.phase || 'Initializing';
  return isPaused(canary) && UNDER_WAY.has(phase) ? `${phase}, paused` : phase;
}

/** `namespace`: the one that was asked about; undefined: all. */
export function listText(canaries: readonly Canary[], now: number, namespace?: string): string {
  if (canaries.length === 0) return `There are no Canaries${namespace === undefined ? '' : ` in namespace ${namespace}`}.\n`;
  const rows = canaries.map((c) => {
    const release = c.status?.history?.at(-1);
    return [
      c.metadata?.namespace ?? '',
      c.metadata?.name ?? '',
      state(c),
      courseOf(c),
      String(c.status?.failedChecks ?? 0),
      age(c.status?.lastTransitionTime, now),
      release?.images?.join(', ') ?? '',
    ];
  });
  return table([['NAMESPACE', 'NAME', 'PHASE', 'CANARY', 'FAILED CHECKS', 'CHANGED', 'LAST RELEASE'], ...rows]);
}

/** What is known of one, as a page. */
export function pageText(canary: Canary, now: number): string {
  const { spec, status, metadata } = canary;
  const release = status?.history?.at(-1);
  const facts: [string, string][] = [
    ['target', `${spec.targetRef.kind} ${spec.targetRef.name}`],
    ['phase', `${state(canary)}, for ${age(status?.conditions?.[0]?.lastUpdateTime, now)}: ${messageOf(canary)}`],
    ['canary', `${courseOf(canary)}, ${status?.failedChecks ?? 0} of ${spec.analysis.threshold ?? 1} checks failed`],
  ];
  if (release) facts.push(['release', `${release.images?.join(', ') ?? release.revision}, ${outcomeText(release, now)}`]);
  if (isPaused(canary)) facts.push(['paused', pauseText(canary, now)]);
  if (status?.handled) facts.push(['request', requestText(status.handled)]);
  if (status?.previous) facts.push(['undo', undoText(status.previous, now)]);
  if (status?.judge) facts.push(['judge', status.judge.message]);
  const last = status?.evidence?.at(-1);
  if (last) facts.push(['last', `${clock(last.time)} ${last.decision}`]);
  return `${metadata?.namespace}/${metadata?.name}\n${table(facts.map(([what, is]) => [`  ${what}`, is]))}`;
}

const byText = (name: string | undefined): string => (name ? ` by ${name}` : '');

function pauseText(canary: Canary, now: number): string {
  const since = age(canary.metadata?.annotations?.[PAUSED]?.split(' ')[0], now);
  return `${since ? `for ${since}` : 'yes'}${byText(pausedBy(canary))}: it stays as it is until "resume"`;
}

function requestText({ request, done, message, time }: CanaryAnswer): string {
  return `${request.split(' ')[0]}${byText(askedBy(request))} at ${clock(time)} was ${done ? 'done' : 'refused'}: ${message}`;
}

function undoText({ images, revision, until }: NonNullable<NonNullable<Canary['status']>['previous']>, now: number): string {
  const left = humanDuration(Math.max(0, Date.parse(until) - now));
  return `possible for ${left}, back to ${images?.join(', ') ?? revision}, of which as many pods as the primary's run until then`;
}

/** One line a change, for who watches. */
export function lineText(canary: Canary): string {
  const { evidence, conditions } = canary.status ?? {};
  const last = evidence?.at(-1);
  // A phase that has begun since is news.
  const isOld = !last || last.time < (conditions?.[0]?.lastUpdateTime ?? '');
  const decision = isOld ? messageOf(canary) : last.decision;
  return `${clock(canary.status?.lastTransitionTime)} ${state(canary)} ${courseOf(canary)} ${decision}`;
}

const clock = (time: string | undefined): string => (time ? time.slice(11, 19) : '--:--:--');

const OUTCOME: Readonly<Record<NonNullable<CanaryRelease['outcome']>, string>> = {
  Undone: 'promoted',
  Promoted: 'promoted',
  RolledBack: 'rolled back',
  Superseded: 'superseded',
  PromotionFailed: 'not promoted: the primary did not become ready',
};

function outcomeText({ startedAt, endedAt, outcome }: CanaryRelease, now: number): string {
  if (!endedAt || !outcome) return `under way for ${age(startedAt, now)}`;
  const after = humanDuration(Date.parse(endedAt) - Date.parse(startedAt));
  return `${OUTCOME[outcome]} after ${after}${outcome === 'Undone' ? ', and undone later' : ''}`;
}

export function historyText(canary: Canary, now: number): string {
  const releases = canary.status?.history ?? [];
  if (releases.length === 0) return 'Nothing was released yet.\n';
  const rows = releases
    .toReversed()
    .map((r) => [
      r.startedAt,
      r.revision,
      r.images?.join(', ') ?? '',
      outcomeText(r, now),
      (r.requests ?? []).map(({ request, by }) => `${request}${byText(by)}`).join(', '),
      r.endedAt ? (r.reason ?? '') : '',
    ]);
  return table([['STARTED', 'REVISION', 'IMAGES', 'OUTCOME', 'REQUESTS', 'REASON'], ...rows]);
}

/** The evidence of each decision, in sentences. */
export function whyText(canary: Canary, now: number): string {
  const { metadata, status } = canary;
  const lines = [`${metadata?.namespace}/${metadata?.name} is ${state(canary)}: ${messageOf(canary)}`];
  const release = status?.history?.at(-1);
  if (release) {
    const because = release.endedAt && release.reason ? `: ${release.reason}` : '';
    lines.push(`The last release, ${release.images?.join(', ') ?? release.revision}, is ${outcomeText(release, now)}${because}`);
  }
  if (status?.handled) lines.push(`The last request, ${requestText(status.handled)}`);
  const evidence = status?.evidence ?? [];
  if (evidence.length === 0) lines.push('No decision was made yet that metrics, hooks or the judge had a part in.');
  for (const [i, e] of evidence.entries()) {
    const { judge, ...rest } = e;
    // What it has come to is said when it is another than before.
    const told = judge === evidence[i - 1]?.judge ? rest : e;
    lines.push('', `${clock(e.time)}  ${e.decision}`, ...sentences(told).map((s) => `          ${s}`));
  }
  return `${lines.join('\n')}\n`;
}

const number = (n: number): string => String(Number(n.toPrecision(6)));

function sentences({ weight, hooks = [], metrics = [], judge, pods = [], requests = [] }: CanaryEvidence): string[] {
  const said = [`The canary had ${weight} % of the requests.`];
  for (const h of hooks) said.push(`Webhook ${h.name} (${h.type}) ${h.passed ? 'passed' : `did not pass: ${h.reason ?? ''}`}.`);
  for (const m of metrics) {
    const bounds = [m.min === undefined ? '' : `at least ${number(m.min)}`, m.max === undefined ? '' : `at most ${number(m.max)}`];
    const asked = bounds.filter(Boolean).join(' and ');
    const was = m.value === undefined ? `had no value: ${m.reason ?? 'nothing was measured'}` : `was ${number(m.value)}`;
    said.push(`Metric ${m.name} ${was}${asked ? ` (${asked} is asked)` : ''}${m.result === 'pass' ? '.' : `: ${m.result}.`}`);
  }
  for (const { pod, container, reason, message } of pods)
    said.push(`Pod ${pod}${container ? `, container ${container}` : ''}: ${reason}${message ? `: ${message}` : ''}.`);
  for (const { id, request, status, grpc, detail, ms } of requests) {
    const became = grpc ? `failed with gRPC status ${grpc}` : status ? `was answered with ${status}` : 'was given up on';
    said.push(`Request ${id}: ${request} ${became}${detail ? ` (${detail})` : ''}${ms ? ` after ${ms} ms` : ''}.`);
  }
  if (judge) said.push(`Against the primary: ${judge}.`);
  return said;
}
