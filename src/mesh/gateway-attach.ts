/** Which listeners of a Gateway, or which Service, a route holds for. */
import type { Namespace } from 'kubernetes-types/core/v1.js';
import type { gatewayApi } from '../api/index.ts';
import { admitsNamespace, no, yes, type Condition, type ReadListener } from './gateway-listener.ts';
import { hostnamesOf, type ReadRoute, type Route } from './gateway-route.ts';
import { intersect } from './host.ts';
import type { RouteTable } from './route-table.ts';
import type { MeshService } from './service.ts';
import { MESH } from './virtual-service.ts';

type Attached = { refused: Condition } | { places: { listener: ReadListener; hosts: readonly string[] }[] };

/** The listeners of a Gateway that the route may use, with the hosts that it has there. */
export function attachToGateway(
  route: Route,
  ref: gatewayApi.ParentRef,
  all: readonly ReadListener[],
  namespaces: ReadonlyMap<string, Namespace>,
): Attached {
  const { sectionName, port } = ref;
  const named = all.filter((l) => (!sectionName || l.spec.name === sectionName) && (!port || l.spec.port === port));
  if (!named.length) return { refused: no('Accepted', 'NoMatchingParent', `No listener of Gateway ${ref.name} is meant.`) };
  const open = named.filter((l) => l.kinds.includes(route.kind!) && admitsNamespace(l, route.metadata?.namespace ?? '', namespaces));
  if (!open.length)
    return {
      refused: no(
        'Accepted',
        'NotAllowedByListeners',
        `Gateway ${ref.name} takes no ${route.kind}s of this namespace; see allowedRoutes of its listeners.`,
      ),
    };
  const hostnames = hostnamesOf(route);
  const places = open.map((listener) => ({ listener, hosts: hostsAt(hostnames, listener) })).filter((p) => p.hosts.length);
  return places.length
    ? { places }
    : { refused: no('Accepted', 'NoMatchingListenerHostname', `Gateway ${ref.name} does not serve ${hostnames?.join(', ')}.`) };
}

function hostsAt(hostnames: readonly string[] | undefined, { spec: { protocol, hostname } }: ReadListener): readonly string[] {
  // Bytes without TLS name no host.
  const served = protocol === 'TCP' ? '*' : (hostname ?? '*');
  return hostnames?.length ? hostnames.flatMap((h) => intersect(served, h) ?? []) : [served];
}

/** For sidecars: those of the service's own namespace hold for all clients, others for clients of their own one. */
export function attachToService(
  route: Route,
  { port, name }: gatewayApi.ParentRef,
  host: string,
  services: ReadonlyMap<string, MeshService>,
  { parts }: ReadRoute,
  table: RouteTable,
): Condition {
  const service = services.get(host);
  if (!service) return no('Accepted', 'NoMatchingParent', `There is no Service ${name}.`);
  if (port && !service.ports.some((p) => p.number === port))
    return no('Accepted', 'NoMatchingParent', `Service ${name} has no port ${port}.`);
  const { namespace = '' } = route.metadata ?? {};
  const clients = namespace === service.namespace ? undefined : namespace;
  table.add({ namespace, gateway: MESH, host, clients, port }, hostnamesOf(route) ?? [], parts);
  return yes('Accepted', 'The route is in force for sidecars.');
}
