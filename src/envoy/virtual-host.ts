import type { LoadBalancer } from '../api/index.ts';
import {
  destinationPort,
  fullHost,
  interner,
  memo,
  policyOf,
  type HostPolicy,
  type MeshService,
  type Model,
  type Rules,
} from '../mesh/index.ts';
import { outboundName, PASSTHROUGH } from './cluster.ts';
import { encoded, repeated, type Encoded } from './encode.ts';
import { objectsIn, type Json } from './json.ts';
import type { Whereabouts } from './locality.ts';
import { PEER_HEADER } from './metrics.ts';
import { TypeUrl } from './resource.ts';
import { NO_TIMEOUT, plainRoute, routesOf, type RouteContext } from './route.ts';

/** A virtual host, encoded once for all the route tables it is in. */
export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  /** All of the message but for `name` and `domains`. */
  readonly rest: Encoded;
  /** The clusters that its routes name, and those that they would name with other weights: a shift to one finds it there. */
  readonly clusters: readonly string[];
  /** As of an {@link EnvoyResource}. */
  readonly from: readonly string[];
}

export function virtualHost(
  json: Json & { name: string; domains: readonly string[] },
  idle: readonly string[] = [],
  rules: readonly (HostPolicy | undefined)[] = [],
): VirtualHost {
  const { name, domains, ...rest } = json;
  const clusters = [...clustersIn(rest), ...idle];
  return { name, domains, rest: encoded(TypeUrl.virtualHost, rest), clusters, from: [...objectsIn(rest), ...hashRules(rules)] };
}

/** DestinationRules have one word to say in routes. */
function hashRules(rules: readonly (HostPolicy | undefined)[]): readonly string[] {
  const hashes = ({ trafficPolicy, subsets }: HostPolicy): boolean =>
    [trafficPolicy, ...subsets.map((s) => s.trafficPolicy)].some((p) =>
      [p, ...(p?.portLevelSettings ?? [])].some((at) => hashOf(at?.loadBalancer)),
    );
  return [...new Set(rules.flatMap((r) => (r && hashes(r) ? [`DestinationRule ${r.namespace}/${r.name}`] : [])))];
}

/** Fields of `VirtualHost`. */
const FIELD = { name: 1, domains: 2 };

/** The message, under a name and for domains of its own where they are given. */
export function virtualHostMessage(host: VirtualHost, name = host.name, domains = host.domains): Encoded {
  const text = (field: number, value: string): Uint8Array => repeated(field, Buffer.from(value, 'utf8'));
  return { ...host.rest, bytes: Buffer.concat([text(FIELD.name, name), ...domains.map((d) => text(FIELD.domains, d)), host.rest.bytes]) };
}

/** The names of clusters anywhere in routes or filters. */
export function clustersIn(json: unknown): readonly string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      if (key === 'cluster' && typeof part === 'string') found.add(part);
      else if (key === 'weighted_clusters') for (const c of (part as { clusters: { name: string }[] }).clusters) found.add(c.name);
      else walk(part);
    }
  };
  walk(json);
  return [...found];
}

/** Where the rules send requests: hosts, and the ports that they name. */
export const destinationsUsed = memo((rules: Rules, domain: string): readonly { readonly host: string; readonly port?: number }[] => {
  const http = (rules.spec.http ?? []).flatMap((h) => [
    ...(h.route ?? []).map((r) => r.destination),
    ...(h.mirrors ?? []).map((r) => r.destination),
    h.mirror,
  ]);
  const bytes = [...(rules.spec.tls ?? []), ...(rules.spec.tcp ?? [])].flatMap((l4) => (l4.route ?? []).map((r) => r.destination));
  return [...http, ...bytes].flatMap((d) =>
    d?.host ? [{ host: fullHost(d.host, rules.namespace, domain), ...(d.port?.number ? { port: d.port.number } : {}) }] : [],
  );
});

/** Hosts that the rules send requests to. */
export const hostsUsed = memo((rules: Rules, domain: string): readonly string[] => [
  ...new Set(destinationsUsed(rules, domain).map((d) => d.host)),
]);

/** Everything besides the rules themselves that their routes are made of: services and what such clients do with them. */
export function dependencies(model: Model, rules: Rules, client: Client): (object | string | undefined)[] {
  return hostsUsed(rules, model.config.domain).flatMap((host) => {
    const service = model.services.get(host);
    return [host, service, service && model.destinationRules.of(client.namespace, service, client.labels)];
  });
}

/** The resolver over exactly those dependencies, so that what is remembered cannot depend on anything else. */
export function resolver(
  rules: Rules,
  port: number,
  domain: string,
  deps: readonly (object | string | undefined)[],
): RouteContext['resolve'] {
  const known = new Map<string, readonly [MeshService | undefined, HostPolicy | undefined]>();
  for (let i = 0; i < deps.length; i += 3) known.set(deps[i] as string, [deps[i + 1] as MeshService, deps[i + 2] as HostPolicy]);
  return (destination) => {
    const host = fullHost(destination.host, rules.namespace, domain);
    const [service, rule] = known.get(host) ?? [undefined, undefined];
    const number = destinationPort(service, destination.port?.number, port);
    const subset = destination.subset ?? '';
    const policy = policyOf(
      rule,
      rule?.subsets.find((s) => s.name === subset),
      number,
    );
    return { cluster: outboundName(number, subset, host), hash: hashOf(policy.loadBalancer) };
  };
}

export function hashOf(lb: LoadBalancer | undefined): LoadBalancer['consistentHash'] {
  return lb?.simple ? undefined : lb?.consistentHash;
}

const internDomains = interner<readonly string[]>();

/** All names by which clients in `namespace` may call the service. */
export const domainsOf = memo((service: MeshService, namespace: string): readonly string[] => {
  const { host, name, namespace: own } = service;
  const addresses = new Set(service.addresses.filter((a) => !a.includes('/')));
  if (host === name) return internDomains([host, ...addresses]);
  const names = [host, ...(own === namespace ? [name] : []), `${name}.${own}`, `${name}.${own}.svc`];
  return internDomains([...names, ...addresses, ...(service.headless ? names.map((n) => `*.${n}`) : [])]);
});

/** A host that clients know by that name only. */
export function soleDomain(host: string): readonly string[] {
  return internDomains([host]);
}

/** The virtual host of a service no rules speak of. */
export const plainHost = memo(
  (service: MeshService, port: number, domains: readonly string[], rule: HostPolicy | undefined): VirtualHost => {
    const cluster = outboundName(port, '', service.host);
    const json = {
      name: `${service.host}:${port}`,
      domains,
      routes: [plainRoute(cluster, hashOf(policyOf(rule, undefined, port).loadBalancer))],
      include_request_attempt_count: true,
      // Who we are is nobody's business outside of the mesh.
      ...(service.external ? { request_headers_to_remove: [PEER_HEADER] } : {}),
    };
    return virtualHost(json, [], [rule]);
  },
);

/** A client as routes may tell it apart; plain data, so that equal clients are one. */
export interface Client {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `namespace/host` of all it is told of; absent for everything. */
  readonly imports?: readonly string[];
  /** Where it is, and what of its labels rules about localities compare; absent when none matters. */
  readonly where?: Whereabouts;
  /** What it does with a destination nobody declared; absent for what the mesh does. */
  readonly outboundTrafficPolicy?: 'ALLOW_ANY' | 'REGISTRY_ONLY';
}

/** The gateways of rules that hold for sidecars. */
export const MESH_ONLY: readonly string[] = ['mesh'];

/** The virtual host that rules make of `host`, or undefined when none of them holds for this client and port. */
export const ruledHost = memo(
  (
    rules: Rules,
    client: Client,
    host: string,
    port: number,
    domains: readonly string[],
    external: boolean,
    domain: string,
    ...deps: (object | string | undefined)[]
  ): VirtualHost | undefined => {
    const resolve = resolver(rules, port, domain, deps);
    const routes = routesOf(rules, { gateways: MESH_ONLY, port, client, resolve });
    if (!routes.length) return undefined;
    const idle = (rules.spec.http ?? []).flatMap((h) => (h.route ?? []).filter((r) => r.weight === 0));
    return virtualHost(
      {
        name: `${host}:${port}`,
        domains,
        routes,
        include_request_attempt_count: true,
        ...(external ? { request_headers_to_remove: [PEER_HEADER] } : {}),
      },
      idle.map((r) => resolve(r.destination).cluster),
      deps.filter((_, i) => i % 3 === 2) as (HostPolicy | undefined)[],
    );
  },
);

/** What nobody declared: let through to where the client meant it to go, or refused. */
export function catchAll(policy: 'ALLOW_ANY' | 'REGISTRY_ONLY'): VirtualHost {
  return policy === 'ALLOW_ANY' ? allowAny() : blockAll();
}

function once<T>(make: () => T): () => T {
  let value: { of: T } | undefined;
  return () => (value ??= { of: make() }).of;
}

const allowAny = once(() =>
  virtualHost({
    name: 'allow_any',
    domains: ['*'],
    routes: [
      {
        name: 'allow_any',
        match: { prefix: '/' },
        route: { cluster: PASSTHROUGH, ...NO_TIMEOUT },
      },
    ],
    request_headers_to_remove: [PEER_HEADER],
  }),
);

const blockAll = once(() =>
  virtualHost({
    name: 'block_all',
    domains: ['*'],
    routes: [{ name: 'block_all', match: { prefix: '/' }, direct_response: { status: 502 } }],
  }),
);
