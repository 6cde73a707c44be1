import type { Proxy } from '../mesh/index.ts';
import { bootstrap } from './bootstrap.ts';
import { decode } from './encode.ts';
import type { Json } from './json.ts';
import type { EnvoyResource, ProxyResources } from './resource.ts';

/** PEM texts to stand for every secret. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

/** All that a proxy would be told, as one configuration file that Envoy can check without a control plane. */
export function staticConfig(proxy: Proxy, resources: ProxyResources, credentials: Credentials): Json {
  const start = bootstrap({ proxy, adminSocket: '/tmp/admin.sock', xdsSocket: '/tmp/xds.sock', domain: 'cluster.local' });
  const { clusters = [], listeners = [] } = start['static_resources'] as { clusters?: Json[]; listeners?: Json[] };
  const routes = new Map([...resources.routes].map(([name, r]) => [name, decode(r.typeUrl, r.bytes)]));
  const assignments = new Map([...resources.endpoints].map(([name, r]) => [name, decode(r.typeUrl, r.bytes)]));
  const all = (map: ReadonlyMap<string, EnvoyResource>): Json[] => [...map.values()].map((r) => decode(r.typeUrl, r.bytes));
  const { dynamic_resources: _stream, ...rest } = start;
  return withSecrets(
    {
      ...rest,
      static_resources: {
        clusters: [...clusters, ...all(resources.clusters).map((c) => inlineEndpoints(c, assignments))],
        listeners: [...listeners, ...all(resources.listeners).map((l) => inlineRoutes(l, routes))],
      },
    },
    credentials,
  );
}

/** Secrets that would be asked for are given. */
function withSecrets(config: Json, { certificate, key }: Credentials): Json {
  const names = new Set<string>();
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (!value || typeof value !== 'object') return value;
    if ('sds_config' in value && 'name' in value) {
      names.add(value.name as string);
      return { name: value.name };
    }
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v)]));
  };
  const walked = walk(config) as { static_resources: Json };
  const pem = (text: string): Json => ({ inline_string: text });
  const secrets = [...names].map((name) =>
    name === 'ROOTCA' || name.endsWith('-cacert')
      ? { name, validation_context: { trusted_ca: pem(certificate) } }
      : { name, tls_certificate: { certificate_chain: pem(certificate), private_key: pem(key) } },
  );
  return { ...walked, static_resources: { ...walked.static_resources, secrets } };
}

function inlineEndpoints(cluster: Json, assignments: ReadonlyMap<string, Json>): Json {
  const { eds_cluster_config: eds, ...rest } = cluster;
  if (!eds) return cluster;
  const name = cluster['name'] as string;
  return { ...rest, type: 'STATIC', load_assignment: assignments.get(name) ?? { cluster_name: name } };
}

/** Replaces each reference to a route table, wherever it is, by the table. */
function inlineRoutes<T>(value: T, routes: ReadonlyMap<string, Json>): T {
  if (Array.isArray(value)) return value.map((v) => inlineRoutes(v, routes)) as T;
  if (!value || typeof value !== 'object') return value;
  const out: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(value)) {
    if (k === 'rds') out['route_config'] = routes.get((v as { route_config_name: string }).route_config_name);
    else out[k] = inlineRoutes(v, routes);
  }
  return out as T;
}
