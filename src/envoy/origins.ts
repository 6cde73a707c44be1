/** Which objects have a say in what a proxy holds. */
import { fullHost, memo, selects, type Model, type Proxy } from '../mesh/index.ts';
import type { ProxyResources } from './resource.ts';
import type { Resources } from './view.ts';

/** Found in resources themselves. */
const named = memo((held: Resources): ReadonlySet<string> => new Set([...held.values()].flatMap((r) => r.from ?? [])));

const entriesByHost = memo((entries: Model['serviceEntries'], domain: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const entry of entries) {
    const { namespace = '', name } = entry.metadata ?? {};
    for (const written of entry.spec?.hosts ?? []) {
      const host = fullHost(written, namespace, domain);
      if (!found.has(host)) found.set(host, `ServiceEntry ${namespace}/${name}`);
    }
  }
  return found;
});

const entriesIn = memo((clusters: Resources, entries: ReadonlyMap<string, string>): ReadonlySet<string> => {
  if (!entries.size) return new Set();
  return new Set([...clusters.keys()].flatMap((name) => entries.get(name.slice(name.lastIndexOf('|') + 1)) ?? []));
});

interface Named {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
}

function workloadOrigins(model: Model, proxy: Proxy): string[] {
  const { namespace, labels } = proxy;
  const of = (kind: string, objects: readonly (Named | undefined)[]): string[] =>
    objects.flatMap((o) => (o ? [`${kind} ${o.metadata?.namespace}/${o.metadata?.name}`] : []));
  const guard = model.guards.of(namespace, labels);
  return [
    ...of('AuthorizationPolicy', guard.policies),
    ...of('RequestAuthentication', guard.requests),
    ...(proxy.kind === 'gateway'
      ? of(
          'Gateway',
          model.gateways.filter((g) => selects(g.spec?.selector, labels)),
        )
      : [
          ...of('PeerAuthentication', model.peerAuthentications.of(namespace, labels).policies),
          ...of('Sidecar', [model.sidecars.of(namespace, labels)]),
        ]),
  ];
}

const heldOrigins = memo(
  ({ listeners, routes, virtualHosts, clusters }: ProxyResources, entries: ReadonlyMap<string, string>): ReadonlySet<string> =>
    new Set([...named(listeners), ...named(routes), ...named(virtualHosts), ...named(clusters), ...entriesIn(clusters, entries)]),
);

/** The objects that what a proxy holds was made of, as `VirtualService default/reviews`. */
export interface Origins {
  /** Those that hold for the workload as such: they shape its listeners. */
  readonly listeners: readonly string[];
  /** Those that are named in its resources. */
  readonly others: ReadonlySet<string>;
}

export function originsOf(model: Model, proxy: Proxy, held: ProxyResources): Origins {
  return {
    listeners: workloadOrigins(model, proxy),
    others: heldOrigins(held, entriesByHost(model.serviceEntries, model.config.domain)),
  };
}
