/** Status and its condition `Promoted`, phase by phase, in Flagger's words. Pure. */
import type { Canary, CanaryCondition, CanaryPhase, CanaryStatus } from '../api/index.ts';
import { canonicalJson, rfc3339 } from '../base/index.ts';

/** KIND stands for the target's. */
const TEXT: Partial<Record<CanaryPhase, { status: CanaryCondition['status']; message: string }>> = {
  Initializing: { status: 'Unknown', message: 'New KIND detected, starting initialization.' },
  Initialized: { status: 'True', message: 'KIND initialization completed.' },
  Waiting: { status: 'Unknown', message: 'Waiting for approval.' },
  WaitingPromotion: { status: 'Unknown', message: 'Waiting for approval.' },
  Progressing: { status: 'Unknown', message: 'New revision detected, progressing canary analysis.' },
  Promoting: { status: 'Unknown', message: 'Canary analysis completed, starting primary rolling update.' },
  Finalising: { status: 'Unknown', message: 'Canary analysis completed, routing all traffic to primary.' },
  Succeeded: { status: 'True', message: 'Canary analysis completed successfully, promotion finished.' },
  Failed: { status: 'False', message: 'Canary analysis failed, KIND scaled to zero.' },
};

/**
 * The status with `change` made, its condition in step with the phase and its times moved; `now` in milliseconds. `message` replaces
 * the phase's own, `anew` moves the condition's time although it says the same.
 */
export function statusWith(
  canary: Canary,
  change: Partial<CanaryStatus>,
  now: number,
  { message, anew = false }: { message?: string | undefined; anew?: boolean | undefined } = {},
): CanaryStatus {
  const old = canary.status;
  const next: CanaryStatus = { failedChecks: 0, canaryWeight: 0, iterations: 0, phase: 'Initializing', ...old, ...change };
  const phase = next.phase || 'Initializing';
  const text = TEXT[phase] ?? TEXT.Initializing!;
  const before = old?.conditions?.find((c) => c.type === 'Promoted');
  const said = message ?? text.message.replace('KIND', canary.spec.targetRef.kind);
  const same = !anew && before?.status === text.status && before.reason === phase && withoutProblem(before) === said;
  const stamp = rfc3339(now);
  const condition: CanaryCondition = same
    ? { ...before, message: said }
    : {
        type: 'Promoted',
        status: text.status,
        reason: phase,
        message: said,
        lastUpdateTime: stamp,
        lastTransitionTime: before?.status === text.status ? (before.lastTransitionTime ?? stamp) : stamp,
      };
  const unchanged =
    old !== undefined && same && Object.entries(change).every(([k, v]) => canonicalJson(old[k as keyof CanaryStatus]) === canonicalJson(v));
  return { ...next, lastTransitionTime: unchanged ? (old.lastTransitionTime ?? stamp) : stamp, conditions: [condition] };
}

const HELD_UP = ' Held up: ';

const withoutProblem = ({ message = '' }: CanaryCondition): string => message.split(HELD_UP, 1)[0]!;

/**
 * The status with what keeps the canary from going on after the text of its condition, or without that; undefined when it says so
 * already. No time moves, as nothing has happened.
 */
export function heldUp(canary: Canary, problem: string | undefined, now: number): CanaryStatus | undefined {
  const status = canary.status?.conditions ? canary.status : statusWith(canary, {}, now);
  const [condition] = status.conditions!;
  const message = condition && `${withoutProblem(condition)}${problem ? HELD_UP + problem : ''}`;
  return message === undefined || message === condition!.message ? undefined : { ...status, conditions: [{ ...condition!, message }] };
}
