import { ADS, extension, type Json } from './json.ts';
import { lookupFilter } from './lookup.ts';
import { idleFilters } from './route-filters.ts';

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

const cors = extension('envoy.filters.http.cors', 'envoy.extensions.filters.http.cors.v3.Cors');
const fault = extension('envoy.filters.http.fault', 'envoy.extensions.filters.http.fault.v3.HTTPFault');
/** Asks for the virtual host of a request that has none, where the route table says that it may. */
const onDemand = extension('envoy.filters.http.on_demand', 'envoy.extensions.filters.http.on_demand.v3.OnDemand');
const router = extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router');

export interface HttpOptions {
  readonly side: 'outbound' | 'inbound' | 'gateway';
  /** Shown in Envoy's own stats. */
  readonly statPrefix: string;
  /** The name of a route table that is served, or one given here. */
  readonly routes: string | Json;
  /** Before fault, cors and the router. */
  readonly filters: readonly Json[];
  /** Some of the routes lead to hosts that are looked up. */
  readonly lookup?: boolean;
  readonly accessLog: readonly Json[];
  readonly tracing: Json | undefined;
}

/** The network filter that speaks HTTP. */
export function httpConnectionManager(options: HttpOptions): Json {
  const { side, statPrefix, routes, filters, lookup, accessLog, tracing } = options;
  return extension('envoy.filters.network.http_connection_manager', HCM, {
    stat_prefix: statPrefix,
    ...(typeof routes === 'string' ? { rds: { route_config_name: routes, config_source: ADS } } : { route_config: routes }),
    http_filters: [
      ...(side === 'outbound' ? [onDemand] : []),
      ...filters,
      ...(side === 'inbound' ? [] : [fault, cors]),
      ...(side === 'gateway' ? idleFilters : []),
      ...(lookup ? [lookupFilter] : []),
      router,
    ],
    access_log: accessLog,
    ...(tracing ? { tracing } : {}),
    server_name: 'istio-envoy',
    use_remote_address: side === 'gateway',
    normalize_path: true,
    path_with_escaped_slashes_action: 'KEEP_UNCHANGED',
    stream_idle_timeout: '0s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    // A client's own request id is worth more than ours: logs and traces are joined by it.
    preserve_external_request_id: side !== 'gateway',
    ...(side === 'outbound'
      ? {}
      : {
          forward_client_cert_details: side === 'gateway' ? 'SANITIZE_SET' : 'APPEND_FORWARD',
          set_current_client_cert_details: { subject: true, dns: true, uri: true },
        }),
  });
}
