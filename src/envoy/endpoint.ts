import type { Endpoint } from '../mesh/index.ts';
import { address, type Json } from './json.ts';
import { METADATA, workloadMetadata } from './metrics.ts';

/** Where a cluster is. Endpoints behind a proxy say so: the cluster chooses mTLS by it. */
export function loadAssignment(cluster: string, endpoints: readonly Endpoint[]): Json {
  return {
    cluster_name: cluster,
    endpoints: endpoints.length
      ? [
          {
            lb_endpoints: endpoints.map((e) => ({
              endpoint: { address: address(e.address, e.port) },
              metadata: {
                filter_metadata: {
                  ...(e.mtls ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
                  ...(e.workload ? { [METADATA]: workloadMetadata(e.workload) } : {}),
                },
              },
              load_balancing_weight: e.weight || 1,
            })),
          },
        ]
      : [],
  };
}
