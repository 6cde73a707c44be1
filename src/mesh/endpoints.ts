import type { Pod } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { takesInbound, type WorkloadEntry, type WorkloadEntrySpec } from '../api/index.ts';
import type { MutualTls } from './peer-authentication.ts';
import { isFor, type Listed, type MeshService, type ServicePort } from './service.ts';
import { selects, spiffeId, UNKNOWN, workloadOfPod, type Workload } from './workload.ts';

type Labels = Readonly<Record<string, string>>;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** 0 when not given. */
  readonly weight: number;
  /** `region/zone/subzone`; empty when nobody said. */
  readonly locality: string;
  /** Of the pod: subsets choose by them. */
  readonly labels: Labels;
  /** Absent when it is not a pod of ours. */
  readonly workload?: Workload;
  /** A proxy that takes mTLS stands before it. */
  readonly mtls: boolean;
}

/** Where a service is, port by port. */
export interface MeshEndpoints {
  readonly host: string;
  /** By the service's port number. */
  readonly ports: Readonly<Record<number, readonly Endpoint[]>>;
}

/** What endpoints are made of besides the service itself. */
export interface PodTable {
  /** By `namespace/name`. */
  byName(key: string): Pod | undefined;
  mutualTls(pod: Pod): MutualTls;
}

/** `namespace/name` of the pod that an endpoint of a slice stands for. */
function podKeyOf({ targetRef: ref }: EndpointSlice['endpoints'][number], namespace: string): string | undefined {
  return ref?.kind === 'Pod' ? `${ref.namespace ?? namespace}/${ref.name}` : undefined;
}

/** Of the pods that the slices speak of. */
export function podKeysOf(slices: readonly EndpointSlice[], namespace: string): string[] {
  return slices.flatMap((slice) => (slice.endpoints ?? []).flatMap((endpoint) => podKeyOf(endpoint, namespace) ?? []));
}

/** True when a sidecar of ours (or a gateway) runs in the pod. */
export function hasProxy(pod: Pod): boolean {
  return pod.metadata?.labels?.['security.istio.io/tlsMode'] === 'istio';
}

function ofPod(pod: Pod | undefined, address: string, port: number, pods: PodTable): Endpoint {
  if (!pod) return { address, port, weight: 0, locality: '', labels: {}, mtls: false };
  return {
    address,
    port,
    weight: 0,
    locality: localityOf(pod.metadata?.labels ?? {}),
    labels: pod.metadata?.labels ?? {},
    workload: workloadOfPod(pod),
    mtls: hasProxy(pod) && takesInbound(pod.metadata?.annotations, port) && pods.mutualTls(pod).ofPort(port) !== 'DISABLE',
  };
}

function byAddress(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port;
}

function merge(lists: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Map(lists.map((e) => [`${e.address} ${e.port}`, e]));
  return [...seen.values()].sort(byAddress);
}

/** What endpoints of a service are made of. */
export interface Sources {
  readonly slices: readonly EndpointSlice[];
  /** Listed by ServiceEntries, or WorkloadEntries that the service selects. */
  readonly listed: readonly Listed[];
  /** Pods that a ServiceEntry selects. */
  readonly selected: readonly Pod[];
}

/** Where the service is, port by port. What is not ready is left out; a `ready` that is not given means ready. */
export function endpointsOf(service: MeshService, { slices, listed, selected }: Sources, pods: PodTable): MeshEndpoints {
  const ports: Record<number, readonly Endpoint[]> = {};
  for (const port of service.ports) {
    const number = typeof port.target === 'number' ? port.target : port.number;
    ports[port.number] = merge([
      ...slices.flatMap((slice) => ofSlice(slice, port, service.namespace, pods)),
      ...selected.flatMap((pod) => (isReady(pod) ? [ofPod(pod, pod.status?.podIP ?? '', number, pods)] : [])),
      ...listed.flatMap((l) => (isTold(l.endpoint.address) && isFor(l, port.number) ? [ofEntry(l.endpoint, port, number, service)] : [])),
    ]);
  }
  return { host: service.host, ports };
}

function ofSlice(slice: EndpointSlice, port: ServicePort, namespace: string, pods: PodTable): Endpoint[] {
  const number = slice.ports?.find((p) => (p.name ?? '') === port.name)?.port;
  if (number === undefined) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    if (endpoint.conditions?.ready === false) return [];
    const key = podKeyOf(endpoint, namespace);
    const pod = key === undefined ? undefined : pods.byName(key);
    return endpoint.addresses.map((address) => ofPod(pod, address, number, pods));
  });
}

/** An address that needs no resolving: of a host, or of a socket of this machine. */
function isTold(address: string | undefined): boolean {
  return address !== undefined && (/^[\d.]+$/.test(address) || address.includes(':'));
}

/** Where a workload says that it is: `istio-locality` with dots, or by the labels of its node. */
export function localityOf(labels: Labels): string {
  const said = labels['istio-locality'];
  if (said) return said.includes('/') ? said : said.replaceAll('.', '/');
  const parts = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'].map((k) => labels[k] ?? '');
  return parts.join('/').replace(/\/+$/, '');
}

function ofEntry(e: WorkloadEntrySpec, port: ServicePort, number: number, service: MeshService): Endpoint {
  const labels = e.labels ?? {};
  const tlsMode = labels['security.istio.io/tlsMode'] ?? (e.serviceAccount ? 'istio' : 'disabled');
  return {
    address: e.address!,
    port: e.ports?.[port.name] ?? number,
    weight: e.weight ?? 0,
    locality: e.locality ?? localityOf(labels),
    labels,
    mtls: !service.external && tlsMode === 'istio',
    ...(e.serviceAccount
      ? {
          workload: {
            name: UNKNOWN,
            namespace: service.namespace,
            serviceAccount: e.serviceAccount,
            app: labels['app'] ?? UNKNOWN,
            version: labels['version'] ?? UNKNOWN,
            canonicalName: labels['app'] ?? UNKNOWN,
            canonicalRevision: labels['version'] ?? 'latest',
          },
        }
      : {}),
  };
}

/** Whether requests may be sent there: a probe that said otherwise leaves it in the object's status. */
export function isHealthy(entry: WorkloadEntry): boolean {
  return !entry.status?.conditions?.some((c) => c.type === 'Healthy' && c.status === 'False');
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True' && pod.status?.podIP) ?? false;
}

/** The endpoints with these labels. */
export function subsetOf(endpoints: readonly Endpoint[], labels: Labels | undefined): readonly Endpoint[] {
  return labels ? endpoints.filter((e) => selects(labels, e.labels)) : endpoints;
}

/** The identities a client may find behind the service, sorted; readiness does not matter, so that a rollout changes nothing. */
export function identitiesOf(service: MeshService, pods: Iterable<Pod>, endpoints: MeshEndpoints, trustDomain: string): readonly string[] {
  const found = new Set(service.subjectAltNames);
  for (const pod of pods) found.add(spiffeId(trustDomain, service.namespace, pod.spec?.serviceAccountName || 'default'));
  for (const list of Object.values(endpoints.ports)) {
    for (const { workload: w } of list) if (w) found.add(spiffeId(trustDomain, w.namespace, w.serviceAccount));
  }
  return [...found].sort();
}
