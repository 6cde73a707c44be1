import { proxyMetadata, type Proxy } from '../mesh/index.ts';
import { address, any, extension, type Json } from './json.ts';
import { ingressHistogramBuckets } from './ingress-metrics.ts';
import { splitHistogramBuckets } from './metrics.ts';
import { markSocket } from './cluster.ts';
import { HEALTH_PORT, METRICS_PORT } from './listener.ts';
import { CONTROL_PLANE } from './request-log.ts';

export interface BootstrapOptions {
  readonly proxy: Proxy;
  /** Unix sockets, as the Envoy process sees them; at most 107 bytes each. */
  readonly adminSocket: string;
  readonly xdsSocket: string;
  readonly domain: string;
  /** False where Envoy may not mark its sockets and nothing is redirected, as in tests. */
  readonly mark?: boolean;
}

const ADMIN_PORT = 15000;
/** Bytes; a sidecar needs some tens of MB. */
const HEAP_LIMIT = 512 * 1024 * 1024;

/**
 * What Envoy starts with: where its control plane is and who it is; everything else comes by ADS.
 * Run it with `--concurrency 1 --disable-hot-restart`.
 */
export function bootstrap(options: BootstrapOptions): Json {
  const { proxy, adminSocket, xdsSocket, domain } = options;
  return {
    node: {
      id: `${proxy.kind === 'gateway' ? 'router' : 'sidecar'}~${proxy.ip}~${proxy.id}~${proxy.namespace}.svc.${domain}`,
      cluster: `${proxy.workload}.${proxy.namespace}`,
      metadata: {
        NAME: proxy.pod,
        ...proxyMetadata(proxy),
        INSTANCE_IPS: proxy.ip,
        LABELS: proxy.labels,
      },
    },
    admin: { address: { pipe: { path: adminSocket } } },
    stats_flush_interval: '1s',
    stats_config: { histogram_bucket_settings: [splitHistogramBuckets, ingressHistogramBuckets] },
    // Most clusters are never used: their stats are not worth their memory.
    deferred_stat_options: { enable_deferred_creation_stats: true },
    layered_runtime: {
      layers: [
        // A regex as long as Istio allows is more than Envoy takes by default.
        { name: 'static', static_layer: { 're2.max_program_size.error_level': 32768 } },
        { name: 'admin', admin_layer: {} },
      ],
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: CONTROL_PLANE } }],
      },
      lds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      cds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
    },
    ...(options.mark === false ? {} : { cluster_manager: { upstream_bind_config: { socket_options: [markSocket] } } }),
    static_resources: {
      clusters: [
        {
          ...pipeCluster(CONTROL_PLANE, xdsSocket),
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
              explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } } },
            }),
          },
        },
        pipeCluster('agent', adminSocket),
      ],
      listeners: [
        adminListener('admin', '127.0.0.1', ADMIN_PORT, [{ match: { prefix: '/' }, route: { cluster: 'agent' } }]),
        adminListener('metrics', '0.0.0.0', METRICS_PORT, [
          { match: { path: '/stats/prometheus' }, route: { cluster: 'agent', prefix_rewrite: '/stats/prometheus?usedonly' } },
        ]),
        // Envoy's own /ready turns 200 when listeners and clusters have come.
        adminListener('health', '0.0.0.0', HEALTH_PORT, [
          { match: { path: '/healthz/ready' }, route: { cluster: 'agent', prefix_rewrite: '/ready' } },
        ]),
      ],
    },
    overload_manager: {
      refresh_interval: '0.25s',
      resource_monitors: [
        extension('envoy.resource_monitors.fixed_heap', 'envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', {
          max_heap_size_bytes: String(HEAP_LIMIT),
        }),
        extension(
          'envoy.resource_monitors.global_downstream_max_connections',
          'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          { max_active_downstream_connections: '50000' },
        ),
      ],
      actions: [trigger('envoy.overload_actions.shrink_heap', 0.9), trigger('envoy.overload_actions.stop_accepting_requests', 0.95)],
    },
  };
}

/** A port whose requests, or (`bytes`) connections, go to a Unix socket. */
interface Relay {
  readonly name: string;
  readonly port: number;
  readonly socket: string;
  readonly bytes?: boolean;
}

/** An Envoy that hands what comes to these ports to Unix sockets, and knows nothing else. */
export function relayBootstrap(relays: readonly Relay[]): Json {
  return {
    static_resources: {
      clusters: relays.map(({ name, socket }) => pipeCluster(name, socket)),
      listeners: relays.map(({ name, port, bytes }) =>
        bytes ? tcpListener(name, port) : adminListener(name, '0.0.0.0', port, [{ match: { prefix: '/' }, route: { cluster: name } }]),
      ),
    },
  };
}

function tcpListener(name: string, port: number): Json {
  const proxy = extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: name,
    cluster: name,
  });
  return { name, address: address('0.0.0.0', port), filter_chains: [{ filters: [proxy] }] };
}

function trigger(name: string, value: number): Json {
  return { name, triggers: [{ name: 'envoy.resource_monitors.fixed_heap', threshold: { value } }] };
}

function pipeCluster(name: string, path: string): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }] },
  };
}

function adminListener(name: string, ip: string, port: number, routes: readonly Json[]): Json {
  return {
    name,
    address: address(ip, port),
    ignore_global_conn_limit: true,
    filter_chains: [
      {
        filters: [
          extension(
            'envoy.filters.network.http_connection_manager',
            'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            {
              stat_prefix: name,
              route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes }] },
              http_filters: [extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router')],
            },
          ),
        ],
      },
    ],
  };
}
