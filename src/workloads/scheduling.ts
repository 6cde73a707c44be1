import type { Node, NodeSelectorTerm, Pod, Taint, Toleration } from 'kubernetes-types/core/v1.js';
import { below, type Rng } from '../base/index.ts';
import { controllerOf } from '../control/index.ts';
import { selects } from './labels.ts';
import { portClash, shortages } from './node-room.ts';
import { neighbourMisfit, neighbourScore, type Placed } from './pod-affinity.ts';
import { spreadMisfit, spreadScore } from './topology-spread.ts';

/** Where a pod goes, or why nowhere. */
export type Placement = { readonly node: string } | { readonly message: string };

/** A node, and the pods that are bound to it and have not ended. */
export interface Host {
  readonly node: Node;
  readonly pods: readonly Pod[];
}

/** Why a node does not take a pod. `final`: taking other pods off the node would not change that. */
export interface Misfit {
  readonly reason: string;
  readonly final: boolean;
}

/**
 * The node that suits a pod best among those that fit: by its preferences first, then away from its like, then where the fewest pods
 * are. Says why when none fits, as the real scheduler does.
 */
export function decideNode(pod: Pod, hosts: readonly Host[], rng: Rng): Placement {
  if (hosts.length === 0) return { message: 'no nodes available to schedule pods' };
  const placed: Placed[] = hosts.flatMap(({ node, pods }) => pods.map((other) => ({ pod: other, node })));
  const nodes = hosts.map(({ node }) => node);
  const refusals = hosts.map((host) => misfitsOf(pod, host, nodes, placed));
  const fitting = hosts.filter((_, i) => refusals[i]!.length === 0);
  if (fitting.length === 0) return { message: unschedulable(refusals) };
  const like = controllerOf(pod)?.uid;
  const score = ({ node, pods }: Host): readonly number[] => [
    preferenceOf(pod, node) + neighbourScore(pod, node, placed) - spreadScore(pod, node, placed),
    -pods.filter((other) => like !== undefined && controllerOf(other)?.uid === like).length,
    -pods.length,
  ];
  const scored = fitting.map((host) => ({ host, score: score(host) })).sort((a, b) => compare(b.score, a.score));
  const best = scored.filter((s) => compare(s.score, scored[0]!.score) === 0);
  return { node: nameOf(best[below(rng, best.length)]!.host.node) };
}

const compare = (a: readonly number[], b: readonly number[]): number => a.map((n, i) => n - b[i]!).find((d) => d !== 0) ?? 0;

function unschedulable(refusals: readonly (readonly Misfit[])[]): string {
  const count = (texts: readonly string[]): string => {
    const counts = new Map<string, number>();
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    return [...counts]
      .map(([text, n]) => `${n} ${text}`)
      .sort()
      .join(', ');
  };
  const none = `0/${refusals.length} nodes are available`;
  const victims = refusals.map((misfits) =>
    misfits.some((m) => m.final) ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod',
  );
  return `${none}: ${count(refusals.flatMap((misfits) => misfits.map((m) => m.reason)))}. preemption: ${none}: ${count(victims)}.`;
}

/** What the first rule that refuses has to say; nothing when all let the pod in. */
function misfitsOf(pod: Pod, { node, pods }: Host, nodes: readonly Node[], placed: readonly Placed[]): readonly Misfit[] {
  const fixed = misfitOf(pod, node);
  if (fixed !== undefined) return [{ reason: fixed, final: true }];
  if (!isReady(node)) return [{ reason: 'node(s) were not ready', final: true }];
  if (portClash(pod, pods)) return [{ reason: "node(s) didn't have free ports for the requested pod ports", final: false }];
  const short = shortages(pod, node, pods);
  if (short.length > 0) return short.map((reason) => ({ reason, final: false }));
  const other = spreadMisfit(pod, node, nodes, placed, (each) => misfitOf(pod, each) === undefined) ?? neighbourMisfit(pod, node, placed);
  return other ? [other] : [];
}

/** Why a node would not take the pod whatever else runs on it, in the scheduler's words; undefined when it would. */
export function misfitOf(pod: Pod, node: Node): string | undefined {
  const { tolerations = [], nodeName } = pod.spec ?? {};
  if (node.spec?.unschedulable && !tolerations.some((t) => tolerates(t, UNSCHEDULABLE))) return 'node(s) were unschedulable';
  if (nodeName && nodeName !== nameOf(node)) return "node(s) didn't match the requested node name";
  const taint = untolerated(pod, node, (t) => t.effect !== 'PreferNoSchedule');
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  return matchesNode(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector";
}

const UNSCHEDULABLE: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** The first taint of those asked about that the pod does not tolerate. */
export function untolerated(pod: Pod, node: Node, asked: (taint: Taint) => boolean): Taint | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  return node.spec?.taints?.find((taint) => asked(taint) && !tolerations.some((t) => tolerates(t, taint)));
}

/** The node selector and the required node affinity of the pod. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const { nodeSelector, affinity } = pod.spec ?? {};
  if (!selects({ matchLabels: nodeSelector ?? {} }, node.metadata?.labels)) return false;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}

/** What the pod would rather have: preferred affinity counts for a node, taints that would rather not have it against. */
function preferenceOf(pod: Pod, node: Node): number {
  const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const liked = terms.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0);
  return liked - (untolerated(pod, node, (t) => t.effect === 'PreferNoSchedule') ? 100 : 0);
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

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

function isReady(node: Node): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

const nameOf = (node: Node): string => node.metadata?.name ?? '';
