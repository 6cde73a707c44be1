/** Whether a workload has rolled out, in the words Flagger's events use. Pure. */
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.js';
import type { ReadinessRule } from './targets/target.ts';

export type Readiness =
  | { readonly state: 'ready' }
  | { readonly state: 'waiting'; readonly message: string }
  | { readonly state: 'failed'; readonly message: string };

const waiting = (message: string): Readiness => ({ state: 'waiting', message });

/** `percent` of the updated replicas must be available; `deadlineMs` bounds how long too few may be. */
export function deploymentReadiness(deployment: Deployment, { percent, deadlineMs, now }: ReadinessRule): Readiness {
  const name = deployment.metadata?.name ?? '';
  const { status = {}, spec } = deployment;
  if ((deployment.metadata?.generation ?? 0) > (status.observedGeneration ?? 0))
    return waiting('observed deployment generation less than desired generation');
  const condition = (type: string) => status.conditions?.find((c) => c.type === type);
  if (condition('Progressing')?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', message: `deployment "${name}" exceeded its progress deadline` };
  const unavailable = condition('Available');
  const since = Date.parse(String(unavailable?.lastUpdateTime ?? unavailable?.lastTransitionTime ?? ''));
  const overdue = unavailable?.status === 'False' && now - since > deadlineMs;
  const wait = (message: string): Readiness => (overdue ? { state: 'failed', message } : waiting(message));
  const desired = spec?.replicas ?? 1;
  const updated = status.updatedReplicas ?? 0;
  const available = status.availableReplicas ?? 0;
  if (updated < desired) return wait(`waiting for rollout to finish: ${updated} out of ${desired} new replicas have been updated`);
  const old = (status.replicas ?? 0) - updated;
  if (old > 0) return wait(`waiting for rollout to finish: ${old} old replicas are pending termination`);
  if (available < Math.floor((updated * percent) / 100))
    return wait(`waiting for rollout to finish: ${available} of ${updated} (readyThreshold ${percent}%) updated replicas are available`);
  return { state: 'ready' };
}

/** A DaemonSet says nothing of when it got stuck: `since` is when the release last moved, in milliseconds since the epoch. */
export function daemonSetReadiness(daemonSet: DaemonSet, { percent, deadlineMs, since, now }: ReadinessRule): Readiness {
  const { status } = daemonSet;
  if (!status || (daemonSet.metadata?.generation ?? 0) > (status.observedGeneration ?? 0))
    return waiting('observed daemonset generation less than desired generation');
  const wait = (message: string): Readiness => (now - since > deadlineMs ? { state: 'failed', message } : waiting(message));
  const desired = status.desiredNumberScheduled;
  const updated = status.updatedNumberScheduled ?? 0;
  const available = status.numberAvailable ?? 0;
  if (updated < desired) return wait(`waiting for rollout to finish: ${updated} out of ${desired} new pods have been updated`);
  if (available < Math.floor((desired * percent) / 100))
    return wait(`waiting for rollout to finish: ${available} of ${desired} (readyThreshold ${percent}%) updated pods are available`);
  return { state: 'ready' };
}
