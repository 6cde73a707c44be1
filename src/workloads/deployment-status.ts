import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from 'kubernetes-types/apps/v1.js';
import { rfc3339 } from '../base/index.ts';

/** What a pass did that the Progressing condition tells of; only one of them, the last. */
export type Progress = {
  readonly reason: 'NewReplicaSetCreated' | 'FoundNewReplicaSet' | 'DeploymentPaused' | 'DeploymentResumed';
  readonly set?: string;
};

export interface StatusInput {
  readonly deployment: Deployment;
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
  /** How many pods may be unavailable. */
  readonly maxUnavailable: number;
  readonly progress: Progress | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const sum = (sets: readonly ReplicaSet[], of: (s: ReplicaSet) => number | undefined): number => sets.reduce((n, s) => n + (of(s) ?? 0), 0);

/** The status of a deployment, and in how many milliseconds its progress deadline wants another look. */
export function deploymentStatus(input: StatusInput): { status: DeploymentStatus; after: number | undefined } {
  const { deployment, newSet, oldSets, maxUnavailable, now } = input;
  const sets = [...oldSets, ...(newSet ? [newSet] : [])];
  const replicas = deployment.spec?.replicas ?? 1;
  const available = sum(sets, (s) => s.status?.availableReplicas);
  const counts: DeploymentStatus = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: sum(sets, (s) => s.status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (s) => s.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, (s) => s.spec?.replicas) - available),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
  };
  const enough = available >= replicas - maxUnavailable;
  let conditions = setCondition(deployment.status?.conditions ?? [], now, {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
  });
  const failing = sets.flatMap((s) => s.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure');
  conditions = failing
    ? setCondition(conditions, now, {
        type: 'ReplicaFailure',
        status: failing.status,
        reason: failing.reason ?? '',
        message: failing.message ?? '',
      })
    : conditions.filter((c) => c.type !== 'ReplicaFailure');
  conditions = withProgress(conditions, counts, input);
  return { status: { ...counts, conditions }, after: untilDeadline(deployment, counts, conditions, now) };
}

/** True when nothing of the rollout is left to do. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = deployment.spec?.replicas ?? 1;
  return (
    status.updatedReplicas === replicas &&
    status.replicas === replicas &&
    status.availableReplicas === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

const PROGRESS_TEXT: Record<Progress['reason'], (set: string) => readonly [status: string, message: string]> = {
  NewReplicaSetCreated: (set: string) => ['True', `Created new replica set "${set}"`],
  FoundNewReplicaSet: (set: string) => ['True', `Found new replica set "${set}"`],
  DeploymentPaused: () => ['Unknown', 'Deployment is paused'],
  DeploymentResumed: () => ['Unknown', 'Deployment is resumed'],
};

function withProgress(conditions: DeploymentCondition[], counts: DeploymentStatus, input: StatusInput): DeploymentCondition[] {
  const { deployment, newSet, progress, now } = input;
  if (!hasDeadline(deployment)) return conditions.filter((c) => c.type !== 'Progressing');
  if (progress) {
    const [status, message] = PROGRESS_TEXT[progress.reason](progress.set ?? '');
    return setCondition(conditions, now, { type: 'Progressing', status, reason: progress.reason, message });
  }
  const current = conditions.find((c) => c.type === 'Progressing');
  if (deployment.spec?.paused) return conditions;
  if (counts.replicas === counts.updatedReplicas && current?.reason === 'NewReplicaSetAvailable') return conditions;
  const subject = newSet ? `ReplicaSet "${newSet.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
  if (isComplete(deployment, counts)) {
    const message = `${subject} has successfully progressed.`;
    return setCondition(conditions, now, { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message });
  }
  if (hasProgressed(deployment.status, counts)) {
    const others = current?.status === 'True' ? conditions : conditions.filter((c) => c !== current);
    const next = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.` };
    // The deadline counts from the last progress, so its time moves even when nothing else of the condition does.
    return setCondition(others, now, next, true);
  }
  if (current && isOverdue(deployment, current, now)) {
    const message = `${subject} has timed out progressing.`;
    return setCondition(conditions, now, { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message });
  }
  return conditions;
}

function hasDeadline(deployment: Deployment): boolean {
  return deployment.spec?.progressDeadlineSeconds !== undefined && deployment.spec.progressDeadlineSeconds !== 2 ** 31 - 1;
}

/** More pods updated, ready or available, or fewer old ones, than when the status was last written. */
function hasProgressed(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const n = (x: number | undefined): number => x ?? 0;
  return (
    n(after.updatedReplicas) > n(before?.updatedReplicas) ||
    n(after.readyReplicas) > n(before?.readyReplicas) ||
    n(after.availableReplicas) > n(before?.availableReplicas) ||
    n(after.replicas) - n(after.updatedReplicas) < n(before?.replicas) - n(before?.updatedReplicas)
  );
}

function deadlineOf(deployment: Deployment, progressing: DeploymentCondition): number {
  return (
    Date.parse(progressing.lastUpdateTime ?? progressing.lastTransitionTime ?? '') +
    (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000
  );
}

function isOverdue(deployment: Deployment, progressing: DeploymentCondition, now: number): boolean {
  if (progressing.reason === 'NewReplicaSetAvailable') return false;
  return progressing.reason === 'ProgressDeadlineExceeded' || deadlineOf(deployment, progressing) < now;
}

function untilDeadline(
  deployment: Deployment,
  counts: DeploymentStatus,
  conditions: readonly DeploymentCondition[],
  now: number,
): number | undefined {
  const current = conditions.find((c) => c.type === 'Progressing');
  if (!current || deployment.spec?.paused || isComplete(deployment, counts)) return undefined;
  if (current.reason === 'ProgressDeadlineExceeded' || current.reason === 'NewReplicaSetAvailable') return undefined;
  // A second more than the deadline: times are written in whole seconds.
  return Math.max(0, deadlineOf(deployment, current) - now) + 1000;
}

/** Sets a condition; with the same status and reason it is left alone, unless `refresh` asks for a new update time. */
function setCondition(
  conditions: readonly DeploymentCondition[],
  now: number,
  next: Pick<DeploymentCondition, 'type' | 'status'> & { reason: string; message: string },
  refresh = false,
): DeploymentCondition[] {
  const time = rfc3339(now);
  const old = conditions.find((c) => c.type === next.type);
  if (old && old.status === next.status && old.reason === next.reason && !refresh) return [...conditions];
  const since = old?.status === next.status ? (old.lastTransitionTime ?? time) : time;
  return [...conditions.filter((c) => c !== old), { ...next, lastUpdateTime: time, lastTransitionTime: since }];
}
