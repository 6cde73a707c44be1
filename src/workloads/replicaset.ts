import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { parseKey, Pods, ReplicaSets, ReplicationControllers, type KubeObject, type Resource } from '../api/index.ts';
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

/** ReplicaSets, and what came before them. */
interface Kind<T extends KubeObject & { status?: unknown }> {
  readonly name: string;
  readonly resource: Resource<T>;
  /** The object as a ReplicaSet. */
  asSet(object: T): ReplicaSet;
}

export const replicaSetController = (world: World): Controller =>
  replicas(world, { name: 'replicaset', resource: ReplicaSets, asSet: (set) => set });

export const replicationController = (world: World): Controller =>
  replicas(world, {
    name: 'replicationcontroller',
    resource: ReplicationControllers,
    asSet: (object) => {
      const { selector = {}, template, ...spec } = object.spec ?? {};
      const set = { ...spec, ...(template ? { template } : {}), selector: { matchLabels: selector } };
      return { ...(object as KubeObject), spec: set, ...(object.status ? { status: object.status } : {}) } as ReplicaSet;
    },
  });

function replicas<T extends KubeObject & { status?: unknown }>(world: World, { name, resource, asSet }: Kind<T>): Controller {
  const { informers, client, clock } = world;
  const objects = informers.of(resource);
  const pods = informers.of(Pods);
  const control = podControl(client, world.events(`${name}-controller`));

  return {
    name,
    sources: [
      changesOf(objects),
      changesOf(
        pods,
        ownersOf(resource, objects, (object) => asSet(object).spec?.selector),
      ),
    ],
    concurrency: 5,
    async reconcile(key) {
      const object = objects.get(parseKey(key));
      if (!object) return settled;
      const set = asSet(object);
      const candidates = pods.list(set.metadata?.namespace).filter(isActive);
      const own = await claim(client, resource, object, Pods, decideClaims(object, set.spec?.selector, candidates));
      const plan = decideReplicas(set, own);
      const fresh = Array.from({ length: plan.create }, () => podFromTemplate(set.spec?.template, resource, object, undefined));
      const failure = await control.create(object, fresh);
      await control.remove(object, plan.remove);
      const now = pods.list(set.metadata?.namespace).filter((p) => p.metadata?.ownerReferences?.some((o) => o.uid === set.metadata?.uid));
      const { status, after } = replicaSetStatus(set, now, failure, clock.now());
      await updateStatus(client, resource, object, status as NonNullable<T['status']>);
      if (failure !== undefined) throw new Error(failure);
      return after === undefined ? settled : again(after);
    },
  };
}
