import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { parseKey, Pods, ReplicaSets } from '../api/index.ts';
import { again, changesOf, settled, updateStatus, withCondition } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
import { podControl } from './pod-control.ts';
import { byDispensability, isActive, isReady, podFromTemplate, untilAvailable } from './pods.ts';
import type { Controller, World } from './world.ts';

/** How many pods one pass creates or deletes at most. */
const BURST = 500;

/** How many pods to create, which to delete. */
export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** `pods` are the set's own, whatever their state. */
export function decideReplicas(set: ReplicaSet, pods: readonly Pod[]): ReplicaPlan {
  if (set.metadata?.deletionTimestamp) return { create: 0, remove: [] };
  const active = pods.filter(isActive);
  const surplus = active.length - (set.spec?.replicas ?? 1);
  if (surplus <= 0) return { create: Math.min(BURST, -surplus), remove: [] };
  return { create: 0, remove: [...active].sort(byDispensability).slice(0, Math.min(BURST, surplus)) };
}

/** The status that the pods amount to, and in how many milliseconds it will change by itself (a pod becoming available). */
export function replicaSetStatus(
  set: ReplicaSet,
  pods: readonly Pod[],
  failure: string | undefined,
  now: number,
): { status: ReplicaSetStatus; after: number | undefined } {
  const active = pods.filter(isActive);
  const wantedLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const waits = active.map((p) => untilAvailable(p, set.spec?.minReadySeconds ?? 0, now));
  const pending = waits.filter((w) => w !== undefined && w > 0) as number[];
  const others = (set.status?.conditions ?? []).filter((c) => c.type !== 'ReplicaFailure');
  const conditions =
    failure === undefined
      ? others
      : withCondition(set.status?.conditions, { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure }, now);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((p) => wantedLabels.every(([k, v]) => p.metadata?.labels?.[k] === v)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: waits.filter((w) => w === 0).length,
    observedGeneration: set.metadata?.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
  return { status, after: pending.length > 0 ? Math.min(...pending) : undefined };
}

export function replicaSetController(world: World): Controller {
  const { informers, client, clock } = world;
  const sets = informers.of(ReplicaSets);
  const pods = informers.of(Pods);
  const control = podControl(client, world.events('replicaset-controller'));

  return {
    name: 'replicaset',
    sources: [
      changesOf(sets),
      changesOf(
        pods,
        ownersOf(ReplicaSets, sets, (s) => s.spec?.selector),
      ),
    ],
    concurrency: 5,
    async reconcile(key) {
      const set = sets.get(parseKey(key));
      if (!set) return settled;
      const candidates = pods.list(set.metadata?.namespace).filter(isActive);
      const own = await claim(client, ReplicaSets, set, Pods, decideClaims(set, set.spec?.selector, candidates));
      const plan = decideReplicas(set, own);
      const fresh = Array.from({ length: plan.create }, () => podFromTemplate(set.spec?.template, ReplicaSets, set, undefined));
      const failure = await control.create(set, fresh);
      await control.remove(set, plan.remove);
      const now = pods.list(set.metadata?.namespace).filter((p) => p.metadata?.ownerReferences?.some((o) => o.uid === set.metadata?.uid));
      const { status, after } = replicaSetStatus(set, now, failure, clock.now());
      await updateStatus(client, ReplicaSets, set, status);
      if (failure !== undefined) throw new Error(failure);
      return after === undefined ? settled : again(after);
    },
  };
}
