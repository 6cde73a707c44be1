/** Which changes of a release people are told of, in Flagger's words and with what led to them. Pure. */
import { askedBy, type CanaryMetricEvidence, type CanaryPhase, type CanaryStatus, type WebhookType } from '../../api/index.ts';
import { canonicalJson } from '../../base/index.ts';
import { canaryIs, closedGate, phaseOf, targetIs, type Answers, type Observation, type Said } from '../decision.ts';
import { badRequestText } from '../bad-requests.ts';
import { isUndoing } from '../previous.ts';
import { troubleText } from '../troubles.ts';
import type { Alert, Field } from './alert.ts';

/** A decision as far as people are concerned. */
export interface Change {
  readonly observation: Observation;
  readonly answers: Answers;
  readonly says: readonly Said[];
  /** As it was written; undefined when nothing was. */
  readonly status: CanaryStatus | undefined;
}

type News = Pick<Alert, 'severity' | 'message'> & Partial<Pick<Alert, 'fields' | 'once'>>;

/** Undefined when nobody has to be told. */
export function alertOf(change: Change): Alert | undefined {
  const { observation: o, status } = change;
  const news = newsOf(change);
  if (!news) return undefined;
  const { name, namespace } = o.settings;
  const fields = [...(news.fields ?? []), ...askerIn(change)];
  return { name, namespace, phase: status?.phase ?? phaseOf(o), time: o.now, ...news, fields };
}

/** Whose request is answered by it. */
function askerIn({ observation: o, status }: Change): Field[] {
  const { request } = status?.handled ?? {};
  const by = request === o.canary.status?.handled?.request ? undefined : askedBy(request);
  return by ? [{ name: 'Requested by', value: by }] : [];
}

function newsOf(change: Change): News | undefined {
  const { observation: o, answers, status } = change;
  const from = phaseOf(o);
  const to = status?.phase ?? from;
  if (from === to) return underway(change);
  switch (to) {
    case 'Initialized':
      return { severity: 'info', message: `New ${o.settings.kind} detected, initialization completed.`, fields: settingsIn(o) };
    case 'Progressing':
      // A gate before promotion has opened, and analysis goes on.
      if (from === 'WaitingPromotion') return undefined;
      return { severity: 'info', message: 'New revision detected, progressing canary analysis.', fields: settingsIn(o) };
    case 'Waiting':
      return waiting('Canary is waiting for approval.', answers, 'confirm-rollout');
    case 'WaitingPromotion':
      return waiting('Canary promotion is waiting for approval.', answers, 'confirm-promotion');
    case 'Promoting':
      return isUndo(change) ? { severity: 'warn', message: 'Undone by request, the version before serves all traffic.' } : undefined;
    case 'Failed':
      return failure(change);
    case 'Succeeded':
      return { severity: 'info', message: isUndoing(o) ? 'Undo completed, the primary runs the version before.' : success(from, o) };
    default:
      return undefined;
  }
}

/** Of what happens within a phase: an analysis starts over, or is held before it gets more traffic. */
function underway({ observation: o, answers, status }: Change): News | undefined {
  const revision = (s: CanaryStatus | undefined): string => canonicalJson([s?.lastAppliedSpec ?? '', s?.trackedConfigs ?? {}]);
  const { status: was } = o.canary;
  if (phaseOf(o) === 'Progressing' && status && revision(status) !== revision(was))
    return { severity: 'info', message: 'New revision detected, restarting canary analysis.', fields: settingsIn(o) };
  const held = waiting('Canary traffic increase is waiting for approval.', answers, 'confirm-traffic-increase');
  return held && { ...held, once: `${revision(was)} at ${o.weights?.canary}` };
}

const isUndo = ({ observation: o, status }: Change): boolean =>
  status?.undone !== undefined && status.undone.time !== o.canary.status?.undone?.time;

function waiting(message: string, answers: Answers, type: WebhookType): News | undefined {
  const gate = closedGate(answers, type);
  if (!gate || gate.hook.muteAlert) return undefined;
  return { severity: 'warn', message, fields: [{ name: 'Gate', value: gate.hook.name }] };
}

function success(from: CanaryPhase, { settings }: Observation): string {
  if (from !== 'Finalising') return 'Revision reverted, canary analysis ended.';
  return settings.skipAnalysis
    ? 'Canary analysis was skipped, promotion finished.'
    : 'Canary analysis completed successfully, promotion finished.';
}

/** Flagger's texts leave out whose they are, since the alert says so; one that somebody asked for is no failure. */
function failure({ observation: o, says, status }: Change): News {
  const said = says.find((s) => s.type === 'Warning')?.message ?? 'Canary failed';
  const byHook = said.includes('manual webhook');
  const isWanted = byHook || / aborted by request\b/.test(said);
  const bare = said.replace(` ${canaryIs(o)}`, '').replace(` of ${targetIs(o)}`, '');
  const message = byHook ? bare : bare.replace(/^Rolling back (\w)/, (_, first: string) => first.toUpperCase());
  const weight = { name: 'Canary weight', value: String(o.weights?.canary ?? 0) };
  return {
    severity: isWanted ? 'warn' : 'error',
    message,
    fields: [{ name: 'Target', value: targetOf(o) }, weight, ...troublesIn(o), ...evidenceIn(status), ...badRequestsIn(status)],
  };
}

const troublesIn = ({ troubles }: Observation): Field[] => troubles.map((t) => ({ name: 'Pods', value: troubleText(t) }));

/** Requests to look for in logs and traces: the last that a decision has named. */
function badRequestsIn(status: CanaryStatus | undefined): Field[] {
  const { requests = [] } = status?.evidence?.findLast((e) => e.requests) ?? {};
  return requests.map((r) => ({ name: 'Bad request', value: badRequestText(r) }));
}

/** What was looked at when it last did not pass. */
function evidenceIn(status: CanaryStatus | undefined): Field[] {
  const last = status?.evidence?.findLast((e) => e.decision.startsWith('Halt ') || e.metrics?.some((m) => m.result !== 'pass'));
  if (!last) return [];
  const metrics = (last.metrics ?? []).map((m) => ({ name: `Metric ${m.name}`, value: metricText(m) }));
  return [{ name: 'Last check', value: last.decision }, ...metrics];
}

function metricText({ result, value, min, max, reason }: CanaryMetricEvidence): string {
  const bounds = [...(min === undefined ? [] : [`at least ${min}`]), ...(max === undefined ? [] : [`at most ${max}`])].join(', ');
  const measured = value === undefined ? (reason ?? 'no value') : String(Number(value.toFixed(3)));
  return `${measured}${bounds ? ` (${bounds})` : ''}: ${result}`;
}

const targetOf = (o: Observation): string => `${o.settings.kind}/${targetIs(o)}`;

function settingsIn(o: Observation): Field[] {
  return [
    { name: 'Target', value: targetOf(o) },
    { name: 'Failed checks threshold', value: String(o.settings.threshold) },
    { name: 'Progress deadline', value: `${o.settings.progressDeadlineMs / 1000}s` },
    { name: 'Traffic routing', value: routing(o) },
  ];
}

function routing({ settings, canary }: Observation): string {
  const { iterations, match, steps } = settings;
  if (iterations > 0) return match.length > 0 ? 'A/B Testing' : 'Blue/Green';
  const { stepWeight, maxWeight } = canary.spec.analysis;
  return stepWeight
    ? `Weight step: ${stepWeight} max: ${maxWeight || 100}`
    : `Weight steps: ${steps.join(',')} max: ${steps.at(-1) ?? 100}`;
}
