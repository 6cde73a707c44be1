import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from 'kubernetes-types/autoscaling/v2.js';

/** What an autoscaler remembers between its passes; times in milliseconds since the epoch. */
export interface ScalingMemory {
  recommendations: { at: number; replicas: number }[];
  /** Changes made; negative when shrinking. */
  changes: { at: number; by: number }[];
}

export interface Bounded {
  readonly replicas: number;
  /** True when earlier recommendations held it up. */
  readonly stabilized: boolean;
  /** Why it is not what was recommended, as the ScalingLimited condition says it. */
  readonly limit: 'TooManyReplicas' | 'TooFewReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit' | undefined;
}

const DEFAULT_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const DEFAULT_DOWN: HPAScalingRules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};
/** The longest window and the longest period that the API allows, in milliseconds. */
const LONGEST = 3_600_000;

/** Notes the recommendation and bounds it: by the time windows, by the rate of change, and by the smallest and largest number. */
export function bound(
  recommended: number,
  current: number,
  limits: { readonly min: number; readonly max: number },
  behavior: HorizontalPodAutoscalerBehavior | undefined,
  memory: ScalingMemory,
  now: number,
): Bounded {
  const up = { ...DEFAULT_UP, ...behavior?.scaleUp };
  const down = { ...DEFAULT_DOWN, ...behavior?.scaleDown };
  memory.recommendations = [...memory.recommendations.filter((r) => now - r.at < LONGEST), { at: now, replicas: recommended }];
  memory.changes = memory.changes.filter((c) => now - c.at < LONGEST);
  const within = (seconds: number | undefined): number[] =>
    memory.recommendations.filter((r) => r === memory.recommendations.at(-1) || now - r.at < (seconds ?? 0) * 1000).map((r) => r.replicas);
  const floor = Math.min(...within(up.stabilizationWindowSeconds));
  const ceiling = Math.max(...within(down.stabilizationWindowSeconds));
  const steady = Math.min(Math.max(current, floor), ceiling);

  const fastest =
    steady > current ? Math.max(current, upLimit(up, current, memory, now)) : Math.min(current, downLimit(down, current, memory, now));
  const rated = steady > current ? Math.min(steady, fastest) : Math.max(steady, fastest);
  const replicas = Math.min(Math.max(rated, limits.min), limits.max);
  return { replicas, stabilized: steady !== recommended, limit: limitOf(steady, rated, replicas) };
}

function limitOf(wanted: number, rated: number, bounded: number): Bounded['limit'] {
  if (bounded < rated) return 'TooManyReplicas';
  if (bounded > rated) return 'TooFewReplicas';
  return rated === wanted ? undefined : rated < wanted ? 'ScaleUpLimit' : 'ScaleDownLimit';
}

/** How many there were when the period began. */
function atStart(current: number, periodSeconds: number, memory: ScalingMemory, now: number): number {
  return current - memory.changes.filter((c) => now - c.at < periodSeconds * 1000).reduce((n, c) => n + c.by, 0);
}

function upLimit(rules: HPAScalingRules, current: number, memory: ScalingMemory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = atStart(current, periodSeconds, memory, now);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(rules: HPAScalingRules, current: number, memory: ScalingMemory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = atStart(current, periodSeconds, memory, now);
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}
