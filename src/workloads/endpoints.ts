import type { Container, Pod, Service, ServicePort } from 'kubernetes-types/core/v1.js';
import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { Services } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { controllerReference } from '../control/index.ts';
import { byName, hasEnded, isReady } from './pods.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslice-controller.k8s.io';
export const HEADLESS = 'service.kubernetes.io/headless';

/** Endpoints in one slice, as Kubernetes bounds them by default. */
const SLICE_SIZE = 100;

/** What slices a service needs, and which of those it has to go. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

interface Group {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

/** `pods` are those the service selects; `existing` the slices that this controller has made for it. */
export function decideSlices(service: Service, pods: readonly Pod[], existing: readonly EndpointSlice[]): SlicePlan {
  const wanted = chunked(groupByPorts(service, pods)).map(({ ports, endpoints }) => sliceOf(service, ports, endpoints));
  return matchSlices(wanted, existing);
}

/** How to come from some slices to others: those with the same ports are written anew, where they differ. */
export function matchSlices(slices: readonly EndpointSlice[], existing: readonly EndpointSlice[]): SlicePlan {
  const free = [...existing].sort(byName);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  for (const wanted of slices) {
    const portText = canonicalJson([wanted.addressType, wanted.ports]);
    const at = free.findIndex((s) => canonicalJson([s.addressType, s.ports ?? []]) === portText);
    const reused = at >= 0 ? free.splice(at, 1)[0]! : undefined;
    if (!reused) create.push(wanted);
    else if (changed(reused, wanted))
      update.push({ ...reused, ...wanted, metadata: { ...reused.metadata, labels: wanted.metadata!.labels! } });
  }
  return { create, update, remove: free };
}

/** Pods may resolve a named port to different numbers; those that agree share slices. */
function groupByPorts(service: Service, pods: readonly Pod[]): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of [...pods].sort(byName)) {
    const endpoint = endpointOf(service, pod);
    if (!endpoint) continue;
    const ports = (service.spec?.ports ?? []).flatMap((p) => portOf(p, pod));
    const text = canonicalJson(ports);
    const group = groups.get(text) ?? { ports, endpoints: [] };
    groups.set(text, group);
    group.endpoints.push(endpoint);
  }
  return groups.size > 0 ? [...groups.values()] : [{ ports: [], endpoints: [] }];
}

function chunked(groups: readonly Group[]): Group[] {
  return groups.flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.max(1, Math.ceil(endpoints.length / SLICE_SIZE)) }, (_, i) => ({
      ports,
      endpoints: endpoints.slice(i * SLICE_SIZE, (i + 1) * SLICE_SIZE),
    })),
  );
}

/** The pod as an endpoint; undefined while it has no address, and once it has ended. */
export function endpointOf(service: Service, pod: Pod): Endpoint | undefined {
  const address = pod.status?.podIP;
  if (!address || hasEnded(pod)) return undefined;
  const serving = isReady(pod);
  const terminating = Boolean(pod.metadata?.deletionTimestamp);
  const { hostname, subdomain, nodeName } = pod.spec ?? {};
  const { namespace, name, uid } = pod.metadata ?? {};
  return {
    addresses: [address],
    conditions: { ready: service.spec?.publishNotReadyAddresses || (serving && !terminating), serving, terminating },
    ...(hostname && subdomain === service.metadata?.name ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: 'Pod', namespace: namespace!, name: name!, uid: uid! },
  };
}

/** The service's port on this pod; none when the pod has no port of that name. */
export function portOf(port: ServicePort, pod: Pod): EndpointPort[] {
  const protocol = port.protocol ?? 'TCP';
  const target = port.targetPort ?? port.port;
  const number = typeof target === 'number' ? target : namedPort(pod, target, protocol);
  if (number === undefined) return [];
  return [{ name: port.name ?? '', port: number, protocol, ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}) }];
}

/** Looks among the containers, and those init containers that keep running. */
function namedPort(pod: Pod, name: string, protocol: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const sidecars = (pod.spec?.initContainers ?? []).filter((c: Container & { restartPolicy?: string }) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars]
    .flatMap((c) => c.ports ?? [])
    .find((p) => p.name === name && (p.protocol ?? 'TCP') === protocol)?.containerPort;
}

function sliceOf(service: Service, ports: readonly EndpointPort[], endpoints: readonly Endpoint[]): EndpointSlice {
  const { [HEADLESS]: _headless, ...labels } = service.metadata?.labels ?? {};
  const { namespace, name } = service.metadata ?? {};
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace: namespace!,
      labels: {
        ...labels,
        ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
        [SERVICE_NAME]: name!,
        [MANAGED_BY]: MANAGER,
      },
      ownerReferences: [controllerReference(Services, service)],
    },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [...ports],
  };
}

function changed(slice: EndpointSlice, wanted: EndpointSlice): boolean {
  const text = (s: EndpointSlice): string => canonicalJson({ labels: s.metadata?.labels, endpoints: s.endpoints ?? [] });
  return text(slice) !== text(wanted);
}
