import type { Node, NodeSelectorTerm, Pod, Taint, Toleration } from 'kubernetes-types/core/v1.js';
import { below, type Rng } from '../base/index.ts';
import { selects } from './labels.ts';

/** Where a pod goes, or why nowhere. */
export type Placement = { readonly node: string } | { readonly message: string };

/** The node with the fewest pods among those that fit; `load` counts the pods of a node. */
export function decideNode(pod: Pod, nodes: readonly Node[], load: (node: string) => number, rng: Rng): Placement {
  if (nodes.length === 0) return { message: 'no nodes available to schedule pods' };
  const refusals = new Map<string, number>();
  const fitting: Node[] = [];
  for (const node of nodes) {
    const refusal = refusalOf(pod, node);
    if (refusal === undefined) fitting.push(node);
    else refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
  }
  if (fitting.length === 0) {
    const reasons = [...refusals].map(([reason, count]) => `${count} ${reason}`).sort();
    return { message: `0/${nodes.length} nodes are available: ${reasons.join(', ')}.` };
  }
  const fewest = Math.min(...fitting.map((n) => load(nameOf(n))));
  const best = fitting.filter((n) => load(nameOf(n)) === fewest);
  return { node: nameOf(best[below(rng, best.length)]!) };
}

/** Why a node does not take the pod, in the scheduler's words; undefined when it does. */
export function refusalOf(pod: Pod, node: Node): string | undefined {
  return isReady(node) ? misfitOf(pod, node) : 'node(s) were not ready';
}

/** Why a node would not take the pod even when it is ready. */
export function misfitOf(pod: Pod, node: Node): string | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  if (
    node.spec?.unschedulable &&
    !tolerations.some((t) => tolerates(t, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }))
  ) {
    return 'node(s) were unschedulable';
  }
  if (!matchesNode(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  const taint = node.spec?.taints?.find(
    (t) => t.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, t)),
  );
  return taint && `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
}

/** The node selector and the required node affinity of the pod. */
function matchesNode(pod: Pod, node: Node): boolean {
  const { nodeSelector, affinity } = pod.spec ?? {};
  if (!selects({ matchLabels: nodeSelector ?? {} }, node.metadata?.labels)) return false;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** A term without any requirement matches nothing. */
function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const labels = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (labels.length + fields.length === 0) return false;
  const isComparison = (r: { operator: string }): boolean => r.operator === 'Gt' || r.operator === 'Lt';
  return (
    selects({ matchExpressions: labels.filter((r) => !isComparison(r)) }, node.metadata?.labels) &&
    selects({ matchExpressions: fields }, { 'metadata.name': nameOf(node) }) &&
    labels.filter(isComparison).every(({ key, operator, values }) => {
      const [have, want] = [Number(node.metadata?.labels?.[key]), Number(values?.[0])];
      return operator === 'Gt' ? have > want : have < want;
    })
  );
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

function isReady(node: Node): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

const nameOf = (node: Node): string => node.metadata?.name ?? '';
