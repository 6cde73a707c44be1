/** The last releases of a Canary, in its status: when each began, how it ended and why. Pure. */
import { askedBy, pausedBy, type CanaryHand, type CanaryRelease, type CanaryStatus } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { isPausedText, kindOf, type Decision, type Observation } from './decision.ts';

/** Releases kept. */
const KEPT = 10;
/** Of each, what people did to it. */
const KEPT_REQUESTS = 10;

const UNDER_WAY: ReadonlySet<string | undefined> = new Set(['Progressing', 'WaitingPromotion', 'Promoting', 'Finalising']);

/** The decision's status with a release begun, ended or changed by hand, if that is what the decision does. */
export function withHistory(status: CanaryStatus, o: Observation, made: Decision): CanaryStatus {
  const next = withOutcome(status, o, made);
  const last = next.history?.at(-1);
  const hands = handsIn(status, o);
  // One that is over already is not what was asked about.
  if (!last || hands.length === 0 || (last.endedAt && last.endedAt === status.history?.at(-1)?.endedAt)) return next;
  const requests = [...(last.requests ?? []), ...hands].slice(-KEPT_REQUESTS);
  return { ...next, history: [...next.history!.slice(0, -1), { ...last, requests }] };
}

/** What people have done to the release since the decision before. */
function handsIn(status: CanaryStatus, o: Observation): CanaryHand[] {
  const { handled } = status;
  const hand = (request: string, by: string | undefined): CanaryHand => ({ request, ...(by ? { by } : {}), time: rfc3339(o.now) });
  const isNew = handled?.done && handled.request !== o.canary.status?.handled?.request;
  return [
    ...(isPausedText(status) && !isPausedText(o.canary.status) ? [hand('pause', pausedBy(o.canary))] : []),
    ...(isNew ? [hand(handled.request.split(' ')[0]!, askedBy(handled.request))] : []),
  ];
}

function withOutcome(status: CanaryStatus, o: Observation, { begins, says }: Decision): CanaryStatus {
  const history = status.history ?? [];
  if (status.undone && status.undone.time !== o.canary.status?.undone?.time) {
    const last = history.findLastIndex((r) => r.outcome === 'Promoted');
    const reason = says[0]?.message ?? '';
    return { ...status, history: history.map((r, i) => (i === last ? { ...r, outcome: 'Undone' as const, reason } : r)) };
  }
  const last = history.at(-1);
  const isOpen = last !== undefined && last.endedAt === undefined;
  const over = isOpen && (begins || !UNDER_WAY.has(status.phase));
  if (!over && !begins) return status;
  const outcome = begins ? 'Superseded' : outcomeOf(status);
  const reason = (says.find((s) => s.type === 'Warning') ?? says[0])?.message ?? '';
  const until = over ? [...history.slice(0, -1), { ...last, endedAt: rfc3339(o.now), outcome, reason }] : history;
  return { ...status, history: (begins ? [...until, begun(status, o)] : until).slice(-KEPT) };
}

function outcomeOf({ phase, canaryWeight, lastAppliedSpec, lastPromotedSpec }: CanaryStatus): NonNullable<CanaryRelease['outcome']> {
  if (phase === 'Failed') return (canaryWeight ?? 0) > 0 ? 'PromotionFailed' : 'RolledBack';
  return lastAppliedSpec === lastPromotedSpec ? 'Promoted' : 'RolledBack';
}

function begun({ lastAppliedSpec = '' }: CanaryStatus, o: Observation): CanaryRelease {
  const images = kindOf(o)
    .pods(o.target!)
    ?.spec?.containers.flatMap((c) => c.image ?? []);
  return { revision: lastAppliedSpec, ...(images ? { images } : {}), startedAt: rfc3339(o.now) };
}

/** When the release under way began, in milliseconds since the epoch; undefined when none is. */
export function beganAt({ history = [] }: CanaryStatus): number | undefined {
  const last = history.at(-1);
  return last && !last.endedAt ? Date.parse(last.startedAt) : undefined;
}
