import type { MetricSpec, MetricStatus } from 'kubernetes-types/autoscaling/v2.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../base/index.ts';
import { hasEnded, isReady } from './pods.ts';

/** A pod as a metric sees it, in the metric's own unit (milli-cores, bytes). */
export interface Usage {
  readonly pod: Pod;
  readonly used: number | undefined;
}

/** What one metric recommends, or why it cannot. */
export type Recommendation =
  | { readonly replicas: number; readonly status: MetricStatus; readonly described: string }
  | { readonly failure: string; readonly message: string };

/** A deviation up to this part of the target changes nothing. */
const TOLERANCE = 0.1;

/** How many replicas would bring the metric to its target (the rule of the Kubernetes autoscaler). */
export function recommend(metric: MetricSpec, current: number, usages: readonly Usage[]): Recommendation {
  const resource = metric.resource;
  if (metric.type !== 'Resource' || !resource) {
    return {
      failure: `FailedGet${metric.type}Metric`,
      message: `metrics of type ${metric.type} are not served here; use type Resource with cpu or memory`,
    };
  }
  const { name, target } = resource;
  const failed = (why: string): Recommendation => ({
    failure: 'FailedGetResourceMetric',
    message: `the HPA was unable to compute the replica count: failed to get ${name} utilization: ${why}`,
  });
  if (name !== 'cpu' && name !== 'memory') return failed(`${name} is not measured here; use cpu or memory`);

  const counted = usages.filter(({ pod }) => !pod.metadata?.deletionTimestamp && !hasEnded(pod));
  // A pod that starts uses more processor than it will; its memory counts at once.
  const unready = counted.filter(({ pod }) => pod.status?.phase === 'Pending' || (name === 'cpu' && !isReady(pod)));
  const measured = counted.filter((u) => !unready.includes(u) && u.used !== undefined);
  const missing = counted.filter((u) => !unready.includes(u) && u.used === undefined);
  if (measured.length === 0) return failed(`unable to get metrics for resource ${name}: no metrics returned from resource metrics API`);

  const byRequest = target.type === 'Utilization';
  const scale = name === 'cpu' ? 1000 : 1;
  const weigh = ({ pod }: Usage): number =>
    byRequest ? requested(pod, name) * scale : (parseQuantity(target.averageValue ?? '') ?? NaN) * scale;
  const lacking = counted.find((u) => Number.isNaN(weigh(u)));
  if (lacking)
    return failed(
      byRequest ? `missing request for ${name} in a container of Pod ${lacking.pod.metadata?.name}` : 'the target has no averageValue',
    );
  const goal = byRequest ? (target.averageUtilization ?? 80) / 100 : 1;
  const sum = (list: readonly Usage[], of: (u: Usage) => number): number => list.reduce((n, u) => n + of(u), 0);
  const used = sum(measured, (u) => u.used ?? 0);
  const ratio = used / sum(measured, weigh) / goal;

  const average = used / measured.length;
  const averageValue = name === 'cpu' ? `${Math.round(average)}m` : String(Math.round(average));
  const averageUtilization = Math.round((used / sum(measured, weigh)) * 100);
  const status: MetricStatus = {
    type: 'Resource',
    resource: { name, current: byRequest ? { averageUtilization, averageValue } : { averageValue } },
  };
  const described = byRequest ? `${name} resource utilization (percentage of request)` : `${name} resource`;
  const result = (replicas: number): Recommendation => ({ replicas, status, described });

  if (missing.length === 0 && !(unready.length > 0 && ratio > 1)) {
    return result(Math.abs(ratio - 1) <= TOLERANCE ? current : Math.ceil(ratio * measured.length));
  }
  // What is not known is taken so that it speaks against the change: full use when shrinking, none when growing.
  const assumed = ratio < 1 ? sum(missing, weigh) * Math.max(1, goal) : 0;
  const all = [...measured, ...missing, ...(ratio > 1 ? unready : [])];
  const careful = (used + assumed) / sum(all, weigh) / goal;
  if (Math.abs(careful - 1) <= TOLERANCE || careful < 1 !== ratio < 1) return result(current);
  const replicas = Math.ceil(careful * all.length);
  return result(careful < 1 ? Math.min(current, replicas) : Math.max(current, replicas));
}

/** What the pod's containers ask for together; NaN when one of them asks for nothing. */
function requested(pod: Pod, resource: 'cpu' | 'memory'): number {
  return (pod.spec?.containers ?? []).reduce((n, c) => n + (parseQuantity(c.resources?.requests?.[resource] ?? '') ?? NaN), 0);
}
