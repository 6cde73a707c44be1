/** Where a request goes from a pod: listener, host, and the first route that takes it, with all that was tried. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { lookupHost, MESH, policyOf, visible, type Model, type Rules } from '../mesh/index.ts';
import { contains } from './blocks.ts';
import { PASSTHROUGH } from './cluster.ts';
import type { SeenRequest } from './evaluate.ts';
import { sameRules, writersOf } from './explain-place.ts';
import { chosen, clustersOf } from './explain-route.ts';
import type { ChosenRoute, Step } from './explain-types.ts';
import { walk } from './explain-walk.ts';
import type { Json } from './json.ts';
import { claims } from './on-demand.ts';
import { otherwiseCluster, type OutboundChain } from './outbound.ts';
import { plainRoute, routesOf } from './route.ts';
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
      if (routes.length) return { listener, ...walk(steps, routes, [rules], context, request) };
      steps.push({
        object: writersOf(rules).join(', '),
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

/** VirtualServices that name the host and do not have it. */
function bypassed(model: Model, chosenRules: Rules | undefined, namespace: string, host: string): Step[] {
  return model.virtualServices.all.flatMap((rules): Step[] => {
    const i = rules.hosts.findIndex((h) => lookupHost(new Map([[h, true]]), host));
    if (i < 0) return [];
    const step = (path: string, matched: boolean, why: string): Step[] =>
      writersOf(rules).map((object) => ({ object, path: rules.kind ? 'spec.parentRefs' : path, matched, why }));
    if (sameRules(rules, chosenRules)) return step(`spec.hosts[${i}]`, true, `has ${host} for sidecars in ${namespace}`);
    if (!rules.gateways.includes(MESH))
      return step('spec.gateways', false, `is for ${rules.gateways.join(', ')} only, not for sidecars (mesh)`);
    if (!visible(rules.spec.exportTo, rules.namespace, namespace)) return step('spec.exportTo', false, `is not exported to ${namespace}`);
    return step(
      `spec.hosts[${i}]`,
      false,
      `${chosenRules ? writersOf(chosenRules).join(', ') : 'another'} has the host: it is older or more specific`,
    );
  });
}

function addressesOf(model: Model, host: string, port: number): readonly string[] {
  return (model.endpoints.get(host)?.ports[port] ?? []).map((e) => e.address);
}

export function hostname(request: SeenRequest): string {
  return request.authority.replace(/:\d+$/, '').toLowerCase();
}
