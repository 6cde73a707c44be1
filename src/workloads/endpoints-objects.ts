import type {
  EndpointAddress,
  Endpoints as EndpointsObject,
  EndpointPort,
  EndpointSubset,
  Pod,
  Service,
} from 'kubernetes-types/core/v1.js';
import { Endpoints, keyOf, keyText, parseKey, Pods, Services } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { changesOf, settled } from '../control/index.ts';
import { endpointOf, HEADLESS, portOf } from './endpoints.ts';
import { selects } from './labels.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import { byName } from './pods.ts';
import type { Controller, World } from './world.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const CAPACITY = 'endpoints.kubernetes.io/over-capacity';
/** Addresses that one object holds at most; what is more is only in the slices. */
const MAX_ADDRESSES = 1000;

/** The Endpoints of a service with a selector: what came before EndpointSlices, and what old clients still read. */
export function endpointsOf(service: Service, pods: readonly Pod[]): EndpointsObject {
  const { namespace, name, labels = {} } = service.metadata ?? {};
  const { [HEADLESS]: _headless, ...own } = labels;
  const { subsets, cut } = subsetsOf(service, pods);
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      namespace: namespace!,
      name: name!,
      labels: { ...own, ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}), [MANAGED_BY]: MANAGER },
      ...(cut ? { annotations: { [CAPACITY]: 'truncated' } } : {}),
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

/** Addresses with the same ports make a subset, whether they are ready or not. */
function subsetsOf(service: Service, pods: readonly Pod[]): { subsets: EndpointSubset[]; cut: boolean } {
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; unready: EndpointAddress[] }>();
  let count = 0;
  for (const pod of [...pods].sort(byName)) {
    const endpoint = endpointOf(service, pod);
    // One that is leaving is in the slices only, unless unready ones are wanted.
    if (!endpoint || (endpoint.conditions?.terminating && !endpoint.conditions.ready)) continue;
    const ports = (service.spec?.ports ?? []).flatMap((p) => portOf(p, pod)).map(({ name, ...port }) => (name ? { name, ...port } : port));
    if (ports.length === 0 && service.spec?.clusterIP !== 'None') continue;
    if (++count > MAX_ADDRESSES) break;
    const text = canonicalJson(ports);
    const group = groups.get(text) ?? { ports: ports as EndpointPort[], ready: [], unready: [] };
    groups.set(text, group);
    const { hostname, nodeName, targetRef } = endpoint;
    const address: EndpointAddress = {
      ip: endpoint.addresses[0]!,
      ...(hostname ? { hostname } : {}),
      ...(nodeName ? { nodeName } : {}),
      ...(targetRef ? { targetRef } : {}),
    };
    (endpoint.conditions?.ready ? group.ready : group.unready).push(address);
  }
  const subsets = [...groups.values()].map(({ ports, ready, unready }) => ({
    ...(ready.length > 0 ? { addresses: ready } : {}),
    ...(unready.length > 0 ? { notReadyAddresses: unready } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  }));
  return { subsets, cut: count > MAX_ADDRESSES };
}

/** Keeps the Endpoints of every service with a selector; those of a service go with it. What users write for others is theirs. */
export function endpointsController({ informers, client }: World): Controller {
  const services = informers.of(Services);
  const pods = informers.of(Pods);
  const endpoints = informers.of(Endpoints);
  /** Services that have been there: what nobody has seen go may belong to one that is still to come. */
  const seen = new Set<string>();

  return {
    name: 'endpoints',
    sources: [
      changesOf(services),
      changesOf(pods, (pod) =>
        services
          .list(pod.metadata?.namespace)
          .filter((s) => s.spec?.selector && selects({ matchLabels: s.spec.selector }, pod.metadata?.labels))
          .map((s) => keyText(keyOf(s))),
      ),
      changesOf(endpoints),
    ],
    concurrency: 5,
    async reconcile(key) {
      const service = services.get(parseKey(key));
      const existing = endpoints.get(parseKey(key));
      if (!service) {
        const ours = seen.delete(key) || existing?.metadata?.labels?.[MANAGED_BY] === MANAGER;
        if (existing && ours) await client.delete(Endpoints, parseKey(key));
        return settled;
      }
      seen.add(key);
      const { selector, type } = service.spec ?? {};
      if (!selector || Object.keys(selector).length === 0 || type === 'ExternalName' || service.metadata?.deletionTimestamp) return settled;
      const selected = pods.list(service.metadata?.namespace).filter((p) => selects({ matchLabels: selector }, p.metadata?.labels));
      const wanted = endpointsOf(service, selected);
      try {
        if (!existing) await client.create(Endpoints, wanted);
        else if (differs(existing, wanted)) {
          const { resourceVersion, annotations = {} } = existing.metadata ?? {};
          const { [CAPACITY]: _cut, ...kept } = annotations;
          const metadata = {
            ...wanted.metadata,
            resourceVersion: resourceVersion!,
            annotations: { ...kept, ...wanted.metadata?.annotations },
          };
          await client.update(Endpoints, { ...wanted, metadata });
        }
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
      return settled;
    },
  };
}

function differs(a: EndpointsObject, b: EndpointsObject): boolean {
  const text = ({ metadata, subsets = [] }: EndpointsObject): string =>
    canonicalJson([metadata?.labels, metadata?.annotations?.[CAPACITY] ?? '', subsets]);
  return text(a) !== text(b);
}
