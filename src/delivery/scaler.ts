/** The primary's autoscaler: the target's with another target. The canary's needs no pause: it does not scale what is at zero. Pure. */
import type { HorizontalPodAutoscaler, MetricSpec } from 'kubernetes-types/autoscaling/v2.js';
import { Canaries } from '../api/index.ts';
import { controllerReference } from '../control/index.ts';
import type { Observation } from './decision.ts';
import { primaryName } from './names.ts';

/** Metrics that name the target mean the primary there. */
function metricOf(metric: MetricSpec, target: string): MetricSpec {
  const described = metric.object?.describedObject;
  if (!metric.object || described?.name !== target) return metric;
  return { ...metric, object: { ...metric.object, describedObject: { ...described, name: primaryName(target) } } };
}

export function primaryScaler(o: Observation, scaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { autoscaler, target, namespace } = o.settings;
  const { minReplicas, maxReplicas } = autoscaler?.primaryScalerReplicas ?? {};
  const spec = scaler.spec!;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: primaryName(scaler.metadata?.name ?? ''),
      namespace,
      ...(scaler.metadata?.labels ? { labels: scaler.metadata.labels } : {}),
      ownerReferences: [controllerReference(Canaries, o.canary)],
    },
    spec: {
      ...spec,
      scaleTargetRef: { ...spec.scaleTargetRef, name: primaryName(target) },
      ...(spec.metrics ? { metrics: spec.metrics.map((m) => metricOf(m, target)) } : {}),
      ...(minReplicas ? { minReplicas } : {}),
      ...(maxReplicas ? { maxReplicas } : {}),
    },
  };
}
