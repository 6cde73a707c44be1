import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Condition } from 'kubernetes-types/meta/v1.js';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1.js';
import { withCondition } from '../control/index.ts';
import { hasEnded, isReady } from './pods.ts';
import { share } from './rollout.ts';

/** An evicted pod that has not begun to go by then is taken not to go at all; in milliseconds. */
const EVICTION_TIMEOUT = 120_000;

/** What a pod's controller is meant to run: by uid, so that each is counted once. */
export interface Scale {
  readonly uid: string;
  readonly replicas: number;
}

/** Of a pod: its controller's scale, nothing when it has no controller, or a sentence when its controller has none. */
export type ScaleOf = (pod: Pod) => Scale | undefined | { readonly failure: string };

export interface BudgetDecision {
  readonly status: PodDisruptionBudgetStatus;
  /** Milliseconds until an evicted pod is no longer waited for. */
  readonly after: number | undefined;
}

/** What a budget allows. `pods` are those it selects. */
export function decideBudget(budget: PodDisruptionBudget, pods: readonly Pod[], scaleOf: ScaleOf, now: number): BudgetDecision {
  const { disrupted, after } = stillDisrupted(budget, pods, now);
  const observedGeneration = budget.metadata?.generation ?? 0;
  const conditions = budget.status?.conditions;
  const condition = (status: 'True' | 'False', reason: string, message: string): Condition[] =>
    withCondition(conditions, { type: 'DisruptionAllowed', status, reason, message, observedGeneration } as Condition, now);
  const present = pods.filter((p) => !hasEnded(p));
  const status = (
    counts: Pick<PodDisruptionBudgetStatus, 'currentHealthy' | 'desiredHealthy' | 'expectedPods' | 'disruptionsAllowed'>,
    conditions: Condition[],
  ): BudgetDecision => ({ status: { ...disruptedOf(disrupted), observedGeneration, ...counts, conditions }, after });
  const expected = expectation(budget, present, scaleOf);
  if (typeof expected === 'string') {
    const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = budget.status ?? {};
    return status({ currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed: 0 }, condition('False', 'SyncFailed', expected));
  }
  const { expectedPods, desiredHealthy } = expected;
  const currentHealthy = present.filter(
    (p) => isReady(p) && !p.metadata?.deletionTimestamp && !((p.metadata?.name ?? '') in disrupted),
  ).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  return status(
    { currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed },
    disruptionsAllowed > 0 ? condition('True', 'SufficientPods', '') : condition('False', 'InsufficientPods', ''),
  );
}

const disruptedOf = (pods: Record<string, string>): Pick<PodDisruptionBudgetStatus, 'disruptedPods'> =>
  Object.keys(pods).length > 0 ? { disruptedPods: pods } : {};

/** Pods that were evicted and have not begun to go. */
function stillDisrupted(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  now: number,
): { disrupted: Record<string, string>; after: number | undefined } {
  const disrupted: Record<string, string> = {};
  let after: number | undefined;
  for (const [name, since] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = pods.find((p) => p.metadata?.name === name);
    const left = Date.parse(since) + EVICTION_TIMEOUT - now;
    if (!pod || pod.metadata?.deletionTimestamp || left <= 0) continue;
    disrupted[name] = since;
    after = Math.min(after ?? left, left);
  }
  return { disrupted, after };
}

function expectation(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scaleOf: ScaleOf,
): { readonly expectedPods: number; readonly desiredHealthy: number } | string {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable === undefined && typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable };
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const scale = scaleOf(pod);
    if (scale && 'failure' in scale) return scale.failure;
    if (scale) scales.set(scale.uid, scale.replicas);
  }
  const expectedPods = [...scales.values()].reduce((a, b) => a + b, 0);
  const desiredHealthy =
    maxUnavailable === undefined
      ? share(minAvailable, expectedPods, 'up')
      : Math.max(0, expectedPods - share(maxUnavailable, expectedPods, 'up'));
  return { expectedPods, desiredHealthy };
}
