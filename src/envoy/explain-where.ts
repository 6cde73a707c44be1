/** Where a request goes from its client: listener, host, and the first route that takes it, with all that was tried. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  acceptedHosts,
  isPlainHttp,
  lookupHost,
  MESH,
  policyOf,
  serversOf,
  unsoundParts,
  visible,
  workloadOfProxy,
  type Model,
  type Proxy,
  type Rules,
} from '../mesh/index.ts';
import { contains } from './blocks.ts';
import { PASSTHROUGH } from './cluster.ts';
import { routeHolds, type SeenRequest } from './evaluate.ts';
import { chosen, clustersOf } from './explain-route.ts';
import type { ChosenRoute, Step } from './explain-types.ts';
import { planGateway } from './ingress.ts';
import type { Json } from './json.ts';
import { claims } from './on-demand.ts';
import { otherwiseCluster, type OutboundChain } from './outbound.ts';
import { originOf, plainRoute, routesOf, unconcerned } from './route.ts';
import type { WeightedClusters } from './tcp-proxy.ts';
import type { View } from './view.ts';
import { dependencies, domainsOf, hashOf, MESH_ONLY, resolver } from './virtual-host.ts';

export interface Question {
  readonly model: Model;
  /** The client: with a sidecar, without one, or a gateway. */
  readonly from: Pod;
  readonly request: SeenRequest;
  /** That the client connects to; at a gateway, the port of its Gateway's server. */
  readonly port: number;
  /** Milliseconds. */
  readonly now: number;
}

/** Where the request got to, before anything was sent. */
export interface Found {
  readonly listener: string;
  readonly steps: readonly Step[];
  readonly route: ChosenRoute;
  /** As sent to Envoy; absent where bytes are passed on. */
  readonly json?: Json;
  readonly clusters: WeightedClusters;
  readonly http: boolean;
}

/** A sidecar's listener, table, virtual host and route. */
export function atSidecar({ model, request, port }: Question, view: View): Found {
  const name = hostname(request);
  const { client, services, outbound } = view;
  const service = services.find((s) => domainsOf(s, client.namespace).includes(name));
  const addresses = service ? (service.addresses.length ? service.addresses : addressesOf(model, service.host, port)) : [name];
  const chains = outbound.chains.get(port) ?? [];
  const chain = chainFor(chains, addresses, request);
  const listener = `0.0.0.0_${port}`;
  if (chain && !chain.sniff) {
    const says = `port ${port} of ${service?.host ?? name} carries bytes (by its name or appProtocol), so rules about HTTP do not hold`;
    return { listener, steps: [], route: { does: 'bytes', says }, clusters: chain.clusters, http: false };
  }
  if (!chain && !outbound.http.has(port)) {
    const cluster = otherwiseCluster(model, client);
    const says =
      cluster === PASSTHROUGH
        ? `nobody declares port ${port} there: passed on as it is`
        : `nobody declares port ${port} there: refused (REGISTRY_ONLY)`;
    const route: ChosenRoute = {
      does: cluster === PASSTHROUGH ? 'pass through' : 'refuse',
      says,
      ...(cluster === PASSTHROUGH ? {} : { status: 503 }),
    };
    return {
      listener: chains.length ? listener : 'virtualOutbound',
      steps: [],
      route,
      clusters: [{ name: cluster, weight: 1 }],
      http: false,
    };
  }
  const table = chain?.sniff ?? String(port);
  const steps: Step[] = [];
  for (const claim of claims(model, services, client, table, request.authority)) {
    const host = 'service' in claim ? claim.service.host : claim.host;
    const rules = 'service' in claim ? model.virtualServices.ofHost(client.namespace, host) : claim.rules;
    steps.push(...bypassed(model, rules, client.namespace, host));
    if (rules) {
      const resolve = resolver(rules, port, model.config.domain, dependencies(model, rules, client));
      const context = { gateways: MESH_ONLY, port, client };
      const routes = routesOf(rules, { ...context, resolve });
      if (routes.length) return { listener, http: true, ...walk(steps, routes, [rules], context, request) };
      steps.push({
        object: objectOf(rules),
        path: 'spec.http',
        matched: false,
        why: 'none of its rules can hold for this client: as if it were not there',
      });
    }
    if ('service' in claim) {
      const hash = hashOf(
        policyOf(model.destinationRules.of(client.namespace, claim.service, client.labels), undefined, port).loadBalancer,
      );
      const json = plainRoute(`outbound|${port}||${host}`, hash);
      return {
        listener,
        steps,
        route: { ...chosen(json), says: 'forwards to the service: no rule speaks of it' },
        json,
        clusters: clustersOf(json),
        http: true,
      };
    }
  }
  const through = otherwiseCluster(model, client) === PASSTHROUGH;
  return {
    listener,
    steps,
    route: through
      ? { does: 'pass through', says: `no service or rule has the host ${name} on port ${port}: passed on to where the client connects` }
      : {
          does: 'refuse',
          says: `no service or rule has the host ${name} on port ${port}, and the mesh lets nothing else out`,
          status: 502,
        },
    clusters: through ? [{ name: PASSTHROUGH, weight: 1 }] : [],
    http: true,
  };
}

/** The chain that takes the connection: by its address, then by its SNI, the most specific name first, else the one for any. */
function chainFor(chains: readonly OutboundChain[], addresses: readonly string[], request: SeenRequest): OutboundChain | undefined {
  const there = chains.filter((c) => c.subnets?.some((s) => addresses.some((a) => contains(s, a))));
  const fitting = there.length ? there : chains.filter((c) => !c.subnets);
  const named = new Map(fitting.flatMap((c) => (c.names ?? []).map((n) => [n, c] as const)));
  const hit = request.scheme === 'https' ? lookupHost(named, hostname(request)) : undefined;
  return hit ?? fitting.find((c) => !c.names);
}

/** A gateway's server, virtual host and route. */
export function atGateway({ model, request, port }: Question, proxy: Proxy): Found {
  const name = hostname(request);
  const own = [...model.services.values()].filter((s) => s.namespace === proxy.namespace);
  const servers = serversOf(proxy, model.gateways, own).filter((s) => isPlainHttp(s) === (request.scheme === 'http'));
  const server = servers.find((s) => s.spec.port.number === port) ?? servers.find((s) => s.listen === port) ?? servers[0];
  if (!server) {
    const says = `no Gateway has a server for ${request.scheme} on this gateway: nothing listens`;
    return { listener: 'none', steps: [], route: { does: 'refuse', says, status: 503 }, clusters: [], http: true };
  }
  const listener = `0.0.0.0_${server.listen}`;
  const plan = planGateway(model, proxy, workloadOfProxy(proxy), serversOf(proxy, model.gateways, own));
  const same = servers.filter((s) => s.listen === server.listen);
  const gateways = [...new Set(same.map((s) => s.gateway))];
  const prefix = request.scheme === 'http' ? `http.${server.listen}` : `https.${server.spec.port.number}.`;
  const mine = [...plan.routes].filter(([table]) => table === prefix || (request.scheme === 'https' && table.startsWith(prefix)));
  const hosts = new Map(mine.flatMap(([, all]) => all.flatMap((h) => h.domains.map((d) => [d, h] as const))));
  const host = lookupHost(hosts, name) as (Json & { routes?: readonly Json[] }) | undefined;
  const routes = host?.routes ?? [];
  const holders = [...new Set(routes.flatMap((r) => originOf(r)?.rules ?? []))];
  const steps = unbound(
    model,
    holders,
    gateways,
    same.map((s) => acceptedHosts(s, model.config.domain)),
    name,
  );
  if (!host) {
    const says = `no VirtualService of ${gateways.join(', ')} has the host ${name}`;
    return { listener, steps, route: { does: 'refuse', says, status: 404 }, clusters: [], http: true };
  }
  if (host['require_tls'] === 'ALL' && request.scheme === 'http') {
    const says = 'the Gateway redirects (301) to https (tls.httpsRedirect)';
    return { listener, steps, route: { does: 'redirect', says, status: 301 }, clusters: [], http: true };
  }
  const context = { gateways, port: server.spec.port.number, client: { namespace: proxy.namespace, labels: proxy.labels } };
  return { listener, http: true, ...walk(steps, routes, holders, context, request) };
}

/** A client without a proxy: its connection goes to any endpoint of the service. */
export function unproxied({ request, port }: Question, view: View): Found {
  const name = hostname(request);
  const service = view.services.find((s) => domainsOf(s, view.client.namespace).includes(name));
  const says = service ? 'connects straight to an endpoint of the service' : 'connects to wherever the name leads';
  return {
    listener: 'none',
    steps: [],
    route: { does: service ? 'forward' : 'pass through', says },
    clusters: [{ name: service ? `outbound|${port}||${service.host}` : PASSTHROUGH, weight: 1 }],
    http: true,
  };
}

type Walked = Pick<Found, 'steps' | 'route' | 'json' | 'clusters'>;

/** Tries the routes in their order, and says of the rules that made none why. */
function walk(
  before: readonly Step[],
  routes: readonly Json[],
  holders: readonly Rules[],
  context: Parameters<typeof unconcerned>[1],
  request: SeenRequest,
): Walked {
  const steps = [...before];
  const made = new Map(routes.map((r) => [`${origin(r)}`, r]));
  let hit: Json | undefined;
  for (const rules of holders) {
    for (const [i, http] of (rules.spec.http ?? []).entries()) {
      const unsound = unsoundParts(http)[0];
      for (const [j, m] of (http.match?.length ? http.match : [undefined]).entries()) {
        const path = `spec.http[${i}]${m ? `.match[${j}]` : ''}`;
        const route = made.get(`${objectOf(rules)} ${path}`);
        const step = (matched: boolean, why: string): unknown => steps.push({ object: objectOf(rules), path, matched, why });
        if (hit) continue;
        if (!route) {
          step(
            false,
            unsound
              ? `left out: ${unsound.path}: ${unsound.message}`
              : ((m && unconcerned(m, context, rules)) ?? 'left out: it has no destination'),
          );
          continue;
        }
        const verdict = routeHolds(route['match'] as Json, request);
        step(verdict.holds, verdict.why);
        if (verdict.holds) hit = route;
      }
    }
  }
  if (!hit) return { steps, route: { does: 'respond', says: 'no rule of the host takes it', status: 404 }, clusters: [] };
  return { steps, route: chosen(hit), json: hit, clusters: clustersOf(hit) };
}

const objectOf = (rules: Rules): string => `VirtualService ${rules.namespace}/${rules.name}`;

function origin(route: Json): string | undefined {
  const from = originOf(route);
  return from && `${objectOf(from.rules)} ${from.path}`;
}

/** VirtualServices that name the host and do not have it. */
function bypassed(model: Model, chosenRules: Rules | undefined, namespace: string, host: string): Step[] {
  return model.virtualServices.all.flatMap((rules): Step[] => {
    const i = rules.hosts.findIndex((h) => lookupHost(new Map([[h, true]]), host));
    if (i < 0) return [];
    const step = (path: string, matched: boolean, why: string): Step[] => [{ object: objectOf(rules), path, matched, why }];
    if (rules === chosenRules) return step(`spec.hosts[${i}]`, true, `has ${host} for sidecars in ${namespace}`);
    if (!rules.gateways.includes(MESH))
      return step('spec.gateways', false, `is for ${rules.gateways.join(', ')} only, not for sidecars (mesh)`);
    if (!visible(rules.spec.exportTo, rules.namespace, namespace)) return step('spec.exportTo', false, `is not exported to ${namespace}`);
    return step(`spec.hosts[${i}]`, false, `${chosenRules ? objectOf(chosenRules) : 'another'} has the host: it is older or more specific`);
  });
}

/** The same at a gateway. */
function unbound(
  model: Model,
  holders: readonly Rules[],
  gateways: readonly string[],
  accepts: readonly ReturnType<typeof acceptedHosts>[],
  host: string,
): Step[] {
  return model.virtualServices.all.flatMap((rules): Step[] => {
    const i = rules.hosts.findIndex((h) => lookupHost(new Map([[h, true]]), host));
    if (i < 0) return [];
    const step = (path: string, matched: boolean, why: string): Step[] => [{ object: objectOf(rules), path, matched, why }];
    if (holders.includes(rules)) return step(`spec.hosts[${i}]`, true, `has ${host} at ${gateways.join(', ')}`);
    if (!rules.gateways.some((g) => gateways.includes(g)))
      return step('spec.gateways', false, `is for ${rules.gateways.join(', ')}, not for ${gateways.join(', ')}`);
    if (!accepts.some((a) => a(rules.hosts[i]!, rules.namespace).length))
      return step(`spec.hosts[${i}]`, false, 'no server of the Gateway takes this host from its namespace');
    return step(`spec.hosts[${i}]`, false, 'a more specific host has the request, or none of its rules can hold here');
  });
}

function addressesOf(model: Model, host: string, port: number): readonly string[] {
  return (model.endpoints.get(host)?.ports[port] ?? []).map((e) => e.address);
}

export function hostname(request: SeenRequest): string {
  return request.authority.replace(/:\d+$/, '').toLowerCase();
}
