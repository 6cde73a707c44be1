import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { isApiError, keyOf, parseKey, Pods, ReplicaSets } from '../api/index.ts';
import { messageOf } from '../base/index.ts';
import { again, changesOf, settled, updateStatus, withCondition } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
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
  const events = world.events('replicaset-controller');

  /** Creates in batches that double, so that what refuses every pod is asked few times. The message of the refusal, if any. */
  async function createPods(set: ReplicaSet, count: number): Promise<string | undefined> {
    for (let left = count, batch = 1; left > 0; batch *= 2) {
      const size = Math.min(batch, left);
      const results = await Promise.allSettled(
        Array.from({ length: size }, () => client.create(Pods, podFromTemplate(set.spec?.template, ReplicaSets, set, undefined))),
      );
      for (const result of results) {
        if (result.status === 'fulfilled')
          await events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${result.value.metadata?.name}`);
      }
      const failed = results.find((r) => r.status === 'rejected');
      if (failed) {
        if (isNamespaceTerminating(failed.reason)) return undefined;
        await events.record(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failed.reason)}`);
        return messageOf(failed.reason);
      }
      left -= size;
    }
    return undefined;
  }

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
      const failure = await createPods(set, plan.create);
      for (const pod of plan.remove) {
        await client.delete(Pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } });
        await events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
      }
      const now = pods.list(set.metadata?.namespace).filter((p) => p.metadata?.ownerReferences?.some((o) => o.uid === set.metadata?.uid));
      const { status, after } = replicaSetStatus(set, now, failure, clock.now());
      await updateStatus(client, ReplicaSets, set, status);
      if (failure !== undefined) throw new Error(failure);
      return after === undefined ? settled : again(after);
    },
  };
}

/** A namespace on its way out takes no new objects, and asking again will not change that. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error, 'Forbidden') && (error.details?.causes ?? []).some((c) => c.reason === 'NamespaceTerminating');
}
