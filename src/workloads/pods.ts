import type { Pod, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { controllerReference } from '../control/index.ts';
import type { KubeObject, Resource } from '../api/index.ts';
import { canonicalJson, fnv1a, safeEncode } from '../base/index.ts';

/** Neither ended nor on its way out: counts towards what its controller wants. */
export function isActive(pod: Pod): boolean {
  return !hasEnded(pod) && !pod.metadata?.deletionTimestamp;
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/**
 * How long until the pod has been ready for `minReadySeconds`, in milliseconds: 0 when it is available, undefined when it is not
 * ready. `now` in milliseconds since the epoch.
 */
export function untilAvailable(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = readyCondition(pod);
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(ready.lastTransitionTime ?? '');
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - now);
}

function readyCondition(pod: Pod) {
  return pod.status?.conditions?.find((c) => c.type === 'Ready');
}

/** A pod as the template says, controlled by `owner`. */
export function podFromTemplate(
  template: PodTemplateSpec | undefined,
  resource: Resource,
  owner: KubeObject,
  name: string | undefined,
): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name === undefined ? { generateName: `${owner.metadata?.name}-` } : { name }),
      ...(owner.metadata?.namespace ? { namespace: owner.metadata.namespace } : {}),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(resource, owner)],
    },
    spec: template?.spec ?? { containers: [] },
  };
}

/** A short name for a template, as in `pod-template-hash`; `collisions` makes another one of the same template. */
export function templateHash(template: PodTemplateSpec | undefined, collisions = 0): string {
  return safeEncode(String(fnv1a(canonicalJson(template ?? {}) + (collisions > 0 ? `#${collisions}` : ''))));
}

function textOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function byAge(a: KubeObject, b: KubeObject): number {
  return (
    textOrder(a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? '') ||
    textOrder(a.metadata?.name ?? '', b.metadata?.name ?? '')
  );
}

export function byName(a: KubeObject, b: KubeObject): number {
  return textOrder(a.metadata?.name ?? '', b.metadata?.name ?? '');
}

/**
 * Those to give up first come first, as Kubernetes ranks them: not bound, pending, not ready, cheap by annotation, ready for a
 * short time, often restarted, young.
 */
export function byDispensability(a: Pod, b: Pod): number {
  return (
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    textOrder(readySince(b), readySince(a)) ||
    restarts(b) - restarts(a) ||
    textOrder(b.metadata?.creationTimestamp ?? '', a.metadata?.creationTimestamp ?? '') ||
    byName(a, b)
  );
}

function phaseRank(pod: Pod): number {
  return pod.status?.phase === 'Running' ? 2 : pod.status?.phase === 'Unknown' ? 1 : 0;
}

function deletionCost(pod: Pod): number {
  return Number(pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0;
}

function readySince(pod: Pod): string {
  return isReady(pod) ? (readyCondition(pod)?.lastTransitionTime ?? '') : '';
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((c) => c.restartCount));
}
