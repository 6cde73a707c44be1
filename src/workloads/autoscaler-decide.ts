import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from 'kubernetes-types/autoscaling/v2.js';
import { rfc3339 } from '../base/index.ts';
import { withCondition, type EventType } from '../control/index.ts';
import type { Recommendation } from './autoscaling.ts';
import { bound, type Bounded, type ScalingMemory } from './scaling-rules.ts';

/** What is to be scaled, as it is. */
export interface ScaleTarget {
  /** What its spec asks for. */
  readonly wanted: number;
  /** What its status reports. */
  readonly current: number;
}

export interface ScaleDecision {
  readonly status: HorizontalPodAutoscalerStatus;
  /** The new number of replicas, when it changes. */
  readonly rescale: number | undefined;
  readonly event: { readonly type: EventType; readonly reason: string; readonly message: string } | undefined;
}

type Condition = Pick<HorizontalPodAutoscalerCondition, 'type' | 'status'> & { reason: string; message: string };

const yes = (type: string, reason: string, message: string): Condition => ({ type, status: 'True', reason, message });
const no = (type: string, reason: string, message: string): Condition => ({ type, status: 'False', reason, message });

const LIMIT_TEXT: Record<NonNullable<Bounded['limit']>, string> = {
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
};

/** One pass. `target` is a sentence that says why there is none, where that is so; `memory` is brought up to date. */
export function decideScale(
  hpa: HorizontalPodAutoscaler,
  target: ScaleTarget | string,
  recommendations: readonly Recommendation[],
  memory: ScalingMemory,
  now: number,
): ScaleDecision {
  const old = hpa.status?.conditions ?? [];
  const statusOf = (current: number, desired: number, conditions: readonly Condition[]): HorizontalPodAutoscalerStatus => ({
    ...(hpa.status?.lastScaleTime ? { lastScaleTime: hpa.status.lastScaleTime } : {}),
    ...(hpa.metadata?.generation === undefined ? {} : { observedGeneration: hpa.metadata.generation }),
    currentReplicas: current,
    desiredReplicas: desired,
    conditions: conditions.reduce<HorizontalPodAutoscalerCondition[]>((all, c) => withCondition(all, c, now), old),
  });
  /** What was said before is not said again every few seconds. */
  const warning = (c: Condition, message: string): ScaleDecision['event'] =>
    old.some((o) => o.type === c.type && o.reason === c.reason && o.message === c.message)
      ? undefined
      : { type: 'Warning', reason: c.reason, message };

  if (typeof target === 'string') {
    const unable = no('AbleToScale', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${target}`);
    return { status: statusOf(0, 0, [unable]), rescale: undefined, event: warning(unable, target) };
  }
  const { wanted, current } = target;
  if (wanted === 0) {
    const off = no('ScalingActive', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    return { status: statusOf(current, 0, [off]), rescale: undefined, event: undefined };
  }

  const { minReplicas: min = 1, maxReplicas: max = min, behavior } = hpa.spec ?? {};
  const trusted = highestTrusted(recommendations, wanted);
  const bounded = trusted ? bound(trusted.replicas, wanted, { min, max }, behavior, memory, now) : withinBounds(wanted, min, max);
  const active = activity(trusted, recommendations);
  const { replicas, limit } = bounded;
  const limited = limit
    ? yes('ScalingLimited', limit, LIMIT_TEXT[limit])
    : no('ScalingLimited', 'DesiredWithinRange', 'the desired count is within the acceptable range');
  const metrics = { currentMetrics: recommendations.flatMap((r) => ('status' in r ? [r.status] : [])) };
  if (replicas === wanted) {
    const event = trusted ? undefined : warning(active, active.message);
    return { status: { ...statusOf(current, replicas, [ability(bounded), active, limited]), ...metrics }, rescale: undefined, event };
  }
  memory.changes.push({ at: now, by: replicas - wanted });
  const able = yes('AbleToScale', 'SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`);
  return {
    status: { ...statusOf(current, replicas, [able, active, limited]), ...metrics, lastScaleTime: rfc3339(now) },
    rescale: replicas,
    event: {
      type: 'Normal',
      reason: 'SuccessfulRescale',
      message: `New size: ${replicas}; reason: ${reasonFor(bounded, wanted, trusted)}`,
    },
  };
}

type Known = Extract<Recommendation, { replicas: number }>;

/** The highest recommendation. While a metric is missing, what the others say may only make the target grow. */
function highestTrusted(recommendations: readonly Recommendation[], wanted: number): Known | undefined {
  const known = recommendations.filter((r): r is Known => 'replicas' in r).sort((a, b) => b.replicas - a.replicas);
  const highest = known[0];
  return highest && (known.length === recommendations.length || highest.replicas > wanted) ? highest : undefined;
}

/** Without a recommendation the bounds hold all the same. */
function withinBounds(wanted: number, min: number, max: number): Bounded {
  const replicas = Math.min(Math.max(wanted, min), max);
  return { replicas, stabilized: false, limit: replicas < wanted ? 'TooManyReplicas' : replicas > wanted ? 'TooFewReplicas' : undefined };
}

function activity(trusted: Known | undefined, recommendations: readonly Recommendation[]): Condition {
  if (trusted) {
    return yes('ScalingActive', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${trusted.described}`);
  }
  const failed = recommendations.find((r) => 'failure' in r);
  return no('ScalingActive', failed?.failure ?? 'InvalidMetric', failed?.message ?? 'no metric is given');
}

function ability(bounded: Bounded): Condition {
  return bounded.stabilized
    ? yes(
        'AbleToScale',
        'ScaleDownStabilized',
        'recent recommendations were higher than current one, applying the highest recent recommendation',
      )
    : yes('AbleToScale', 'ReadyForNewScale', 'recommended size matches current size');
}

function reasonFor({ replicas, limit }: Bounded, wanted: number, trusted: Known | undefined): string {
  if (limit === 'TooFewReplicas') return 'Current number of replicas below Spec.MinReplicas';
  if (limit === 'TooManyReplicas' && replicas < wanted) return 'Current number of replicas above Spec.MaxReplicas';
  return replicas > wanted && trusted ? `${trusted.described} above target` : 'All metrics below target';
}
