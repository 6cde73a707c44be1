import type { DaemonSet, DaemonSetStatus } from 'kubernetes-types/apps/v1.js';
import type { Affinity, Node, Pod, Toleration } from 'kubernetes-types/core/v1.js';
import { DaemonSets } from '../api/index.ts';
import { byAge, hasEnded, isReady, podFromTemplate, templateHash, untilAvailable } from './pods.ts';
import { share } from './rollout.ts';
import { misfitOf, matchesNode, untolerated } from './scheduling.ts';

export const REVISION_HASH = 'controller-revision-hash';

/** Daemons stay where other pods would be kept away from. */
const TOLERATIONS: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

export interface DaemonPlan {
  readonly create: readonly Pod[];
  readonly remove: readonly Pod[];
  readonly status: DaemonSetStatus;
  /** Milliseconds until a pod becomes available. */
  readonly after: number | undefined;
}

/** One pod a node that fits; `pods` are the set's own. */
export function decideDaemons(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], now: number): DaemonPlan {
  const hash = templateHash(set.spec?.template);
  const create: Pod[] = [];
  const remove: Pod[] = [];
  const status = { current: 0, desired: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  const replaceable: Pod[] = [];
  const waits: number[] = [];
  for (const node of nodes) {
    const name = node.metadata?.name ?? '';
    const here = pods.filter((p) => nodeOf(p) === name).sort(byAge);
    const present = here.filter((p) => !p.metadata?.deletionTimestamp);
    const daemon = daemonOf(set, name, hash);
    if (misfitOf(daemon, node) !== undefined) {
      if (present.length > 0) status.misscheduled++;
      // What only keeps new pods away lets those stay that are there.
      if (!matchesNode(daemon, node) || untolerated(daemon, node, (t) => t.effect === 'NoExecute')) remove.push(...present);
      continue;
    }
    status.desired++;
    const [pod, ...doubles] = present.filter((p) => !hasEnded(p));
    remove.push(...present.filter(hasEnded), ...doubles);
    if (!pod) {
      // The old pod holds its place until it is gone.
      if (here.length === 0) create.push(daemonOf(set, name, hash));
      continue;
    }
    const wait = untilAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
    const updated = pod.metadata?.labels?.[REVISION_HASH] === hash;
    status.current++;
    if (isReady(pod)) status.ready++;
    if (wait === 0) status.available++;
    else if (wait !== undefined) waits.push(wait);
    if (updated) status.updated++;
    else replaceable.push(pod);
  }
  const leaving = Boolean(set.metadata?.deletionTimestamp);
  const replaced = set.spec?.updateStrategy?.type === 'OnDelete' ? [] : toReplace(set, replaceable, status.desired, status.available, now);
  return {
    create: leaving ? [] : create,
    remove: leaving ? [] : [...remove, ...replaced],
    status: {
      observedGeneration: set.metadata?.generation ?? 0,
      currentNumberScheduled: status.current,
      desiredNumberScheduled: status.desired,
      numberMisscheduled: status.misscheduled,
      numberReady: status.ready,
      updatedNumberScheduled: status.updated,
      numberAvailable: status.available,
      numberUnavailable: status.desired - status.available,
    },
    after: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

/** Old pods that may go now: those that serve nobody anyway, and available ones as far as the bound lets them. */
function toReplace(set: DaemonSet, old: readonly Pod[], desired: number, available: number, now: number): Pod[] {
  const isAvailable = (p: Pod): boolean => untilAvailable(p, set.spec?.minReadySeconds ?? 0, now) === 0;
  const bound = Math.max(1, share(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, desired, 'up'));
  const room = Math.max(0, bound - (desired - available));
  return [...old.filter((p) => !isAvailable(p)), ...old.filter(isAvailable).slice(0, room)];
}

function daemonOf(set: DaemonSet, node: string, hash: string): Pod {
  const pod = podFromTemplate(set.spec?.template, DaemonSets, set, undefined);
  const spec = pod.spec!;
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata?.labels, [REVISION_HASH]: hash } },
    spec: { ...spec, affinity: pinned(spec.affinity, node), tolerations: [...(spec.tolerations ?? []), ...TOLERATIONS] },
  };
}

/** The affinity that also requires this very node. */
function pinned(affinity: Affinity | undefined, node: string): Affinity {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const nodeSelectorTerms = (required?.nodeSelectorTerms ?? [{}]).map((term) => ({ ...term, matchFields }));
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  };
}

/** The node a daemon runs on, or is made for. */
function nodeOf(pod: Pod): string | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return pod.spec?.nodeName || terms?.[0]?.matchFields?.[0]?.values?.[0];
}
