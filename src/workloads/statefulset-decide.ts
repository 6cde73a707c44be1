import type { StatefulSet, StatefulSetStatus } from 'kubernetes-types/apps/v1.js';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { StatefulSets } from '../api/index.ts';
import { REVISION_HASH } from './daemonset-decide.ts';
import { revisionName } from './history.ts';
import { hasEnded, isReady, podFromTemplate, untilAvailable } from './pods.ts';

const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX = 'apps.kubernetes.io/pod-index';

export interface StatefulPlan {
  readonly create: readonly Pod[];
  readonly remove: readonly Pod[];
  readonly status: StatefulSetStatus;
  /** Milliseconds until a pod becomes available. */
  readonly after: number | undefined;
}

/**
 * Pods with names that stay. In order (unless the policy is Parallel): each waits until those before it are ready; they shrink and
 * are updated from the end. `pods` are the set's own; `before` is the template of the revision that is being replaced.
 */
export function decideStateful(set: StatefulSet, pods: readonly Pod[], now: number, before?: PodTemplateSpec): StatefulPlan {
  const revision = revisionName(set);
  const replicas = set.spec?.replicas ?? 1;
  const first = ordinalStart(set);
  const byOrdinal = new Map(pods.map((p) => [ordinalOf(set, p), p]));
  const slots = Array.from({ length: replicas }, (_, i) => ({ ordinal: first + i, pod: byOrdinal.get(first + i) }));
  const surplus = pods.filter((p) => !slots.some((s) => s.pod === p)).sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  const waits = pods.map((p) => untilAvailable(p, set.spec?.minReadySeconds ?? 0, now)).filter((w) => w !== undefined && w > 0) as number[];
  const steps = set.metadata?.deletionTimestamp ? { create: [], remove: [] } : stepsOf(set, slots, surplus, revision, before);
  return { ...steps, status: statusOf(set, pods, revision, now), after: waits.length > 0 ? Math.min(...waits) : undefined };
}

interface Slot {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

function stepsOf(
  set: StatefulSet,
  slots: readonly Slot[],
  surplus: readonly Pod[],
  revision: string,
  before: PodTemplateSpec | undefined,
): Pick<StatefulPlan, 'create' | 'remove'> {
  const make = (ordinal: number): Pod => {
    const { currentRevision } = set.status ?? {};
    const stays = ordinal < ordinalStart(set) + partitionOf(set) && before && currentRevision;
    return stays
      ? statefulPod({ ...set, spec: { ...set.spec!, template: before } }, ordinal, currentRevision)
      : statefulPod(set, ordinal, revision);
  };
  const ended = slots.flatMap(({ pod }) => (pod && hasEnded(pod) && !isLeaving(pod) ? [pod] : []));
  if (set.spec?.podManagementPolicy === 'Parallel') {
    const create = slots.filter((s) => !s.pod).map((s) => make(s.ordinal));
    const remove = [...ended, ...surplus.filter((p) => !isLeaving(p))];
    return create.length + remove.length > 0 ? { create, remove } : { create: [], remove: toUpdate(set, slots, revision) };
  }
  for (const { ordinal, pod } of slots) {
    if (!pod) return { create: [make(ordinal)], remove: [] };
    if (hasEnded(pod) && !isLeaving(pod)) return { create: [], remove: [pod] };
    if (!isHealthy(pod)) return { create: [], remove: [] };
  }
  const last = surplus[0];
  if (last) return { create: [], remove: isLeaving(last) ? [] : [last] };
  return { create: [], remove: toUpdate(set, slots, revision) };
}

/** The last pod of an old template, once all behind it are of the new one and healthy. */
function toUpdate(set: StatefulSet, slots: readonly Slot[], revision: string): Pod[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const partition = ordinalStart(set) + partitionOf(set);
  for (const { ordinal, pod } of [...slots].reverse()) {
    if (ordinal < partition) return [];
    if (!pod) return [];
    if (revisionOf(pod) !== revision) return isLeaving(pod) ? [] : [pod];
    if (!isHealthy(pod)) return [];
  }
  return [];
}

function statusOf(set: StatefulSet, pods: readonly Pod[], updateRevision: string, now: number): StatefulSetStatus {
  const present = pods.filter((p) => !hasEnded(p));
  const count = (holds: (p: Pod) => boolean): number => present.filter(holds).length;
  const replicas = set.spec?.replicas ?? 1;
  const updated = count((p) => revisionOf(p) === updateRevision && !isLeaving(p));
  const ready = count(isReady);
  const done = updated === replicas && ready === replicas && present.length === replicas;
  const currentRevision = done ? updateRevision : (set.status?.currentRevision ?? updateRevision);
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas: present.length,
    readyReplicas: ready,
    availableReplicas: count((p) => untilAvailable(p, set.spec?.minReadySeconds ?? 0, now) === 0),
    currentReplicas: count((p) => revisionOf(p) === currentRevision && !isLeaving(p)),
    updatedReplicas: updated,
    currentRevision,
    updateRevision,
    collisionCount: 0,
  };
}

function statefulPod(set: StatefulSet, ordinal: number, revision: string): Pod {
  const name = `${set.metadata?.name}-${ordinal}`;
  const pod = podFromTemplate(set.spec?.template, StatefulSets, set, name);
  const labels = { ...pod.metadata?.labels, [POD_NAME]: name, [POD_INDEX]: String(ordinal), [REVISION_HASH]: revision };
  const { serviceName } = set.spec ?? {};
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: { ...pod.spec!, ...claimedVolumes(set, pod), hostname: name, ...(serviceName ? { subdomain: serviceName } : {}) },
  };
}

/** A claim template stands for the volume of its name: of the pod's own claim. */
function claimedVolumes(set: StatefulSet, pod: Pod): Pick<NonNullable<Pod['spec']>, 'volumes'> {
  const claimed = claimsOf(set, pod).map(({ metadata }, i) => ({
    name: set.spec?.volumeClaimTemplates?.[i]?.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: metadata?.name ?? '' },
  }));
  const others = (pod.spec?.volumes ?? []).filter((v) => !claimed.some((c) => c.name === v.name));
  return claimed.length > 0 ? { volumes: [...claimed, ...others] } : {};
}

/** The claims of a pod, in the order of their templates. They outlive the pod and the set: what is on a disk is not lost with either. */
export function claimsOf(set: StatefulSet, pod: Pod): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...template.metadata,
      name: `${template.metadata?.name}-${pod.metadata?.name}`,
      namespace: set.metadata?.namespace ?? '',
      labels: { ...template.metadata?.labels, ...set.spec?.selector?.matchLabels },
    },
  }));
}

/** Pods below it, counted from the first, keep the template they have. */
function partitionOf(set: StatefulSet): number {
  return set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
}

function ordinalStart(set: StatefulSet): number {
  return (set.spec as { ordinals?: { start?: number } } | undefined)?.ordinals?.start ?? 0;
}

/** -1 for a pod whose name is not one of the set's. */
function ordinalOf(set: StatefulSet, pod: Pod): number {
  const prefix = `${set.metadata?.name}-`;
  const rest = pod.metadata?.name?.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : -1;
}

const revisionOf = (pod: Pod): string | undefined => pod.metadata?.labels?.[REVISION_HASH];
const isLeaving = (pod: Pod): boolean => Boolean(pod.metadata?.deletionTimestamp);
const isHealthy = (pod: Pod): boolean => isReady(pod) && !isLeaving(pod);
