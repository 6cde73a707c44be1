import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from 'kubernetes-types/autoscaling/v2.js';
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
  type Key,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { again, settled, updateStatus, withCondition, type Source } from '../control/index.ts';
import { recommend, type Recommendation, type Usage } from './autoscaling.ts';
import { selects } from './labels.ts';
import { bound, type Bounded, type ScalingMemory } from './scaling-rules.ts';
import type { Controller, World } from './world.ts';

/** What pods use at present; undefined while it is not known. */
export interface PodMetrics {
  /** Thousandths of a core. */
  cpuMilli(pod: Key): number | undefined;
  memoryBytes(pod: Key): number | undefined;
}

/** How often metrics are looked at, in milliseconds. */
const PERIOD = 15_000;

interface Scalable extends KubeObject {
  spec?: { replicas?: number; selector?: LabelSelector };
  status?: { replicas?: number };
}

const SCALABLE: readonly Resource<Scalable>[] = [
  Deployments,
  ReplicaSets,
  StatefulSets,
] as readonly Resource[] as readonly Resource<Scalable>[];

const LIMIT_TEXT: Record<NonNullable<Bounded['limit']>, string> = {
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
};

type Set = Pick<HorizontalPodAutoscalerCondition, 'type' | 'status'> & { reason: string; message: string };

/** Scales Deployments, ReplicaSets and StatefulSets on what their pods use. Without metrics the bounds still hold. */
export function autoscaler(world: World, metrics: PodMetrics): Controller {
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
        if (change.type === 'updated' && change.old.metadata?.generation === change.object.metadata?.generation) return;
        enqueue(keyText(keyOf(change.object)));
      }),
  };

  function usagesOf(target: Scalable, metric: MetricSpec): Usage[] {
    const used = metric.resource?.name === 'memory' ? metrics.memoryBytes : metrics.cpuMilli;
    return pods
      .list(target.metadata?.namespace)
      .filter((p) => selects(target.spec?.selector, p.metadata?.labels))
      .map((pod) => ({ pod, used: used.call(metrics, keyOf(pod)) }));
  }

  async function pass(hpa: HorizontalPodAutoscaler, memory: ScalingMemory): Promise<HorizontalPodAutoscalerStatus> {
    const now = clock.now();
    let conditions = hpa.status?.conditions ?? [];
    const set = (condition: Set): void => void (conditions = withCondition(conditions, condition, now));
    const status = (
      current: number,
      desired: number,
      rest: Partial<HorizontalPodAutoscalerStatus> = {},
    ): HorizontalPodAutoscalerStatus => ({
      ...(hpa.status?.lastScaleTime ? { lastScaleTime: hpa.status.lastScaleTime } : {}),
      ...rest,
      observedGeneration: hpa.metadata?.generation ?? 0,
      currentReplicas: current,
      desiredReplicas: desired,
      conditions,
    });

    const { kind, name } = hpa.spec!.scaleTargetRef;
    const resource = SCALABLE.find((r) => r.kind === kind);
    const key = { namespace: hpa.metadata?.namespace, name };
    const target = resource && (await client.get(resource, key));
    if (!resource || !target) {
      const why = resource
        ? `${resource.plural}.${resource.group} "${name}" not found`
        : `${kind} cannot be scaled; use a Deployment, ReplicaSet or StatefulSet`;
      const message = `the HPA controller was unable to get the target's current scale: ${why}`;
      set({ type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message });
      await events.record(hpa, 'Warning', 'FailedGetScale', why);
      return status(0, 0);
    }
    const wanted = target.spec?.replicas ?? 1;
    const current = target.status?.replicas ?? 0;
    if (wanted === 0) {
      set({
        type: 'ScalingActive',
        status: 'False',
        reason: 'ScalingDisabled',
        message: 'scaling is disabled since the replica count of the target is zero',
      });
      return status(current, 0);
    }

    const { minReplicas: min = 1, maxReplicas: max, behavior } = hpa.spec!;
    const answers = (hpa.spec!.metrics ?? []).map((m) => recommend(m, wanted, usagesOf(target, m)));
    const known = answers.filter((a) => 'replicas' in a);
    const failed = answers.find((a): a is Extract<Recommendation, { failure: string }> => 'failure' in a);
    const highest = known.reduce<(typeof known)[number] | undefined>(
      (best, a) => (best && best.replicas >= a.replicas ? best : a),
      undefined,
    );
    // With a metric missing, what the others say may only make it grow.
    const trusted = highest && (!failed || highest.replicas > wanted) ? highest : undefined;
    let bounded: Bounded;
    if (trusted) {
      const message = `the HPA was able to successfully calculate a replica count from ${trusted.described}`;
      set({ type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message });
      bounded = bound(trusted.replicas, wanted, { min, max }, behavior, memory, now);
    } else {
      const { failure = 'InvalidMetric', message = 'no metric is given' } = failed ?? {};
      set({ type: 'ScalingActive', status: 'False', reason: failure, message });
      await events.record(hpa, 'Warning', failure, message);
      const replicas = Math.min(Math.max(wanted, min), max);
      bounded = {
        replicas,
        stabilized: false,
        limit: replicas < wanted ? 'TooManyReplicas' : replicas > wanted ? 'TooFewReplicas' : undefined,
      };
    }
    const { replicas, limit } = bounded;
    set(
      limit
        ? { type: 'ScalingLimited', status: 'True', reason: limit, message: LIMIT_TEXT[limit] }
        : {
            type: 'ScalingLimited',
            status: 'False',
            reason: 'DesiredWithinRange',
            message: 'the desired count is within the acceptable range',
          },
    );
    const rest = { currentMetrics: known.map((a) => a.status) };
    if (replicas === wanted) {
      set(
        bounded.stabilized
          ? {
              type: 'AbleToScale',
              status: 'True',
              reason: 'ScaleDownStabilized',
              message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
            }
          : { type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale', message: 'recommended size matches current size' },
      );
      return status(current, replicas, rest);
    }
    const { resourceVersion } = target.metadata ?? {};
    await client.patch(resource, key, { type: 'merge', body: { metadata: { resourceVersion }, spec: { replicas } } });
    memory.changes.push({ at: now, by: replicas - wanted });
    set({
      type: 'AbleToScale',
      status: 'True',
      reason: 'SucceededRescale',
      message: `the HPA controller was able to update the target scale to ${replicas}`,
    });
    const why =
      limit === 'TooFewReplicas'
        ? 'Current number of replicas below Spec.MinReplicas'
        : limit === 'TooManyReplicas'
          ? 'Current number of replicas above Spec.MaxReplicas'
          : replicas > wanted
            ? `${trusted?.described} above target`
            : 'All metrics below target';
    await events.record(hpa, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${why}`);
    return status(current, replicas, { ...rest, lastScaleTime: rfc3339(now) });
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
      await updateStatus(client, HorizontalPodAutoscalers, hpa, await pass(hpa, memory));
      return again(PERIOD);
    },
  };
}
