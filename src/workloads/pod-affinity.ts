/** Pods that want to be near others, or away from them. */
import type { Node, Pod, PodAffinityTerm } from 'kubernetes-types/core/v1.js';
import { selects } from './labels.ts';
import type { Misfit } from './scheduling.ts';

/** A pod where it is. */
export interface Placed {
  readonly pod: Pod;
  readonly node: Node;
}

/** Why the pods around keep this one from a node; undefined when they do not. */
export function neighbourMisfit(pod: Pod, node: Node, placed: readonly Placed[]): Misfit | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  for (const term of podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    const near = placed.some((p) => isMeant(term, pod, p.pod) && sameDomain(term, p.node, node));
    // The first of a group that keeps together has nobody to go to.
    const first = isMeant(term, pod, pod) && !placed.some((p) => isMeant(term, pod, p.pod)) && domainOf(term, node) !== undefined;
    if (!near && !first) return { reason: "node(s) didn't match pod affinity rules", final: true };
  }
  for (const term of podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (placed.some((p) => isMeant(term, pod, p.pod) && sameDomain(term, p.node, node)))
      return { reason: "node(s) didn't match pod anti-affinity rules", final: false };
  }
  for (const { pod: other, node: where } of placed) {
    const terms = other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    if (terms.some((term) => isMeant(term, other, pod) && sameDomain(term, where, node)))
      return { reason: "node(s) didn't satisfy existing pods anti-affinity rules", final: false };
  }
  return undefined;
}

/** The weights of what the pod prefers to have around it, less those of what it would rather be away from. */
export function neighbourScore(pod: Pod, node: Node, placed: readonly Placed[]): number {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const sum = (terms: readonly { weight: number; podAffinityTerm: PodAffinityTerm }[] = []): number =>
    terms.reduce(
      (total, { weight, podAffinityTerm: term }) =>
        total + weight * placed.filter((p) => isMeant(term, pod, p.pod) && sameDomain(term, p.node, node)).length,
      0,
    );
  return (
    sum(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution) -
    sum(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution)
  );
}

/** A term without namespaces means its own pod's. */
function isMeant(term: PodAffinityTerm, own: Pod, other: Pod): boolean {
  const namespaces = term.namespaces?.length ? term.namespaces : term.namespaceSelector ? undefined : [own.metadata?.namespace ?? ''];
  return (!namespaces || namespaces.includes(other.metadata?.namespace ?? '')) && selects(term.labelSelector, other.metadata?.labels);
}

const domainOf = (term: PodAffinityTerm, node: Node): string | undefined => node.metadata?.labels?.[term.topologyKey];

function sameDomain(term: PodAffinityTerm, a: Node, b: Node): boolean {
  const domain = domainOf(term, a);
  return domain !== undefined && domain === domainOf(term, b);
}
