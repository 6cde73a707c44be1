import {
  acceptedHosts,
  hostOf,
  endsTls,
  isPlainHttp,
  isTlsHttp,
  memo,
  type Guard,
  type Model,
  type Proxy,
  type Reporter,
  type Rules,
  type Server,
  visible,
} from '../mesh/index.ts';
import type { L4Match } from '../api/index.ts';
import { attachedFilters, attachedPolicies, authorizationFilters } from './authorization.ts';
import { clusterNames, sniOf } from './cluster.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { ingressMetrics } from './ingress-metrics.ts';
import { address, type Json } from './json.ts';
import { attachedTokens, attachedTokensOf, jwtFilter } from './jwt.ts';
import { chainMatch, INSPECT_TIMEOUT, isFree } from './listener.ts';
import { PEER_HEADER, sayPeer, splitMetrics } from './metrics.ts';
import { chainsOf, concernsBytes, ownerMetadata, routesOfRule, taking, type L4Route } from './l4-route.ts';
import { clientReports, tracingOf } from './reports.ts';
import { routesOf } from './route.ts';
import { badRequests } from './request-log.ts';
import { byteFilters, tcpProxy } from './tcp-proxy.ts';
import { gatewayTls, MESH_ALPN, meshTlsDownstream, tlsInspector } from './tls.ts';
import { dependencies, hostsUsed, resolver } from './virtual-host.ts';

/** What a gateway proxy is to hold besides clusters and endpoints. */
export interface GatewayPlan {
  readonly listeners: ReadonlyMap<string, Json>;
  /** Virtual hosts by route table, as JSON so that equal ones can be told without encoding. */
  readonly routes: ReadonlyMap<string, readonly (Json & { name: string; domains: readonly string[] })[]>;
}

/** The gateway proxy that listeners are made for. */
interface For {
  readonly model: Model;
  readonly proxy: Proxy;
  readonly own: Reporter;
  readonly guard: Guard;
  /** Of Gateways of the Gateway API that have policies of their own. */
  readonly attached: ReadonlyMap<string, Guard>;
}

/** The Gateway of the Gateway API that a server is of. */
function gatewayOf({ spec: { owner } }: Server): string {
  return owner?.kind === 'KubernetesGateway' ? `${owner.namespace}/${owner.name}` : '';
}

function attachedGuards({ guards }: Model, servers: readonly Server[]): ReadonlyMap<string, Guard> {
  const named = [...new Set(servers.map(gatewayOf))].map((gateway) => [gateway, guards.ofGateway(gateway)] as const);
  return new Map(named.filter(([, guard]) => guard.policies.length || guard.requests.length));
}

/** Listeners and routes of the servers that a gateway proxy runs. */
export function planGateway(model: Model, proxy: Proxy, own: Reporter, servers: readonly Server[]): GatewayPlan {
  const target: For = {
    model,
    proxy,
    own,
    guard: model.guards.of(proxy.namespace, proxy.labels),
    attached: attachedGuards(model, servers),
  };
  const listeners = new Map<string, Json>();
  const routes = new Map<string, readonly (Json & { name: string; domains: readonly string[] })[]>();
  for (const [name, group] of byPlace(servers)) {
    const first = group[0]!;
    const { listen: port, bind = '0.0.0.0' } = first;
    if (!isFree(port)) continue;
    // One port speaks one kind of thing; what the oldest server says holds.
    const same = group.filter((s) => isPlainHttp(s) === isPlainHttp(first));
    const chains = isPlainHttp(first) ? plainChains(target, same, routes) : tlsChains(target, same, routes);
    if (!chains.length) continue;
    listeners.set(name, {
      name,
      address: address(bind, port),
      traffic_direction: 'OUTBOUND',
      ...(isPlainHttp(first)
        ? {}
        : { listener_filters: [tlsInspector], listener_filters_timeout: INSPECT_TIMEOUT, continue_on_listener_filters_timeout: true }),
      filter_chains: chains,
    });
  }
  return { listeners, routes };
}

/** The name of the listener that a server is part of. */
export function listenerOf({ bind = '0.0.0.0', listen }: Server): string {
  return `${bind}_${listen}`;
}

function byPlace(servers: readonly Server[]): Map<string, Server[]> {
  const places = new Map<string, Server[]>();
  for (const server of servers) {
    const list = places.get(listenerOf(server));
    if (list) list.push(server);
    else places.set(listenerOf(server), [server]);
  }
  return places;
}

const looksUp = memo((services: Model['services']): boolean => [...services.values()].some((s) => s.discovery === 'dynamic'));

function manager({ model, own, guard, attached }: For, routes: string): Json {
  return httpConnectionManager({
    side: 'gateway',
    statPrefix: `outbound_${routes}`,
    routes,
    filters: [
      ...authorizationFilters(guard, 'http', jwtFilter(guard.jwtRules, true)),
      ...attachedTokens(new Map([...attached].map(([gateway, { jwtRules }]) => [gateway, jwtRules]))),
      ...(attached.size ? attachedFilters : []),
      sayPeer(own),
    ],
    lookup: looksUp(model.services),
    accessLog: [...clientReports(own, 'http'), ...splitMetrics(), ...ingressMetrics(), badRequests()],
    tracing: tracingOf(own, 'client'),
  });
}

type Hosts = Map<string, readonly (Json & { name: string; domains: readonly string[] })[]>;

function plainChains(target: For, servers: readonly Server[], routes: Hosts): Json[] {
  const table = plainTable(servers[0]!);
  routes.set(table, hostsOf(target, servers));
  return [{ filters: [manager(target, table)] }];
}

function tlsChains(target: For, servers: readonly Server[], routes: Hosts): Json[] {
  const chains: Json[] = [];
  const taken = new Set<string>();
  for (const server of servers) {
    const transport = transportOf(target, server);
    if (endsTls(server) && !transport) continue;
    if (isTlsHttp(server)) {
      const names = namesOf(server).filter((n) => !taken.has(taking(n)));
      if (!names.length) continue;
      for (const n of names) taken.add(taking(n));
      const match = names.includes('') ? {} : { filter_chain_match: { server_names: names } };
      const table = tlsTable(server);
      routes.set(table, hostsOf(target, [server]));
      chains.push({ ...match, filters: [manager(target, table)], ...transport });
    } else if (server.spec.tls?.mode === 'AUTO_PASSTHROUGH') {
      chains.push(...passingChains(target, server, taken));
    } else {
      chains.push(...byteChains(target, server, taken).map((chain) => ({ ...chain, ...transport })));
    }
  }
  return chains;
}

const bound = ({ bind }: Server): string => (bind ? `.${bind}` : '');

/** The route table of servers without TLS at one place. */
export function plainTable(server: Server): string {
  return `http.${server.listen}${bound(server)}`;
}

/** The route table of a server that ends TLS. */
export function tlsTable(server: Server): string {
  const { gateway, spec } = server;
  const [namespace, name] = gateway.split('/');
  return `https.${spec.port.number}.${spec.port.name}.${name}.${namespace}${bound(server)}`;
}

/** How TLS is ended; undefined where it is not, or for want of a certificate cannot be. */
function transportOf({ model }: For, { spec }: Server): Json | undefined {
  const { secrets, tls } = spec;
  if (tls?.mode === 'ISTIO_MUTUAL') return { transport_socket: meshTlsDownstream(model.config.domain) };
  const named = tls?.credentialName ? [tls.credentialName] : (tls?.credentialNames ?? []);
  const credentials = secrets
    ? secrets.map((s) => `kubernetes-gateway://${s.namespace}/${s.name}`)
    : named.map((name) => `kubernetes://${name}`);
  if (!tls || !credentials[0]) return undefined;
  const authorities = tls.caCertCredentialName ? `kubernetes://${tls.caCertCredentialName}` : credentials[0];
  return { transport_socket: gatewayTls(tls, credentials, `${authorities}-cacert`, spec.clients) };
}

/** Server names as Envoy compares them, in lower case and each once; `` alone is any. */
function namesOf(server: Server): readonly string[] {
  const names = new Set(server.spec.hosts.map((h) => hostOf(h).toLowerCase()));
  return names.has('*') ? [''] : [...names];
}

function byteChains({ model, own, guard, proxy, attached }: For, server: Server, taken: Set<string>): Json[] {
  const more = attached.get(gatewayOf(server));
  const policies = [...authorizationFilters(guard, 'tcp'), ...(more ? authorizationFilters(more, 'tcp') : [])];
  return byteRoutes(model, proxy, server, taken).map((route) => ({
    ...chainMatch(route),
    ...ownerMetadata(route),
    filters: [...policies, ...byteFilters(route, clientReports(own, 'tcp'))],
  }));
}

/** mTLS of the mesh goes on unopened to the cluster that its client names; its server alone decides who may come. */
function passingChains({ model, own, proxy }: For, server: Server, taken: Set<string>): Json[] {
  const { services, destinationRules, config } = model;
  const accepted = acceptedHosts(server, config.domain);
  const routes = [...services.values()].flatMap((service): L4Route[] => {
    const { host, namespace, external, exportTo } = service;
    if (external || !visible(exportTo, namespace, proxy.namespace) || !accepted(host, namespace).length) return [];
    return clusterNames(service, destinationRules.of(proxy.namespace, service, proxy.labels)).map(({ port, subset }) => {
      const name = sniOf(port.number, subset, host);
      return { names: [name.toLowerCase()], clusters: [{ name, weight: 1 }] };
    });
  });
  return chainsOf(routes, taken).map(({ names, ...route }) => ({
    filter_chain_match: { server_names: names, application_protocols: MESH_ALPN },
    filters: [tcpProxy(route, clientReports(own, 'tcp'))],
  }));
}

/** TLS goes by its SNI, other bytes by address and port; what a chain takes is added to `taken`. */
export function byteRoutes(model: Model, proxy: Proxy, server: Server, taken?: Set<string>): readonly L4Route[] {
  const port = server.spec.port.number;
  const client = { namespace: proxy.namespace, labels: proxy.labels };
  const isTls = /^(tls|https)$/i.test(server.spec.port.protocol);
  const names = namesOf(server);
  const ofServer = isTls && !names.includes('') ? { names } : {};
  const routes = rulesOfServer(model, server).flatMap((rules) => {
    const fits = (m: L4Match): boolean => concernsBytes(m, [server.gateway], port, client, rules.namespace);
    const spoken = [...(isTls ? (rules.spec.tls ?? []) : []), ...(rules.spec.tcp ?? [])];
    return spoken.flatMap((rule) => routesOfRule(model, rules, rule, port, client, fits).map((route) => ({ ...ofServer, ...route })));
  });
  return chainsOf(routes, taken);
}

function rulesOfServer(model: Model, server: Server): readonly Rules[] {
  const hosts = model.virtualServices.ofGateway(server.gateway, acceptedHosts(server, model.config.domain));
  return [...new Set([...hosts.values()].flat())];
}

/** Every host of the servers: routes of all VirtualServices for it in order of age, `*` last. */
function hostsOf(
  { model, proxy, attached }: For,
  servers: readonly Server[],
): readonly (Json & { name: string; domains: readonly string[] })[] {
  const byHost = new Map<string, { rules: Rules; server: Server }[]>();
  const redirected = new Set<string>();
  for (const server of servers) {
    for (const [host, all] of model.virtualServices.ofGateway(server.gateway, acceptedHosts(server, model.config.domain))) {
      const list = byHost.get(host) ?? [];
      for (const rules of all) if (!list.some((e) => e.rules === rules)) list.push({ rules, server });
      byHost.set(host, list);
      if (server.spec.tls?.httpsRedirect) redirected.add(host);
    }
    if (!server.spec.tls?.httpsRedirect) continue;
    for (const host of server.spec.hosts.map(hostOf)) {
      redirected.add(host);
      if (!byHost.has(host)) byHost.set(host, []);
    }
  }
  const gateways = [...new Set(servers.map((s) => s.gateway))];
  const filtersOf = (server: Server): { filters?: Json } => {
    const guard = attached.get(gatewayOf(server));
    return guard ? { filters: { ...attachedTokensOf(gatewayOf(server), guard.jwtRules), ...attachedPolicies(guard) } } : {};
  };
  return [...byHost].flatMap(([host, entries]) => {
    const routes = entries.flatMap(({ rules, server }) =>
      routesOf(rules, {
        gateways,
        port: server.spec.port.number,
        client: { namespace: proxy.namespace, labels: proxy.labels },
        ...filtersOf(server),
        resolve: resolver(
          rules,
          server.spec.port.number,
          model.config.domain,
          dependencies(model, rules, { namespace: proxy.namespace, labels: proxy.labels }),
        ),
      }),
    );
    if (!routes.length && !redirected.has(host)) return [];
    const port = entries[0]?.server.spec.port.number ?? servers[0]!.spec.port.number;
    return [
      {
        name: `${host}:${port}`,
        domains: [host],
        routes,
        include_request_attempt_count: true,
        ...(entries.some(({ rules }) => leadsOutside(model, rules)) ? { request_headers_to_remove: [PEER_HEADER] } : {}),
        ...(redirected.has(host) ? { require_tls: 'ALL' } : {}),
      },
    ];
  });
}

/** Who we are is nobody's business outside of the mesh. */
function leadsOutside({ services, config }: Model, rules: Rules): boolean {
  return hostsUsed(rules, config.domain).some((host) => services.get(host)?.external);
}
