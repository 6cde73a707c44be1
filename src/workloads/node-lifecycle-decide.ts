import type { Node, NodeCondition, Taint } from 'kubernetes-types/core/v1.js';
import { rfc3339 } from '../base/index.ts';
import { withCondition } from '../control/index.ts';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** What a condition of a node keeps away from it while it holds. */
const PRESSURES: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const OURS: ReadonlySet<string> = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(PRESSURES)]);

const statusOf = (node: Node, type: string): string | undefined => node.status?.conditions?.find((c) => c.type === type)?.status;

/** The taints that a node's conditions amount to, those of others kept as they are. `now` in milliseconds since the epoch. */
export function taintsOf(node: Node, now: number): Taint[] {
  const wanted: Taint[] = [];
  const ready = statusOf(node, 'Ready');
  // A node that has not said anything yet has not been heard of: it is not ready, and not lost.
  const key = ready === 'True' ? undefined : ready === 'Unknown' ? UNREACHABLE : NOT_READY;
  if (key) wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute' });
  for (const [type, pressure] of Object.entries(PRESSURES)) {
    if (statusOf(node, type) === 'True') wanted.push({ key: pressure, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  const present = node.spec?.taints ?? [];
  const kept = present.filter((t) => !OURS.has(t.key) || wanted.some((w) => w.key === t.key && w.effect === t.effect));
  const added = wanted.filter((w) => !kept.some((t) => t.key === w.key && t.effect === w.effect));
  return [...kept, ...added.map((t) => ({ ...t, timeAdded: rfc3339(now) }))];
}

/** The conditions of a node that nothing has been heard of for too long. */
export function lostConditions(node: Node, now: number): NodeCondition[] {
  return ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].reduce<NodeCondition[]>(
    (all, type) =>
      withCondition(all, { type, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }, now),
    node.status?.conditions ?? [],
  );
}
