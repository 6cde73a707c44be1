import { extension, type Json } from './json.ts';

/** Forwards bytes to one cluster, or to several by weight. */
export function tcpProxy(clusters: readonly { name: string; weight: number }[], accessLog: readonly Json[]): Json {
  const [first, second] = clusters;
  return extension('envoy.filters.network.tcp_proxy', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: first?.name ?? 'BlackHoleCluster',
    ...(second ? { weighted_clusters: { clusters } } : { cluster: first?.name ?? 'BlackHoleCluster' }),
    access_log: accessLog,
    ...(accessLog.length ? { access_log_options: { flush_access_log_on_connected: true } } : {}),
  });
}
