/** Names that the proxy looks up as clients say them: for hosts with a wildcard, of which nobody can list what they stand for. */
import { extension, type Json } from './json.ts';

/** All lookups of a proxy share what was found: Envoy knows the cache by its name, and wants it to be the same everywhere. */
const CACHE: Json = { name: 'mesh', dns_lookup_family: 'V4_ONLY' };

/** How the cluster of such a host is found. */
export const lookupCluster: Json = {
  lb_policy: 'CLUSTER_PROVIDED',
  cluster_type: extension('envoy.clusters.dynamic_forward_proxy', 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
    dns_cache_config: CACHE,
    // Whom its TLS has to show is for rules to say, as of any other cluster.
    allow_insecure_cluster_options: true,
  }),
};

/** Looks up the host of a request on its way to such a cluster; any other is none of its business. */
export const lookupFilter: Json = extension(
  'envoy.filters.http.dynamic_forward_proxy',
  'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
  { dns_cache_config: CACHE },
);

/** Looks up the server name that a TLS connection asks for, to be called at `port`. */
export function lookupByServerName(port: number): Json {
  return extension(
    'envoy.filters.network.sni_dynamic_forward_proxy',
    'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig',
    { dns_cache_config: CACHE, port_value: port },
  );
}
