/** Objects of the Gateway API as servers of the ingress gateway, rules of hosts, and what they are told of themselves. */
import type { Namespace, Secret } from 'kubernetes-types/core/v1.js';
import type { gatewayApi } from '../api/index.ts';
import { INGRESS_GATEWAY, type Entrance, type EntranceGateway } from './entrance.ts';
import { admitsNamespace, no, readListener, yes, type Condition, type ReadListener } from './gateway-listener.ts';
import { intersect } from './host.ts';
import { NOWHERE, httpMatch, rulesOfHttp, unknownFilters } from './http-route.ts';
import { interner, memo } from './memo.ts';
import { GATEWAY_GROUP, mayRefer } from './reference-grant.ts';
import { bySpecificMatch, type Ranked } from './route-order.ts';
import type { Owner } from './rule.ts';
import type { MeshService } from './service.ts';
import type { MeshConfig } from './snapshot.ts';
import { unsoundParts } from './soundness.ts';
import { MESH, type Rules } from './virtual-service.ts';

export const GATEWAY_CONTROLLER = 'istio.io/gateway-controller';

/** The classes that the ingress gateway serves. */
export const gatewayClasses: readonly gatewayApi.GatewayClass[] = ['istio', 'sluice'].map((name) => ({
  apiVersion: `${GATEWAY_GROUP}/v1`,
  kind: 'GatewayClass',
  metadata: { name },
  spec: { controllerName: GATEWAY_CONTROLLER, description: 'Served by the ingress gateway.' },
}));

/** What is to be said on an object, without times. */
export interface ObjectStatus {
  readonly object: Owner;
  readonly generation: number;
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly listeners?: readonly {
    name: string;
    supportedKinds: gatewayApi.RouteKind[];
    attachedRoutes: number;
    conditions: readonly Condition[];
  }[];
  readonly parents?: readonly { parentRef: gatewayApi.ParentRef; controllerName: string; conditions: readonly Condition[] }[];
}

export interface GatewayApiEntrance extends Entrance {
  readonly statuses: readonly ObjectStatus[];
}

type HttpRoute = gatewayApi.HTTPRoute | gatewayApi.GRPCRoute;

const NOTHING: GatewayApiEntrance = { gateways: [], rules: [], problems: [], statuses: [] };
const internRules = interner<Rules>();
const internGateway = interner<EntranceGateway>();
const internStatus = interner<ObjectStatus>();

/** Routes, Gateways and grants are the oldest first. */
export const gatewayApiEntrance = memo(
  (
    routes: readonly HttpRoute[],
    gateways: readonly gatewayApi.Gateway[],
    classes: ReadonlyMap<string, gatewayApi.GatewayClass>,
    grants: readonly gatewayApi.ReferenceGrant[],
    namespaces: ReadonlyMap<string, Namespace>,
    services: ReadonlyMap<string, MeshService>,
    secrets: ReadonlyMap<string, Secret>,
    config: MeshConfig,
  ): GatewayApiEntrance => {
    const ours = [...classes.values()].filter((c) => c.spec.controllerName === GATEWAY_CONTROLLER);
    if (!ours.length && !routes.length) return NOTHING;
    const names = new Set(ours.map((c) => c.metadata?.name));
    const taken = new Map<string, string>();
    const read = gateways
      .filter((g) => names.has(g.spec.gatewayClassName))
      .map((gateway) => ({ gateway, listeners: gateway.spec.listeners.map((l) => readListener(gateway, l, { grants, secrets, taken })) }));
    const byName = new Map(read.map((r) => [`${r.gateway.metadata?.namespace}/${r.gateway.metadata?.name}`, r.listeners]));
    const foreign = new Set(gateways.map((g) => `${g.metadata?.namespace}/${g.metadata?.name}`).filter((g) => !byName.has(g)));
    const table = new RuleTable();
    const attached = new Map<ReadListener, number>();
    const statuses: ObjectStatus[] = ours.map((c) =>
      statusOf({ ...c, kind: 'GatewayClass' }, { conditions: [yes('Accepted', 'The ingress gateway serves this class.')] }),
    );
    for (const route of routes) {
      const { ranked, resolved, partial } = readRoute(route, services, grants, config);
      const parents = (route.spec.parentRefs ?? []).flatMap((parentRef) => {
        const { group = GATEWAY_GROUP, kind = 'Gateway', namespace = route.metadata?.namespace ?? '', name } = parentRef;
        let accepted: Condition;
        if (group === '' && kind === 'Service')
          accepted = attachToService(route, parentRef, `${name}.${namespace}.svc.${config.domain}`, services, ranked, table);
        else if (group !== GATEWAY_GROUP || kind !== 'Gateway' || foreign.has(`${namespace}/${name}`)) return [];
        else {
          const outcome = attach(route, parentRef, byName.get(`${namespace}/${name}`) ?? [], namespaces);
          if ('refused' in outcome) accepted = outcome.refused;
          else {
            accepted = yes('Accepted', 'The route is in force.');
            for (const { listener, hosts } of outcome.places) {
              attached.set(listener, (attached.get(listener) ?? 0) + 1);
              for (const host of hosts) table.add(listener.namespace, `${listener.namespace}/${listener.name}`, host, ranked);
            }
          }
        }
        return [{ parentRef, controllerName: GATEWAY_CONTROLLER, conditions: [accepted, resolved, ...partial] }];
      });
      if (parents.length) statuses.push(statusOf(route, { parents }));
    }
    for (const { gateway, listeners } of read) statuses.push(gatewayStatus(gateway, listeners, attached, config.hostAddress));
    return {
      gateways: read.flatMap(({ listeners }) => listeners.flatMap((l) => (l.server ? [gatewayOf(l)] : []))),
      rules: table.rules(),
      problems: [],
      statuses,
    };
  },
);

function statusOf(
  object: { kind?: string; metadata?: { namespace?: string; name?: string; generation?: number } },
  said: Omit<ObjectStatus, 'object' | 'generation'>,
): ObjectStatus {
  const { namespace, name = '', generation = 0 } = object.metadata ?? {};
  return internStatus({ object: { kind: object.kind!, ...(namespace ? { namespace } : {}), name }, generation, ...said });
}

function gatewayOf({ namespace, name, server }: ReadListener): EntranceGateway {
  return internGateway({ metadata: { namespace, name }, spec: { selector: { ...INGRESS_GATEWAY }, servers: [server!] } });
}

function gatewayStatus(
  gateway: gatewayApi.Gateway,
  listeners: readonly ReadListener[],
  attached: ReadonlyMap<ReadListener, number>,
  address: string | undefined,
): ObjectStatus {
  const bad = listeners.filter((l) => !l.server);
  const message = `Not served: ${bad.map((l) => l.spec.name).join(', ')}.`;
  const all = 'The ingress gateway serves every listener.';
  return statusOf(
    { ...gateway, kind: 'Gateway' },
    {
      addresses: address && bad.length < listeners.length ? [{ type: 'IPAddress', value: address }] : [],
      conditions: [
        bad.length === listeners.length
          ? no('Accepted', 'ListenersNotValid', message)
          : yes('Accepted', bad.length ? message : all, bad.length ? 'ListenersNotValid' : 'Accepted'),
        bad.length === listeners.length ? no('Programmed', 'Invalid', message) : yes('Programmed', all),
      ],
      listeners: listeners.map((l) => ({
        name: l.spec.name,
        supportedKinds: l.kinds.map((kind) => ({ group: GATEWAY_GROUP, kind })),
        attachedRoutes: attached.get(l) ?? 0,
        conditions: l.conditions,
      })),
    },
  );
}

type Attached = { refused: Condition } | { places: { listener: ReadListener; hosts: readonly string[] }[] };

/** The listeners of a Gateway that the route may use, with the hosts that it has there. */
function attach(
  route: HttpRoute,
  ref: gatewayApi.ParentRef,
  all: readonly ReadListener[],
  namespaces: ReadonlyMap<string, Namespace>,
): Attached {
  const { sectionName, port } = ref;
  const named = all.filter((l) => (!sectionName || l.spec.name === sectionName) && (!port || l.spec.port === port));
  if (!named.length) return { refused: no('Accepted', 'NoMatchingParent', `No listener of Gateway ${ref.name} is meant.`) };
  const open = named.filter((l) => l.kinds.includes(route.kind!) && admitsNamespace(l, route.metadata?.namespace ?? '', namespaces));
  if (!open.length)
    return {
      refused: no(
        'Accepted',
        'NotAllowedByListeners',
        `Gateway ${ref.name} takes no ${route.kind}s of this namespace; see allowedRoutes of its listeners.`,
      ),
    };
  const places = open
    .map((listener) => ({ listener, hosts: hostsAt(route.spec.hostnames, listener.spec.hostname ?? '*') }))
    .filter((p) => p.hosts.length);
  return places.length
    ? { places }
    : { refused: no('Accepted', 'NoMatchingListenerHostname', `Gateway ${ref.name} does not serve ${route.spec.hostnames?.join(', ')}.`) };
}

function hostsAt(hostnames: readonly string[] | undefined, served: string): readonly string[] {
  return hostnames?.length ? hostnames.flatMap((h) => intersect(served, h) ?? []) : [served];
}

/** For sidecars: those of the service's own namespace hold for all clients, others for clients of their own one. */
function attachToService(
  route: HttpRoute,
  { port, name }: gatewayApi.ParentRef,
  host: string,
  services: ReadonlyMap<string, MeshService>,
  ranked: readonly Ranked[],
  table: RuleTable,
): Condition {
  const service = services.get(host);
  if (!service) return no('Accepted', 'NoMatchingParent', `There is no Service ${name}.`);
  if (port && !service.ports.some((p) => p.number === port))
    return no('Accepted', 'NoMatchingParent', `Service ${name} has no port ${port}.`);
  const { namespace = '' } = route.metadata ?? {};
  const atPort = (r: Ranked): Ranked => ({
    ...r,
    rules: r.rules.map((rule) => ({ ...rule, match: rule.match!.map((m) => ({ ...m, port: port! })) })),
  });
  table.add(namespace, MESH, host, port ? ranked.map(atPort) : ranked, namespace === service.namespace ? undefined : namespace);
  return yes('Accepted', 'The route is in force for sidecars.');
}

interface ReadRoute {
  readonly ranked: readonly Ranked[];
  readonly resolved: Condition;
  readonly partial: readonly Condition[];
}

function readRoute(
  route: HttpRoute,
  services: ReadonlyMap<string, MeshService>,
  grants: readonly gatewayApi.ReferenceGrant[],
  config: MeshConfig,
): ReadRoute {
  const { namespace: own = '', name = '' } = route.metadata ?? {};
  const kind = route.kind!;
  let resolved = yes('ResolvedRefs', 'All references were found.');
  const unsound: string[] = [];
  const fail = (reason: string, message: string): void => {
    if (resolved.status === 'True') resolved = no('ResolvedRefs', reason, message);
  };
  const context = {
    owner: { kind, namespace: own, name } satisfies Owner,
    httpsPort: config.httpsPort,
    resolve({ group = '', kind: what = 'Service', namespace = own, name: to, port = 0 }: gatewayApi.BackendRef) {
      const nowhere = { host: NOWHERE, port: { number: port } };
      if (group !== '' || what !== 'Service') {
        fail('InvalidKind', `A backend is a Service, not a ${what}.`);
        return nowhere;
      }
      if (!mayRefer({ kind, namespace: own }, { kind: 'Service', namespace, name: to }, grants)) {
        fail('RefNotPermitted', `No ReferenceGrant in ${namespace} lets ${kind}s of ${own} refer to Service ${to}.`);
        return nowhere;
      }
      const host = `${to}.${namespace}.svc.${config.domain}`;
      const service = services.get(host);
      if (!service) fail('BackendNotFound', `There is no Service ${namespace}/${to}.`);
      else if (!service.ports.some((p) => p.number === port)) fail('BackendNotFound', `Service ${namespace}/${to} has no port ${port}.`);
      return { host, port: { number: port } };
    },
  };
  const rules = (route.spec.rules ?? []) as gatewayApi.RouteRule<gatewayApi.HTTPMatch & gatewayApi.GRPCMatch>[];
  const ranked = rules.flatMap((rule, i) => {
    for (const type of unknownFilters(rule))
      unsound.push(`spec.rules[${i}]: filter ${type} is not supported, so its requests are answered with 500.`);
    const made = rulesOfHttp(
      kind === 'GRPCRoute' ? { ...rule, matches: rule.matches?.map(httpMatch) ?? [] } : rule,
      `spec.rules[${i}]`,
      context,
    );
    const parts = new Set(
      made.flatMap((r) => r.rules.flatMap((one) => unsoundParts(one).map((u) => `spec.rules[${i}]: ${u.message} ${u.fix}`))),
    );
    unsound.push(...parts);
    return made;
  });
  const partial = unsound.length ? [yes('PartiallyInvalid', unsound.join(' '), 'UnsupportedValue')] : [];
  return { ranked, resolved, partial };
}

/** Rules of all routes by where they hold; each host's are put in order once all are there. */
class RuleTable {
  readonly #places = new Map<string, { namespace: string; gateway: string; host: string; clients: string | undefined; ranked: Ranked[] }>();

  add(namespace: string, gateway: string, host: string, ranked: readonly Ranked[], clients?: string): void {
    const key = `${gateway} ${host} ${clients ?? ''}`;
    const place = this.#places.get(key);
    if (place) place.ranked.push(...ranked);
    else this.#places.set(key, { namespace, gateway, host, clients, ranked: [...ranked] });
  }

  /** Those for clients of one namespace come before those for all. */
  rules(): Rules[] {
    const places = [...this.#places.values()].sort((a, b) => Number(b.clients !== undefined) - Number(a.clients !== undefined));
    return places.map(({ namespace, gateway, host, clients, ranked }) =>
      internRules({
        kind: 'HTTPRoute',
        namespace,
        name: gateway === MESH ? host : gateway.slice(gateway.indexOf('/') + 1),
        hosts: [host],
        gateways: [gateway],
        spec: { http: ranked.toSorted(bySpecificMatch).flatMap((r) => r.rules), ...(clients ? { exportTo: ['.'] } : {}) },
      }),
    );
  }
}
