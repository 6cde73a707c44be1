/** Status and its condition `Promoted`, phase by phase, in Flagger's words. Pure. */
import type { CanaryCondition, CanaryPhase, CanaryStatus } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';

const TEXT: Partial<Record<CanaryPhase, { status: CanaryCondition['status']; message: string }>> = {
  Initializing: { status: 'Unknown', message: 'New Deployment detected, starting initialization.' },
  Initialized: { status: 'True', message: 'Deployment initialization completed.' },
  Waiting: { status: 'Unknown', message: 'Waiting for approval.' },
  WaitingPromotion: { status: 'Unknown', message: 'Waiting for approval.' },
  Progressing: { status: 'Unknown', message: 'New revision detected, progressing canary analysis.' },
  Promoting: { status: 'Unknown', message: 'Canary analysis completed, starting primary rolling update.' },
  Finalising: { status: 'Unknown', message: 'Canary analysis completed, routing all traffic to primary.' },
  Succeeded: { status: 'True', message: 'Canary analysis completed successfully, promotion finished.' },
  Failed: { status: 'False', message: 'Canary analysis failed, Deployment scaled to zero.' },
};

/** The status with `change` made, its condition in step with the phase and its times moved; `now` in milliseconds. `message` replaces the phase's own. */
export function statusWith(old: CanaryStatus | undefined, change: Partial<CanaryStatus>, now: number, message?: string): CanaryStatus {
  const next: CanaryStatus = { failedChecks: 0, canaryWeight: 0, iterations: 0, phase: 'Initializing', ...old, ...change };
  const phase = next.phase || 'Initializing';
  const text = TEXT[phase] ?? TEXT.Initializing!;
  const before = old?.conditions?.find((c) => c.type === 'Promoted');
  const said = message ?? text.message;
  const same = before?.status === text.status && before.reason === phase && before.message === said;
  const stamp = rfc3339(now);
  const condition: CanaryCondition = same
    ? before
    : {
        type: 'Promoted',
        status: text.status,
        reason: phase,
        message: said,
        lastUpdateTime: stamp,
        lastTransitionTime: before?.status === text.status ? (before.lastTransitionTime ?? stamp) : stamp,
      };
  const unchanged = old !== undefined && same && Object.entries(change).every(([k, v]) => old[k as keyof CanaryStatus] === v);
  return { ...next, lastTransitionTime: unchanged ? (old.lastTransitionTime ?? stamp) : stamp, conditions: [condition] };
}
