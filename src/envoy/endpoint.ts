import { localityOf, type Endpoint, type Listed, type Policy, type ServicePort } from '../mesh/index.ts';
import { address, defined, type Json } from './json.ts';
import { grouped, type Whereabouts } from './locality.ts';
import { METADATA, workloadMetadata } from './metrics.ts';

/** Where a cluster is. Endpoints behind a proxy say so: the cluster chooses mTLS by it. */
export function loadAssignment(cluster: string, endpoints: readonly Endpoint[], policy: Policy, client: Whereabouts): Json {
  return assignment(cluster, endpoints, policy, client, (e) => ({
    endpoint: { address: address(e.address, e.port) },
    metadata: {
      filter_metadata: {
        ...(e.mtls ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
        ...(e.workload ? { [METADATA]: workloadMetadata(e.workload) } : {}),
      },
    },
    load_balancing_weight: e.weight || 1,
  }));
}

/** The names that a cluster resolves by itself, those with the labels of its subset. */
export function namesToResolve(cluster: string, names: readonly Listed[], port: ServicePort, policy: Policy, client: Whereabouts): Json {
  const target = typeof port.target === 'number' ? port.target : port.number;
  const placed = names.map(({ endpoint: e }) => ({
    ...e,
    labels: e.labels ?? {},
    weight: e.weight ?? 0,
    locality: e.locality ?? localityOf(e.labels ?? {}),
  }));
  return assignment(cluster, placed, policy, client, (e) =>
    defined({
      endpoint: { address: address(e.address ?? '', e.ports?.[port.name] ?? target) },
      load_balancing_weight: e.weight || undefined,
    }),
  );
}

function assignment<E extends Parameters<typeof grouped>[0][number]>(
  cluster: string,
  endpoints: readonly E[],
  policy: Policy,
  client: Whereabouts,
  json: (endpoint: E) => Json,
): Json {
  const groups = grouped(endpoints, policy, client);
  return {
    cluster_name: cluster,
    endpoints: groups.map(({ locality, priority, weight, endpoints: own }) => {
      const [region, zone, sub] = locality.split('/');
      return defined({
        locality: region ? defined({ region, zone: zone || undefined, sub_zone: sub || undefined }) : undefined,
        lb_endpoints: own.map(json),
        load_balancing_weight: groups.length > 1 ? weight : undefined,
        priority: priority || undefined,
      });
    }),
  };
}
