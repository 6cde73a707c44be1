/** Routes of the Gateway API, of whatever kind, as rules of hosts. */
import type { gatewayApi, L4RouteDestination } from '../api/index.ts';
import { no, yes, type Condition } from './gateway-listener.ts';
import { httpMatch, NOWHERE, rulesOfHttp, unknownFilters, type RouteContext } from './http-route.ts';
import { kindName, mayRefer } from './reference-grant.ts';
import type { Ranked } from './route-order.ts';
import type { RouteParts } from './route-table.ts';
import type { Owner } from './rule.ts';
import type { MeshService } from './service.ts';
import type { MeshConfig } from './snapshot.ts';
import { unsoundParts } from './soundness.ts';

type HttpRoute = gatewayApi.HTTPRoute | gatewayApi.GRPCRoute;
type ByteRoute = gatewayApi.TLSRoute | gatewayApi.TCPRoute;
export type Route = HttpRoute | ByteRoute;

export interface ReadRoute {
  readonly parts: RouteParts;
  /** Services that it sends requests to, by their hosts. */
  readonly backends: ReadonlySet<string>;
  readonly resolved: Condition;
  readonly partial: readonly Condition[];
}

export interface RouteSurroundings {
  readonly services: ReadonlyMap<string, MeshService>;
  readonly grants: readonly gatewayApi.ReferenceGrant[];
  readonly config: MeshConfig;
}

const NO_PARTS: RouteParts = { http: [], tls: [], tcp: [] };

/** The names that a route is for; undefined for any. */
export function hostnamesOf(route: Route): readonly string[] | undefined {
  return 'hostnames' in route.spec ? route.spec.hostnames : undefined;
}

export function readRoute(route: Route, around: RouteSurroundings): ReadRoute {
  const backends = new Backends(route, around);
  const read = (parts: Partial<RouteParts>, unsound: readonly string[]): ReadRoute => {
    const said = [...unsound, ...withoutEffect(route)];
    const partial = said.length ? [yes('PartiallyInvalid', said.join(' '), 'UnsupportedValue')] : [];
    return { parts: { ...NO_PARTS, ...parts }, backends: backends.found, resolved: backends.condition, partial };
  };
  if (isBytes(route)) {
    const rules = (route.spec.rules ?? []).map((rule) => ({ owner: backends.owner, route: destinationsOf(rule, backends) }));
    return read({ [route.kind === 'TLSRoute' ? 'tls' : 'tcp']: rules }, []);
  }
  const { http, unsound } = httpRulesOf(route, backends, around.config);
  return read({ http }, unsound);
}

/** What a route says besides, which has no effect. */
function withoutEffect({ spec }: Route): string[] {
  const rules: readonly gatewayApi.RouteRule<unknown>[] = spec.rules ?? [];
  return [
    ...(spec.useDefaultGateways === 'All' ? ['spec.useDefaultGateways: no Gateway takes routes that do not name it.'] : []),
    ...rules.flatMap(({ sessionPersistence: said }, i) =>
      said?.absoluteTimeout && said.cookie?.lifetimeType !== 'Permanent'
        ? [`spec.rules[${i}].sessionPersistence.absoluteTimeout: it holds for cookies with the lifetimeType Permanent only.`]
        : [],
    ),
  ];
}

function isBytes(route: Route): route is ByteRoute {
  return route.kind === 'TLSRoute' || route.kind === 'TCPRoute';
}

/** A share that is nobody's, as one whose reference leads nowhere, is refused; one without weight is not used. */
function destinationsOf({ backendRefs = [] }: gatewayApi.ByteRule, backends: Backends): L4RouteDestination[] {
  const all = backendRefs.map((ref) => ({ destination: backends.resolve(ref), weight: ref.weight ?? 1 }));
  const used = all.filter((r) => r.weight > 0);
  return used.length ? used : [{ destination: { host: NOWHERE, port: { number: 0 } } }];
}

function httpRulesOf(route: HttpRoute, backends: Backends, config: MeshConfig): { http: readonly Ranked[]; unsound: readonly string[] } {
  const unsound: string[] = [];
  const context: RouteContext = { owner: backends.owner, httpsPort: config.httpsPort, resolve: (ref) => backends.resolve(ref) };
  const rules = (route.spec.rules ?? []) as gatewayApi.RouteRule<gatewayApi.HTTPMatch & gatewayApi.GRPCMatch>[];
  const http = rules.flatMap((rule, i) => {
    for (const type of unknownFilters(rule))
      unsound.push(`spec.rules[${i}]: filter ${type} is not supported, so its requests are answered with 500.`);
    const said = route.kind === 'GRPCRoute' ? { ...rule, matches: rule.matches?.map(httpMatch) ?? [] } : rule;
    const made = rulesOfHttp(said, `spec.rules[${i}]`, context);
    const parts = new Set(
      made.flatMap((r) => r.rules.flatMap((one) => unsoundParts(one).map((u) => `spec.rules[${i}]: ${u.message} ${u.fix}`))),
    );
    unsound.push(...parts);
    return made;
  });
  return { http, unsound };
}

/** What the references of one route lead to, and the first that leads nowhere. */
class Backends {
  readonly owner: Owner;
  readonly found = new Set<string>();
  readonly #around: RouteSurroundings;
  #condition = yes('ResolvedRefs', 'All references were found.');

  constructor(route: Route, around: RouteSurroundings) {
    const { namespace = '', name = '' } = route.metadata ?? {};
    this.owner = { kind: route.kind!, namespace, name };
    this.#around = around;
  }

  get condition(): Condition {
    return this.#condition;
  }

  resolve(ref: gatewayApi.BackendRef): { host: string; port: { number: number } } {
    const { services, grants, config } = this.#around;
    const { kind, namespace: own = '' } = this.owner;
    const { group = '', kind: what = 'Service', namespace = own, name: to, port = 0 } = ref;
    const nowhere = { host: NOWHERE, port: { number: port } };
    if (group !== '' || what !== 'Service') {
      this.#fail('InvalidKind', `A backend is a Service, not a ${kindName(group, what)}.`);
      return nowhere;
    }
    if (!mayRefer({ kind, namespace: own }, { kind: 'Service', namespace, name: to }, grants)) {
      this.#fail('RefNotPermitted', `No ReferenceGrant in ${namespace} lets ${kind}s of ${own} refer to Service ${to}.`);
      return nowhere;
    }
    const host = `${to}.${namespace}.svc.${config.domain}`;
    const service = services.get(host);
    if (!service) this.#fail('BackendNotFound', `There is no Service ${namespace}/${to}.`);
    else if (!service.ports.some((p) => p.number === port))
      this.#fail('BackendNotFound', `Service ${namespace}/${to} has no port ${port}.`);
    else this.found.add(host);
    return { host, port: { number: port } };
  }

  #fail(reason: string, message: string): void {
    if (this.#condition.status === 'True') this.#condition = no('ResolvedRefs', reason, message);
  }
}
