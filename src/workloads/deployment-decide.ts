import type { Deployment, DeploymentStatus, ReplicaSet } from 'kubernetes-types/apps/v1.js';
import { deploymentStatus, isComplete, type Progress } from './deployment-status.ts';
import { numberAnnotation } from './labels.ts';
import { byAge } from './pods.ts';
import { DESIRED_REPLICAS, findNewSet, MAX_REPLICAS, newReplicaSet, revisionFor, revisionOf, withRevision, withSize } from './revisions.ts';
import { newSetSize, oldSetSizes, proportionalSizes, rollingBounds, type Bounds, type SetCount } from './rollout.ts';

/** All that a deployment is decided by. */
export interface Observation {
  readonly deployment: Deployment;
  /** Its own, on their way out or not. */
  readonly sets: readonly ReplicaSet[];
  /** Whether a pod of the set with this uid still runs, be it on its way out. */
  readonly hasPods: (setUid: string) => boolean;
}

export interface Decision {
  /** A set to create. */
  readonly create: ReplicaSet | undefined;
  /** Sets to write, as they are to be; those that would not change are among them. */
  readonly write: readonly ReplicaSet[];
  /** Sets beyond the history limit. */
  readonly remove: readonly ReplicaSet[];
  /** For the deployment's annotation; absent: leave it. */
  readonly revision: number | undefined;
  readonly status: DeploymentStatus;
  /** Milliseconds until the deadline wants another look. */
  readonly after: number | undefined;
}

interface Plan {
  readonly create?: ReplicaSet;
  readonly write: readonly ReplicaSet[];
}

/** One step of a rollout. Steps follow one another as the sets report that the last one is done. */
export function decideDeployment({ deployment, sets, hasPods }: Observation, now: number): Decision {
  const bounds = boundsOf(deployment);
  const alive = sets.filter((s) => !s.metadata?.deletionTimestamp).sort(byAge);
  const newSet = findNewSet(deployment, alive);
  const oldSets = alive.filter((s) => s !== newSet);
  const leaving = Boolean(deployment.metadata?.deletionTimestamp);
  const plan = leaving ? { write: [] } : planSets(deployment, newSet, oldSets, bounds, hasPods);
  const planned = (s: ReplicaSet): ReplicaSet => plan.write.find((w) => w.metadata?.uid === s.metadata?.uid) ?? s;
  const { status, after } = deploymentStatus({
    deployment,
    newSet: newSet ? planned(newSet) : plan.create,
    oldSets: oldSets.map(planned),
    maxUnavailable: isRolling(deployment) ? bounds.unavailable : 0,
    progress: progressOf(deployment, newSet, plan.create),
    now,
  });
  const current = newSet ?? plan.create;
  const done = !leaving && (isComplete(deployment, status) || deployment.spec?.paused);
  return {
    create: plan.create,
    write: plan.write,
    remove: done ? beyondHistory(deployment, oldSets) : [],
    revision: current && !leaving ? revisionOf(planned(current)) || undefined : undefined,
    status: leaving ? { ...status, conditions: deployment.status?.conditions ?? [] } : status,
    after: leaving ? undefined : after,
  };
}

function planSets(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  bounds: Bounds,
  hasPods: Observation['hasPods'],
): Plan {
  const replicas = deployment.spec?.replicas ?? 1;
  const surge = isRolling(deployment) ? bounds.surge : 0;
  const size = (set: ReplicaSet, to: number): ReplicaSet => withSize(set, to, replicas, surge);
  const sets = [...oldSets, ...(newSet ? [newSet] : [])].sort(byAge);
  const resized = sets.filter(isRunning).some((s) => (numberAnnotation(s, DESIRED_REPLICAS) ?? replicas) !== replicas);
  if (deployment.spec?.paused || resized) return { write: scale(sets, newSet, replicas, surge, isRolling(deployment)) };

  const current = newSet ?? newReplicaSet(deployment);
  const revised = withRevision(deployment, current, revisionFor(newSet, oldSets));
  const asPlan = (s: ReplicaSet, others: readonly ReplicaSet[] = []): Plan =>
    newSet ? { write: [s, ...others] } : { create: s, write: others };
  if (!isRolling(deployment)) {
    const old = oldSets.filter(isRunning).map((s) => size(s, 0));
    if (old.length > 0) return { write: old };
    if (oldSets.some((s) => hasPods(s.metadata?.uid ?? ''))) return { write: [] };
    return asPlan(size(revised, replicas));
  }
  const target = newSetSize(replicas, bounds, wanted(current), oldSets.map(count));
  // One thing at a time: a set that exists is sized first, and the old ones when it reports back.
  if (newSet && target !== wanted(newSet)) return asPlan(size(revised, target));
  const sizes = oldSetSizes(replicas, bounds, { ...count(current), wanted: target }, oldSets.map(count));
  const shrunk = oldSets.filter((s) => sizes.get(nameOf(s)) !== wanted(s)).map((s) => size(s, sizes.get(nameOf(s))!));
  return asPlan(size(revised, target), shrunk);
}

/** The wanted number changed, or the rollout is paused: only sizes change, and no set is made. */
function scale(
  sets: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  replicas: number,
  surge: number,
  rolling: boolean,
): ReplicaSet[] {
  const running = sets.filter(isRunning);
  const size = (set: ReplicaSet, to: number): ReplicaSet => withSize(set, to, replicas, surge);
  if (running.length <= 1) {
    const only = running[0] ?? newSet ?? sets.at(-1);
    return only ? [size(only, replicas)] : [];
  }
  if (newSet && wanted(newSet) === replicas && (newSet.status?.availableReplicas ?? 0) === replicas) {
    return running.map((s) => size(s, s === newSet ? replicas : 0));
  }
  if (!rolling) return running.map((s) => size(s, wanted(s)));
  const sizes = proportionalSizes(replicas, surge, running.map(count));
  return running.map((s) => size(s, sizes.get(nameOf(s))!));
}

function progressOf(deployment: Deployment, newSet: ReplicaSet | undefined, created: ReplicaSet | undefined): Progress | undefined {
  const current = deployment.status?.conditions?.find((c) => c.type === 'Progressing');
  const paused = current?.reason === 'DeploymentPaused';
  if (deployment.metadata?.deletionTimestamp) return undefined;
  if (deployment.spec?.paused) return paused || current?.reason === 'ProgressDeadlineExceeded' ? undefined : { reason: 'DeploymentPaused' };
  if (created) return { reason: 'NewReplicaSetCreated', set: nameOf(created) };
  if (paused) return { reason: 'DeploymentResumed' };
  return newSet && !current ? { reason: 'FoundNewReplicaSet', set: nameOf(newSet) } : undefined;
}

/** The oldest of the sets that have neither pods nor a reason to be kept. */
function beyondHistory(deployment: Deployment, oldSets: readonly ReplicaSet[]): ReplicaSet[] {
  const idle = oldSets.filter(
    (s) => wanted(s) === 0 && (s.status?.replicas ?? 0) === 0 && (s.status?.observedGeneration ?? 0) >= (s.metadata?.generation ?? 0),
  );
  const surplus = idle.length - (deployment.spec?.revisionHistoryLimit ?? 10);
  return surplus <= 0 ? [] : idle.sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, surplus);
}

function isRolling(deployment: Deployment): boolean {
  return deployment.spec?.strategy?.type !== 'Recreate';
}

function boundsOf(deployment: Deployment): Bounds {
  const { maxSurge, maxUnavailable } = deployment.spec?.strategy?.rollingUpdate ?? {};
  return rollingBounds(deployment.spec?.replicas ?? 1, maxSurge, maxUnavailable);
}

const nameOf = (s: ReplicaSet): string => s.metadata?.name ?? '';
const wanted = (s: ReplicaSet): number => s.spec?.replicas ?? 1;
const isRunning = (s: ReplicaSet): boolean => wanted(s) > 0;

function count(s: ReplicaSet): SetCount {
  return { name: nameOf(s), wanted: wanted(s), available: s.status?.availableReplicas ?? 0, sizedFor: numberAnnotation(s, MAX_REPLICAS) };
}
