import type { Policy } from '../mesh/index.ts';
import { defined, duration, extension, type Json } from './json.ts';
import { lookupByServerName } from './lookup.ts';

export type WeightedClusters = readonly { readonly name: string; readonly weight: number }[];

/** Where bytes go. Plain data: equal routes make equal listeners. */
export interface ByteRoute {
  readonly clusters: WeightedClusters;
  /** Of `TcpProxy`, as the policy of the destination says. */
  readonly settings?: Json;
  /** The port at which the server name that clients ask for is to be called, where it is looked up. */
  readonly lookup?: number;
}

/** The filters that take bytes there. */
export function byteFilters(route: ByteRoute, accessLog: readonly Json[]): Json[] {
  return [...(route.lookup ? [lookupByServerName(route.lookup)] : []), tcpProxy(route, accessLog)];
}

/** Forwards bytes to one cluster, or to several by weight. */
export function tcpProxy({ clusters, settings }: ByteRoute, accessLog: readonly Json[]): Json {
  const [first, second] = clusters;
  return extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: first?.name ?? 'BlackHoleCluster',
    ...(second ? { weighted_clusters: { clusters } } : { cluster: first?.name ?? 'BlackHoleCluster' }),
    ...settings,
    access_log: accessLog,
    ...(accessLog.length ? { access_log_options: { flush_access_log_on_connected: true } } : {}),
  });
}

/** What a policy says of connections that carry bytes; undefined when it says nothing. */
export function tcpSettings(policy: Policy): Json | undefined {
  const { tcp } = policy.connectionPool ?? {};
  const { tunnel } = policy;
  const settings = defined({
    idle_timeout: duration(tcp?.idleTimeout),
    max_downstream_connection_duration: duration(tcp?.maxConnectionDuration),
    // Of the keys to hash by, bytes have the address alone.
    hash_policy: policy.loadBalancer?.consistentHash?.useSourceIp ? [{ source_ip: {} }] : undefined,
    tunneling_config: tunnel
      ? defined({ hostname: `${tunnel.targetHost}:${tunnel.targetPort}`, use_post: tunnel.protocol === 'POST' ? true : undefined })
      : undefined,
  });
  return Object.keys(settings).length ? settings : undefined;
}
