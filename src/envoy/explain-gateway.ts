/** Where a request goes from a gateway: server, host and the first route that takes it, whichever kind of object said it. */
import {
  acceptedHosts,
  gatewaysOf,
  hostOf,
  isPlainHttp,
  isTlsHttp,
  lookupHost,
  serversOf,
  workloadOfProxy,
  type Model,
  type Proxy,
  type Rules,
  type Server,
} from '../mesh/index.ts';
import { sameRules, writersOf } from './explain-place.ts';
import type { Step } from './explain-types.ts';
import { walk } from './explain-walk.ts';
import { hostname, type Found, type Question } from './explain-where.ts';
import { byteRoutes, listenerOf, plainTable, planGateway, tlsTable } from './ingress.ts';
import type { Json } from './json.ts';
import { originOf } from './route.ts';

/** Routes that are told why they are nowhere, where nothing takes a request. */
const MAX_REFUSED = 10;

/** A gateway's server, virtual host and route. */
export function atGateway(question: Question, proxy: Proxy): Found {
  const { model, request, port } = question;
  const name = hostname(request);
  const own = [...model.services.values()].filter((s) => s.namespace === proxy.namespace);
  const all = serversOf(proxy, gatewaysOf(model), own);
  const spoken = all.filter((s) => isPlainHttp(s) === (request.scheme === 'http'));
  const first = spoken.find((s) => s.spec.port.number === port) ?? spoken.find((s) => s.listen === port) ?? spoken[0];
  if (!first) return refused('none', [], 503, `no Gateway, Ingress or listener has a server for ${request.scheme} here: nothing listens`);
  const listener = listenerOf(first);
  const there = spoken.filter((s) => listenerOf(s) === listener);
  const server = request.scheme === 'http' ? first : bySni(there, name);
  if (!server) {
    const says = `no server of ${namesOf(there)} is for the name ${name} (SNI): the connection is closed`;
    return refused(listener, [], 503, says);
  }
  if (request.scheme === 'https' && !isTlsHttp(server)) return passedOn(question, proxy, server, listener);
  const same = request.scheme === 'http' ? there : [server];
  const table = request.scheme === 'http' ? plainTable(server) : tlsTable(server);
  const hosts = planGateway(model, proxy, workloadOfProxy(proxy), all).routes.get(table);
  if (!hosts) return refused(listener, [], 503, `${namesOf([server])} has no certificate for ${name}: the connection is closed`);
  const host = lookupHost(new Map(hosts.flatMap((h) => h.domains.map((d) => [d, h] as const))), name) as
    | (Json & { routes?: readonly Json[] })
    | undefined;
  const routes = host?.routes ?? [];
  const holders = [...new Set(routes.flatMap((r) => originOf(r)?.rules ?? []))];
  const steps = bound(model, holders, same, name);
  if (!host)
    return refused(listener, [...steps, ...unattached(model)], 404, `nothing that is bound to ${namesOf(same)} has the host ${name}`);
  if (host['require_tls'] === 'ALL' && request.scheme === 'http') {
    const says = 'the Gateway redirects (301) to https (tls.httpsRedirect)';
    return { listener, steps, route: { does: 'redirect', says, status: 301 }, clusters: [], http: true };
  }
  const gateways = same.map((s) => s.gateway);
  const context = { gateways, port: server.spec.port.number, client: { namespace: proxy.namespace, labels: proxy.labels } };
  return { listener, ...walk(steps, routes, holders, context, request) };
}

function refused(listener: string, steps: readonly Step[], status: number, says: string): Found {
  return { listener, steps, route: { does: status === 404 ? 'respond' : 'refuse', says, status }, clusters: [], http: true };
}

/** Of two servers with one name the older one has it. */
function bySni(servers: readonly Server[], name: string): Server | undefined {
  const names = new Map<string, Server>();
  for (const server of servers) for (const host of server.spec.hosts.map(hostOf)) if (!names.has(host)) names.set(host, server);
  return lookupHost(names, name);
}

/** TLS that is not ended at the gateway. */
function passedOn({ model, request }: Question, proxy: Proxy, server: Server, listener: string): Found {
  const name = hostname(request);
  const routes = byteRoutes(model, proxy, server);
  const named = new Map(routes.flatMap((r) => (r.names ?? ['*']).map((n) => [n, r] as const)));
  const route = lookupHost(named, name);
  if (!route)
    return refused(listener, [], 503, `no tls rule of ${namesOf([server])} is for the name ${name} (SNI): the connection is closed`);
  const says = `TLS is passed on by its name (SNI) ${name}, so rules about HTTP do not hold`;
  return { listener, steps: [], route: { does: 'bytes', says }, clusters: route.clusters, http: false };
}

/** Whoever names the host, and whether it has it here. */
function bound(model: Model, holders: readonly Rules[], servers: readonly Server[], host: string): Step[] {
  const gateways = new Set(servers.map((s) => s.gateway));
  const accepts = servers.map((s) => acceptedHosts(s, model.config.domain));
  return model.virtualServices.all.flatMap((rules): Step[] => {
    const i = rules.hosts.findIndex((h) => lookupHost(new Map([[h, true]]), host));
    if (i < 0) return [];
    const step = (part: keyof typeof PLACES, matched: boolean, why: string): Step[] =>
      writersOf(rules).map((object) => ({
        object,
        path: PLACES[part][rules.kind ?? 'VirtualService'].replace('#', String(i)),
        matched,
        why,
      }));
    if (holders.some((h) => sameRules(h, rules))) return step('host', true, `has ${rules.hosts[i]} at ${namesOf(servers)}`);
    if (!rules.gateways.some((g) => gateways.has(g)))
      return step('gateway', false, `is for ${rules.gateways.map(shown).join(', ')}, not for ${namesOf(servers)}`);
    if (!accepts.some((a) => a(rules.hosts[i]!, rules.namespace).length))
      return step('host', false, `no server of ${namesOf(servers)} takes this host from its namespace`);
    return step('host', false, 'a more specific host has the request, or none of its rules can hold here');
  });
}

/** Where objects say which hosts they are for, and at which gateways. */
const PLACES = {
  host: { VirtualService: 'spec.hosts[#]', Ingress: 'spec.rules', HTTPRoute: 'spec.hostnames' },
  gateway: { VirtualService: 'spec.gateways', Ingress: 'spec.ingressClassName', HTTPRoute: 'spec.parentRefs' },
} as const;

/** Routes of the Gateway API that no listener took. */
function unattached({ gatewayApi }: Model): Step[] {
  return gatewayApi.statuses
    .flatMap(({ object, parents = [] }) =>
      parents.flatMap(({ conditions }, i): Step[] => {
        const accepted = conditions.find((c) => c.type === 'Accepted');
        if (accepted?.status !== 'False') return [];
        const why = `${accepted.reason}: ${accepted.message}`;
        return [{ object: `${object.kind} ${object.namespace}/${object.name}`, path: `spec.parentRefs[${i}]`, matched: false, why }];
      }),
    )
    .slice(0, MAX_REFUSED);
}

function namesOf(servers: readonly Server[]): string {
  return [...new Set(servers.map((s) => shown(s.gateway)))].join(', ');
}

/** Gateways that other kinds stand for, as people wrote them. */
function shown(gateway: string): string {
  const [name = '', listener] = gateway.split('-istio-autogenerated-k8s-gateway-');
  if (listener) return `${name} (listener ${listener})`;
  return gateway.endsWith('/istio-autogenerated-k8s-ingress') ? 'Ingress' : gateway;
}
