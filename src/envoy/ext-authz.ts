/** External authorizers as Envoy's filters, which ask them about what policies with the action CUSTOM match. */
import type { Authorizer, Guard } from '../mesh/index.ts';
import { outboundName } from './cluster.ts';
import { defined, duration, extension, type Json } from './json.ts';

/** Policies that ask are matched by a filter before, without effect; it leaves the name of the one that matched in this metadata. */
export const ASK_PREFIX = 'istio_ext_authz_';
/** How the names of rules begin that ask. */
export const ASKING = 'istio-ext-authz-';

/** Bytes of a request have no headers to show to an authorizer that speaks HTTP. */
export function canBeAsked({ speaks }: Authorizer, protocol: 'http' | 'tcp'): boolean {
  return protocol === 'http' || speaks === 'grpc';
}

function authorizerCluster({ port, host }: Authorizer): string {
  return outboundName(port, '', host);
}

/** Where a proxy with this guard asks. */
export function clustersToAsk({ authorizer }: Guard): readonly string[] {
  return authorizer ? [authorizerCluster(authorizer)] : [];
}

/** Asks about requests, or connections, that a rule matched. */
export function askFilter(authorizer: Authorizer, protocol: 'http' | 'tcp'): Json {
  const matched = {
    filter: `envoy.filters.${protocol === 'http' ? 'http' : 'network'}.rbac`,
    path: [{ key: `${ASK_PREFIX}shadow_effective_policy_id` }],
    value: { string_match: { prefix: ASKING } },
  };
  const common = {
    filter_enabled_metadata: matched,
    transport_api_version: 'V3',
    failure_mode_allow: authorizer.failOpen || undefined,
  };
  if (protocol === 'tcp')
    return extension(
      'envoy.filters.network.ext_authz',
      'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz',
      defined({ ...common, stat_prefix: 'tcp.', ...grpc(authorizer) }),
    );
  const { body, shown } = authorizer;
  return extension(
    'envoy.filters.http.ext_authz',
    'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
    defined({
      ...common,
      ...(authorizer.speaks === 'grpc' ? grpc(authorizer) : http(authorizer)),
      status_on_error: { code: authorizer.statusOnError },
      clear_route_cache: authorizer.clearRouteCache || undefined,
      with_request_body: body && {
        max_request_bytes: body.maxBytes,
        allow_partial_message: body.partial,
        pack_as_bytes: body.raw,
      },
      allowed_headers: authorizer.speaks === 'http' ? names(shown) : undefined,
    }),
  );
}

/** With a host of its own, since servers refuse the name of the cluster, which Envoy would say. */
function grpc(authorizer: Authorizer): Json {
  const { host, port, timeout } = authorizer;
  const target = { cluster_name: authorizerCluster(authorizer), authority: `${host}:${port}` };
  return { grpc_service: { envoy_grpc: target, timeout: duration(timeout) } };
}

function http(authorizer: Authorizer): Json {
  const { host, port, timeout, pathPrefix, added, toUpstream, onDeny, onAllow } = authorizer;
  const headers = Object.entries(added).map(([key, value]) => ({ key, value }));
  return {
    http_service: defined({
      server_uri: { uri: `http://${host}:${port}`, cluster: authorizerCluster(authorizer), timeout: duration(timeout) },
      path_prefix: pathPrefix,
      authorization_request: headers.length ? { headers_to_add: headers } : undefined,
      authorization_response: defined({
        allowed_upstream_headers: names(toUpstream),
        allowed_client_headers: names(onDeny),
        allowed_client_headers_on_success: names(onAllow),
      }),
    }),
  };
}

/** Names of headers; a star at one end stands for anything. */
function names(written: readonly string[]): Json | undefined {
  if (!written.length) return undefined;
  return {
    patterns: written.map((name) => ({
      ...(name === '*'
        ? { prefix: '' }
        : name.endsWith('*')
          ? { prefix: name.slice(0, -1) }
          : name.startsWith('*')
            ? { suffix: name.slice(1) }
            : { exact: name }),
      ignore_case: true,
    })),
  };
}
