import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Proxy } from './proxy.ts';

/** Who a pod is, in the words of the `istio_*` metrics. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
}

/** What stands in a metric label for a value nobody knows. */
export const UNKNOWN = 'unknown';

type Labels = Readonly<Record<string, string>>;

function workload(name: string, namespace: string, serviceAccount: string, labels: Labels): Workload {
  return {
    name,
    namespace,
    serviceAccount,
    app: labels['app'] ?? UNKNOWN,
    version: labels['version'] ?? UNKNOWN,
    canonicalName: canonicalName(labels, name),
    canonicalRevision: canonicalRevision(labels),
  };
}

export function canonicalName(labels: Labels, workloadName: string): string {
  return labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName;
}

export function canonicalRevision(labels: Labels): string {
  return labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest';
}

/** The name of what made the pod: the Deployment behind a ReplicaSet, else the controller itself, else the pod. */
export function workloadName(pod: Pod): string {
  const owner = pod.metadata?.ownerReferences?.find((o) => o.controller);
  if (!owner) return pod.metadata?.name ?? pod.metadata?.generateName?.replace(/-$/, '') ?? '';
  const hash = pod.metadata?.labels?.['pod-template-hash'];
  return owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : owner.name;
}

export function workloadOfPod(pod: Pod): Workload {
  return workload(workloadName(pod), pod.metadata?.namespace ?? '', pod.spec?.serviceAccountName || 'default', pod.metadata?.labels ?? {});
}

export function workloadOfProxy(proxy: Proxy): Workload {
  return workload(proxy.workload, proxy.namespace, proxy.serviceAccount, proxy.labels);
}

/** The proxy in a pod, or undefined while the pod has no address or when it holds no proxy. */
export function proxyOf(pod: Pod): Proxy | undefined {
  const meta = pod.metadata;
  const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((c) => c.name === PROXY_CONTAINER);
  const ip = pod.status?.podIP;
  if (!container || !ip || !meta?.name || !meta.namespace) return undefined;
  return {
    id: `${meta.name}.${meta.namespace}`,
    kind: container.args?.[1] === 'router' ? 'gateway' : 'sidecar',
    namespace: meta.namespace,
    pod: meta.name,
    ip,
    labels: meta.labels ?? {},
    serviceAccount: pod.spec?.serviceAccountName || 'default',
    workload: workloadName(pod),
  };
}

/** The container that holds the proxy, in sidecars and gateways alike. */
export const PROXY_CONTAINER = 'istio-proxy';

/** The SPIFFE identity of a service account. */
export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** Whether all of `selector` is in `labels`; an empty selector fits everything. */
export function selects(selector: Labels | undefined, labels: Labels): boolean {
  return Object.entries(selector ?? {}).every(([k, v]) => labels[k] === v);
}
