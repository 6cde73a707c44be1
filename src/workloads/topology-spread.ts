/** Pods that are to be spread evenly over zones, nodes or whatever a label of the nodes tells apart. */
import type { Node, Pod, TopologySpreadConstraint } from 'kubernetes-types/core/v1.js';
import { selects } from './labels.ts';
import type { Placed } from './pod-affinity.ts';
import type { Misfit } from './scheduling.ts';

const constraintsOf = (pod: Pod, when: string): readonly TopologySpreadConstraint[] =>
  (pod.spec?.topologySpreadConstraints ?? []).filter((c) => (c.whenUnsatisfiable ?? 'DoNotSchedule') === when);

const isMeant = (constraint: TopologySpreadConstraint, own: Pod, other: Pod): boolean =>
  other.metadata?.namespace === own.metadata?.namespace &&
  !other.metadata?.deletionTimestamp &&
  selects(constraint.labelSelector, other.metadata?.labels);

/** How many of the pods that a constraint means are in the domain of a node. */
function countIn(constraint: TopologySpreadConstraint, pod: Pod, domain: string | undefined, placed: readonly Placed[]): number {
  return placed.filter((p) => p.node.metadata?.labels?.[constraint.topologyKey] === domain && isMeant(constraint, pod, p.pod)).length;
}

/** Why a pod on this node would be one too many in its domain. `counts` says which nodes' domains take part. */
export function spreadMisfit(
  pod: Pod,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Placed[],
  counts: (node: Node) => boolean,
): Misfit | undefined {
  const constraints = constraintsOf(pod, 'DoNotSchedule');
  const hasAll = (each: Node): boolean => constraints.every((c) => each.metadata?.labels?.[c.topologyKey] !== undefined);
  if (!hasAll(node)) return { reason: "node(s) didn't match pod topology spread constraints (missing required label)", final: true };
  for (const constraint of constraints) {
    const domains = new Set(
      nodes.filter((each) => hasAll(each) && counts(each)).map((each) => each.metadata?.labels?.[constraint.topologyKey]),
    );
    const fewest =
      domains.size < ((constraint as { minDomains?: number }).minDomains ?? 0)
        ? 0
        : Math.min(...[...domains].map((d) => countIn(constraint, pod, d, placed)));
    const here = countIn(constraint, pod, node.metadata?.labels?.[constraint.topologyKey], placed);
    const self = isMeant(constraint, pod, pod) ? 1 : 0;
    if (here + self - fewest > constraint.maxSkew) return { reason: "node(s) didn't match pod topology spread constraints", final: false };
  }
  return undefined;
}

/** How crowded the node's domains are already, by the constraints that only ask. */
export function spreadScore(pod: Pod, node: Node, placed: readonly Placed[]): number {
  return constraintsOf(pod, 'ScheduleAnyway').reduce((sum, c) => sum + countIn(c, pod, node.metadata?.labels?.[c.topologyKey], placed), 0);
}
