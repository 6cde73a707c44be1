import type { HorizontalPodAutoscaler, MetricSpec } from 'kubernetes-types/autoscaling/v2.js';
import type { LabelSelector } from 'kubernetes-types/meta/v1.js';
import {
  Deployments,
  HorizontalPodAutoscalers,
  keyOf,
  keyText,
  parseKey,
  Pods,
  ReplicaSets,
  StatefulSets,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { again, settled, updateStatus, type Source } from '../control/index.ts';
import { decideScale, type ScaleDecision } from './autoscaler-decide.ts';
import { recommend, type Usage } from './autoscaling.ts';
import { selects } from './labels.ts';
import type { ScalingMemory } from './scaling-rules.ts';
import type { Controller, World } from './world.ts';

/** What a pod uses. */
export interface PodUse {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** Finds out what pods use at present; those of whom nothing is known are left out. By {@link keyText} of the pod. */
export type UseOfPods = () => Promise<ReadonlyMap<string, PodUse>>;

/** How often metrics are looked at, in milliseconds. */
const PERIOD = 15_000;

interface Scalable extends KubeObject {
  spec?: { replicas?: number; selector?: LabelSelector };
  status?: { replicas?: number };
}

const SCALABLE: readonly Resource<Scalable>[] = [Deployments, ReplicaSets, StatefulSets] as readonly Resource[];

/** Scales Deployments, ReplicaSets and StatefulSets on what their pods use. Without metrics the bounds still hold. */
export function autoscaler(world: World, useOfPods: UseOfPods): Controller {
  const { informers, client, clock } = world;
  const autoscalers = informers.of(HorizontalPodAutoscalers);
  const pods = informers.of(Pods);
  const events = world.events('horizontal-pod-autoscaler');
  const memories = new Map<string, ScalingMemory>();

  /** Only changes of the spec: a status of ours must not start the next pass before its time. */
  const source: Source = {
    synced: Promise.all([autoscalers.synced, pods.synced]).then(() => undefined),
    start: (enqueue) =>
      autoscalers.onChange((change) => {
        if (change.type === 'updated' && canonicalJson(change.old.spec) === canonicalJson(change.object.spec)) return;
        enqueue(keyText(keyOf(change.object)));
      }),
  };

  function usagesOf(target: Scalable, metric: MetricSpec, use: ReadonlyMap<string, PodUse>): Usage[] {
    const of = metric.resource?.name === 'memory' ? 'memoryBytes' : 'cpuMilli';
    return pods
      .list(target.metadata?.namespace)
      .filter((p) => selects(target.spec?.selector, p.metadata?.labels))
      .map((pod) => ({ pod, used: use.get(keyText(keyOf(pod)))?.[of] }));
  }

  /** The target, or a sentence that says why it cannot be scaled. */
  async function find(hpa: HorizontalPodAutoscaler): Promise<{ resource: Resource<Scalable>; target: Scalable } | string> {
    const { kind, name } = hpa.spec!.scaleTargetRef;
    const resource = SCALABLE.find((r) => r.kind === kind);
    if (!resource) return `${kind} cannot be scaled; use a Deployment, ReplicaSet or StatefulSet`;
    const target = await client.get(resource, { namespace: hpa.metadata?.namespace, name });
    return target ? { resource, target } : `${resource.plural}.${resource.group} "${name}" not found`;
  }

  async function decideFor(hpa: HorizontalPodAutoscaler, target: Scalable, memory: ScalingMemory): Promise<ScaleDecision> {
    const scale = { wanted: target.spec?.replicas ?? 1, current: target.status?.replicas ?? 0 };
    const metrics = hpa.spec?.metrics ?? [];
    const use = metrics.some((m) => m.type === 'Resource') ? await useOfPods() : new Map<string, PodUse>();
    const recommendations = metrics.map((m) => recommend(m, scale.wanted, usagesOf(target, m, use)));
    return decideScale(hpa, scale, recommendations, memory, clock.now());
  }

  return {
    name: 'horizontal-pod-autoscaler',
    sources: [source],
    async reconcile(key) {
      const hpa = autoscalers.get(parseKey(key));
      if (!hpa || hpa.metadata?.deletionTimestamp) {
        memories.delete(key);
        return settled;
      }
      const memory = memories.get(key) ?? { recommendations: [], changes: [] };
      memories.set(key, memory);
      const found = await find(hpa);
      const { status, rescale, event } =
        typeof found === 'string' ? decideScale(hpa, found, [], memory, clock.now()) : await decideFor(hpa, found.target, memory);
      if (rescale !== undefined && typeof found !== 'string') {
        const body = { metadata: { resourceVersion: found.target.metadata?.resourceVersion }, spec: { replicas: rescale } };
        await client.patch(found.resource, keyOf(found.target), { type: 'merge', body });
      }
      if (event) await events.record(hpa, event.type, event.reason, event.message);
      await updateStatus(client, HorizontalPodAutoscalers, hpa, status);
      return again(PERIOD);
    },
  };
}
