/** Which objects have a say in what a proxy holds. */
import { fullHost, memo, selects, type Model, type Proxy, type Server } from '../mesh/index.ts';
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

function workloadOrigins(model: Model, proxy: Proxy): string[] {
  const { namespace, labels } = proxy;
  const of = (kind: string, objects: readonly (Named | undefined)[]): string[] =>
    objects.flatMap((o) => (o ? [`${kind} ${o.metadata?.namespace}/${o.metadata?.name}`] : []));
  const guard = model.guards.of(namespace, labels);
  return [
    ...of('AuthorizationPolicy', guard.policies),
    ...of('RequestAuthentication', guard.requests),
    ...of('Telemetry', model.telemetries.of(namespace, labels)),
    ...(proxy.kind === 'gateway'
      ? [
          ...of(
            'Gateway',
            model.gateways.filter((g) => selects(g.spec?.selector, labels)),
          ),
          ...[...model.entrance.gateways, ...model.gatewayApi.gateways].filter((g) => selects(g.spec.selector, labels)).flatMap(madeOf),
        ]
      : [
          ...of('PeerAuthentication', model.peerAuthentications.of(namespace, labels).policies),
          ...of('Sidecar', [model.sidecars.of(namespace, labels)]),
        ]),
  ];
}

const heldOrigins = memo(
  ({ listeners, routes, virtualHosts, clusters }: ProxyResources, entries: Entries): ReadonlySet<string> =>
    new Set([...named(listeners), ...named(routes), ...named(virtualHosts), ...named(clusters), ...entriesIn(clusters, entries)]),
);

/** The objects that what a proxy holds was made of, as `VirtualService default/reviews`. */
export interface Origins {
  /** Those that hold for the workload as such: they shape its listeners. */
  readonly listeners: readonly string[];
  /** Those that are named in its resources. */
  readonly others: ReadonlySet<string>;
  /** ServiceEntries behind a cluster, or its endpoints, of that name. */
  behind(cluster: string): readonly string[];
}

export function originsOf(model: Model, proxy: Proxy, held: ProxyResources): Origins {
  const entries = entriesByHost(model.serviceEntries, model.config.domain);
  return {
    listeners: [...new Set(workloadOrigins(model, proxy))],
    others: heldOrigins(held, entries),
    behind: (cluster) => entriesBehind(cluster, entries),
  };
}
