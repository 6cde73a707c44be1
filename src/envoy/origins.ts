/** Which objects have a say in what a proxy holds. */
import { fullHost, gatewaysBehind, interner, memo, selects, type Model, type Proxy, type Server } from '../mesh/index.ts';
import type { ProxyResources } from './resource.ts';
import type { Resources } from './view.ts';

/** Found in resources themselves. */
const named = memo((held: Resources): ReadonlySet<string> => new Set([...held.values()].flatMap((r) => r.from ?? [])));

type Entries = ReadonlyMap<string, readonly string[]>;

const entriesByHost = memo((entries: Model['serviceEntries'], domain: string): Entries => {
  const found = new Map<string, string[]>();
  for (const entry of entries) {
    const { namespace = '', name } = entry.metadata ?? {};
    for (const written of entry.spec?.hosts ?? []) {
      const host = fullHost(written, namespace, domain);
      found.set(host, [...(found.get(host) ?? []), `ServiceEntry ${namespace}/${name}`]);
    }
  }
  return found;
});

/** The ServiceEntries behind a cluster, by its name. */
const entriesBehind = (cluster: string, entries: Entries): readonly string[] =>
  entries.get(cluster.slice(cluster.lastIndexOf('|') + 1)) ?? [];

const entriesIn = memo((clusters: Resources, entries: Entries): ReadonlySet<string> => {
  if (!entries.size) return new Set();
  return new Set([...clusters.keys()].flatMap((name) => entriesBehind(name, entries)));
});

interface Named {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
}

/** The objects of other kinds that the servers of a Gateway stand for. */
function madeOf({ spec }: Model['entrance']['gateways'][number]): string[] {
  const servers: readonly Server['spec'][] = spec.servers;
  return servers.flatMap(({ owner }) => (owner ? [`${owner.kind} ${owner.namespace}/${owner.name}`] : []));
}

const workloadOrigins = memo(
  (
    proxy: Proxy,
    guards: Model['guards'],
    telemetries: Model['telemetries'],
    gateways: Model['gateways'],
    entrance: Model['entrance'],
    gatewayApi: Model['gatewayApi'],
    peerAuthentications: Model['peerAuthentications'],
    sidecars: Model['sidecars'],
  ): readonly string[] => {
    const { namespace, labels } = proxy;
    const of = (kind: string, objects: readonly (Named | undefined)[]): string[] =>
      objects.flatMap((o) => (o ? [`${kind} ${o.metadata?.namespace}/${o.metadata?.name}`] : []));
    const served = proxy.kind === 'gateway' ? gatewayApi.gateways.filter((g) => selects(g.spec.selector, labels)) : [];
    const own = [guards.of(namespace, labels), ...gatewaysBehind(served).map((g) => guards.ofGateway(g))];
    const ofKind =
      proxy.kind === 'gateway'
        ? [
            ...of(
              'Gateway',
              gateways.filter((g) => selects(g.spec?.selector, labels)),
            ),
            ...entrance.gateways.filter((g) => selects(g.spec.selector, labels)).flatMap(madeOf),
            ...served.flatMap(madeOf),
          ]
        : [
            ...of('PeerAuthentication', peerAuthentications.of(namespace, labels).policies),
            ...of('Sidecar', [sidecars.of(namespace, labels)]),
          ];
    const common = [
      ...of(
        'AuthorizationPolicy',
        own.flatMap((g) => g.policies),
      ),
      ...of(
        'RequestAuthentication',
        own.flatMap((g) => g.requests),
      ),
      ...of('Telemetry', telemetries.of(namespace, labels)),
    ];
    return [...new Set([...common, ...ofKind])];
  },
);

const internIds = interner<readonly string[]>();
const setOf = memo((ids: readonly string[]): ReadonlySet<string> => new Set(ids));

/** One set for all proxies whose resources name the same objects, which are many: it is gone through once for all of them. */
const heldOrigins = memo(({ listeners, routes, virtualHosts, clusters }: ProxyResources, entries: Entries): ReadonlySet<string> => {
  const all = [...named(listeners), ...named(routes), ...named(virtualHosts), ...named(clusters), ...entriesIn(clusters, entries)];
  return setOf(internIds([...new Set(all)]));
});

/** The objects that what a proxy holds was made of, as `VirtualService default/reviews`. */
export interface Origins {
  /** Those that hold for the workload as such: they shape its listeners. */
  readonly listeners: readonly string[];
  /** Those that are named in its resources; the same set for proxies of which they are the same. */
  readonly others: ReadonlySet<string>;
  /** ServiceEntries behind a cluster, or its endpoints, of that name. */
  behind(cluster: string): readonly string[];
}

export function originsOf(model: Model, proxy: Proxy, held: ProxyResources): Origins {
  const { guards, telemetries, gateways, entrance, gatewayApi, peerAuthentications, sidecars } = model;
  const entries = entriesByHost(model.serviceEntries, model.config.domain);
  return {
    listeners: workloadOrigins(proxy, guards, telemetries, gateways, entrance, gatewayApi, peerAuthentications, sidecars),
    others: heldOrigins(held, entries),
    behind: (cluster) => entriesBehind(cluster, entries),
  };
}
