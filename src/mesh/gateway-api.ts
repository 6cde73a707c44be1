/** Objects of the Gateway API as servers of the ingress gateway, rules of hosts, and what they are told of themselves. */
import type { ConfigMap, Namespace, Secret } from 'kubernetes-types/core/v1.js';
import type { gatewayApi } from '../api/index.ts';
import { INGRESS_GATEWAY, type Entrance, type EntranceGateway, type ServerSpec } from './entrance.ts';
import { attachToGateway, attachToService } from './gateway-attach.ts';
import { no, readListener, yes, type Condition, type ReadListener } from './gateway-listener.ts';
import { hostnamesOf, readRoute, type ReadRoute, type Route } from './gateway-route.ts';
import { GATEWAY_CONTROLLER, statusOf, type ObjectStatus } from './gateway-status.ts';
import { interner, memo } from './memo.ts';
import { GATEWAY_GROUP } from './reference-grant.ts';
import { RouteTable } from './route-table.ts';
import type { MeshService } from './service.ts';
import type { MeshConfig } from './snapshot.ts';

/** The classes that the ingress gateway serves. */
export const gatewayClasses: readonly gatewayApi.GatewayClass[] = ['istio', 'sluice'].map((name) => ({
  apiVersion: `${GATEWAY_GROUP}/v1`,
  kind: 'GatewayClass',
  metadata: { name },
  spec: { controllerName: GATEWAY_CONTROLLER, description: 'Served by the ingress gateway.' },
}));

export interface GatewayApiEntrance extends Entrance {
  readonly statuses: readonly ObjectStatus[];
  /** By host of a Service, the Gateways that send requests there. */
  readonly users: ReadonlyMap<string, readonly gatewayApi.ParentRef[]>;
}

const NOTHING: GatewayApiEntrance = { gateways: [], rules: [], problems: [], statuses: [], users: new Map() };
const internGateway = interner<EntranceGateway>();

/** Routes, Gateways and grants are the oldest first. */
export const gatewayApiEntrance = memo(
  (
    routes: readonly Route[],
    gateways: readonly gatewayApi.Gateway[],
    classes: ReadonlyMap<string, gatewayApi.GatewayClass>,
    grants: readonly gatewayApi.ReferenceGrant[],
    namespaces: ReadonlyMap<string, Namespace>,
    services: ReadonlyMap<string, MeshService>,
    secrets: ReadonlyMap<string, Secret>,
    authorities: ReadonlyMap<string, ConfigMap>,
    config: MeshConfig,
  ): GatewayApiEntrance => {
    const ours = [...classes.values()].filter((c) => c.spec.controllerName === GATEWAY_CONTROLLER);
    if (!ours.length && !routes.length) return NOTHING;
    const names = new Set(ours.map((c) => c.metadata?.name));
    const taken = new Map<string, string>();
    const read = gateways
      .filter((g) => names.has(g.spec.gatewayClassName))
      .map((gateway) => ({
        gateway,
        listeners: gateway.spec.listeners.map((l) => readListener(gateway, l, { grants, secrets, authorities, taken })),
      }));
    const byName = new Map(read.map((r) => [`${r.gateway.metadata?.namespace}/${r.gateway.metadata?.name}`, r.listeners]));
    const foreign = new Set(gateways.map((g) => `${g.metadata?.namespace}/${g.metadata?.name}`).filter((g) => !byName.has(g)));
    const table = new RouteTable();
    const attached = new Map<ReadListener, number>();
    const users = new Map<string, Map<string, gatewayApi.ParentRef>>();
    const statuses: ObjectStatus[] = ours.map((c) =>
      statusOf({ ...c, kind: 'GatewayClass' }, { conditions: [yes('Accepted', 'The ingress gateway serves this class.')] }),
    );
    /** What becomes of the route at one parent; undefined where that is for others to say. */
    const accept = (route: Route, said: ReadRoute, ref: gatewayApi.ParentRef): Condition | undefined => {
      const { group = GATEWAY_GROUP, kind = 'Gateway', namespace = route.metadata?.namespace ?? '', name } = ref;
      const key = `${namespace}/${name}`;
      if (group === '' && kind === 'Service')
        return attachToService(route, ref, `${name}.${namespace}.svc.${config.domain}`, services, said, table);
      if (group !== GATEWAY_GROUP || kind !== 'Gateway' || foreign.has(key)) return undefined;
      const outcome = attachToGateway(route, ref, byName.get(key) ?? [], namespaces);
      if ('refused' in outcome) return outcome.refused;
      for (const { listener, hosts } of outcome.places) {
        attached.set(listener, (attached.get(listener) ?? 0) + 1);
        const gateway = `${listener.namespace}/${listener.name}`;
        for (const host of hosts) table.add({ namespace: listener.namespace, gateway, host }, hostnamesOf(route) ? [host] : [], said.parts);
      }
      for (const host of said.backends) users.set(host, (users.get(host) ?? new Map()).set(key, { group, kind, namespace, name }));
      return yes('Accepted', 'The route is in force.');
    };
    for (const route of routes) {
      const said = readRoute(route, { services, grants, config });
      const parents = (route.spec.parentRefs ?? []).flatMap((parentRef) => {
        const accepted = accept(route, said, parentRef);
        return accepted ? [{ parentRef, controllerName: GATEWAY_CONTROLLER, conditions: [accepted, said.resolved, ...said.partial] }] : [];
      });
      if (parents.length) statuses.push(statusOf(route, { parents }));
    }
    for (const { gateway, listeners } of read) statuses.push(gatewayStatus(gateway, listeners, attached, config.hostAddress));
    return {
      gateways: read.flatMap(({ listeners }) => listeners.flatMap((l) => (l.server ? [gatewayOf(l)] : []))),
      rules: table.rules(),
      problems: [],
      statuses,
      users: new Map([...users].map(([host, refs]) => [host, [...refs.values()]])),
    };
  },
);

/** The Gateways of the Gateway API that these servers are of, as `namespace/name`. */
export const gatewaysBehind = memo((gateways: readonly EntranceGateway[]): readonly string[] => {
  const servers: readonly ServerSpec[] = gateways.flatMap((g) => g.spec.servers);
  return [...new Set(servers.flatMap(({ owner }) => (owner ? [`${owner.namespace}/${owner.name}`] : [])))];
});

/** What a Gateway says besides, which has no effect. */
function withoutEffect({ spec }: gatewayApi.Gateway): string[] {
  return [
    ...(spec.addresses?.length ? ['spec.addresses: the ingress gateway keeps the address that it has.'] : []),
    ...(spec.allowedListeners ? ['spec.allowedListeners: ListenerSets add none.'] : []),
    ...(spec.defaultScope === 'All' ? ['spec.defaultScope: routes hold at Gateways that they name.'] : []),
    ...(spec.infrastructure ? ['spec.infrastructure: nothing is made for a Gateway; the ingress gateway is there.'] : []),
    ...(spec.tls?.backend ? ['spec.tls.backend: backends are shown no certificate.'] : []),
    ...spec.listeners.flatMap(({ name, tls }) =>
      Object.keys(tls?.options ?? {}).length ? [`spec.listeners[${name}].tls.options: none is known.`] : [],
    ),
  ];
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
  const more = withoutEffect(gateway).map((said) => ` ${said}`);
  const message = [`Not served: ${bad.map((l) => l.spec.name).join(', ')}.`, ...more].join('');
  const all = ['The ingress gateway serves every listener.', ...more].join('');
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
