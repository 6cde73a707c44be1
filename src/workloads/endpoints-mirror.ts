import type { EndpointAddress, Endpoints as EndpointsObject, EndpointSubset, Service } from 'kubernetes-types/core/v1.js';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { Endpoints, EndpointSlices, parseKey, Services } from '../api/index.ts';
import { changesOf, controllerReference, settled } from '../control/index.ts';
import { MANAGED_BY, matchSlices, SERVICE_NAME } from './endpoints.ts';
import { writeSlices } from './endpointslices.ts';
import type { Controller, World } from './world.ts';

const MIRROR = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
/** Endpoints that only hold a lock. */
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const NOT_COPIED = new Set(['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration']);

/** Whether Endpoints are somebody's own, for a service that selects no pods: only then are they copied. */
export function isMirrored(endpoints: EndpointsObject, service: Service): boolean {
  const { labels, annotations } = endpoints.metadata ?? {};
  return Object.keys(service.spec?.selector ?? {}).length === 0 && labels?.[SKIP] !== 'true' && annotations?.[LEADER] === undefined;
}

/** Endpoints as slices: one for each of their subsets and each family of addresses. */
export function mirrorOf(endpoints: EndpointsObject): EndpointSlice[] {
  const { namespace, name, labels, annotations = {} } = endpoints.metadata ?? {};
  const copied = Object.fromEntries(Object.entries(annotations).filter(([key]) => !NOT_COPIED.has(key)));
  return (endpoints.subsets ?? []).flatMap((subset) =>
    (['IPv4', 'IPv6'] as const).flatMap((addressType) => {
      const found = addressesOf(subset, addressType);
      if (found.length === 0) return [];
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${name}-`,
          namespace: namespace!,
          labels: { ...labels, [SERVICE_NAME]: name!, [MANAGED_BY]: MIRROR },
          ...(Object.keys(copied).length > 0 ? { annotations: copied } : {}),
          ownerReferences: [controllerReference(Endpoints, endpoints)],
        },
        addressType,
        endpoints: found,
        ports: (subset.ports ?? []).map(({ name: port = '', protocol = 'TCP', ...rest }) => ({ name: port, protocol, ...rest })),
      };
    }),
  );
}

function addressesOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset, family: 'IPv4' | 'IPv6'): Endpoint[] {
  const of = (list: readonly EndpointAddress[], ready: boolean): Endpoint[] =>
    list
      .filter(({ ip }) => ip.includes(':') === (family === 'IPv6'))
      .map(({ ip, hostname, nodeName, targetRef }) => ({
        addresses: [ip],
        conditions: { ready },
        ...(hostname ? { hostname } : {}),
        ...(nodeName ? { nodeName } : {}),
        ...(targetRef ? { targetRef } : {}),
      }));
  return [...of(addresses, true), ...of(notReadyAddresses, false)];
}

/** Copies Endpoints that users write for a service without a selector into slices, which is what everybody reads. */
export function endpointsMirror({ informers, client }: World): Controller {
  const services = informers.of(Services);
  const endpoints = informers.of(Endpoints);
  const slices = informers.of(EndpointSlices);
  const keysOf = ({ metadata }: EndpointSlice): string[] => {
    const { namespace, labels = {} } = metadata ?? {};
    return labels[MANAGED_BY] === MIRROR && labels[SERVICE_NAME] ? [`${namespace}/${labels[SERVICE_NAME]}`] : [];
  };
  const copies = slices.index('mirrored', keysOf);

  return {
    name: 'endpointslice-mirroring',
    sources: [changesOf(services), changesOf(endpoints), changesOf(slices, keysOf)],
    async reconcile(key) {
      const service = services.get(parseKey(key));
      const written = endpoints.get(parseKey(key));
      const wanted = service && written && !written.metadata?.deletionTimestamp && isMirrored(written, service) ? mirrorOf(written) : [];
      await writeSlices(client, matchSlices(wanted, copies(key)));
      return settled;
    },
  };
}
