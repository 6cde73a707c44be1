import {
  createModeler,
  interner,
  keepArray,
  keepMap,
  memo,
  problemsOf,
  selects,
  serversOf,
  subsetOf,
  visible,
  workloadOfProxy,
  type HostPolicy,
  type MeshEndpoints,
  type MeshService,
  type Model,
  type Problem,
  type Proxy,
  type Snapshot,
  type Workload,
} from '../mesh/index.ts';
import { inboundCluster, inboundName, outboundClusters, staticClusters } from './cluster.ts';
import { encode, repeated, resource } from './encode.ts';
import { loadAssignment } from './endpoint.ts';
import { catchAllChains, inboundChains, inboundPorts, type InboundPort } from './inbound.ts';
import { planGateway } from './ingress.ts';
import type { Json } from './json.ts';
import { httpListener, sniffingListener, sniListener, tcpListener, virtualInbound, virtualOutbound } from './listener.ts';
import { otherwiseCluster, planOutbound, planRoutes, type OutboundPlan } from './outbound.ts';
import { Recent } from './recent.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';
import { virtualHost, type Client, type VirtualHost } from './virtual-host.ts';

/**
 * Snapshot in, Envoy resources out. Total: whatever users wrote, every proxy gets a configuration and what could not be
 * honoured is a problem of its object. Everything is remembered by the identity of what it was made of.
 */
export interface Translator {
  /** Takes the snapshot over. Returns the problems of every object; the same array as before when nothing changed. */
  update(snapshot: Snapshot): readonly Problem[];
  /**
   * What this proxy is to hold under the last snapshot. A resource that did not change is the same object as before, a map in
   * which nothing changed is the same map, and the whole is the same object when no map changed.
   */
  resources(proxy: Proxy): ProxyResources;
}

type Resources = ReadonlyMap<string, EnvoyResource>;

/** What clients of one namespace (and of the labels that rules ask for) have in common. */
interface View {
  readonly client: Client;
  readonly services: readonly MeshService[];
  readonly clusters: Resources;
  readonly endpoints: Resources;
  readonly routes: Resources;
  readonly outbound: OutboundPlan;
}

const EMPTY: ProxyResources = { listeners: new Map(), routes: new Map(), clusters: new Map(), endpoints: new Map() };

export function createTranslator(): Translator {
  const modeler = createModeler();
  let model: Model | undefined;
  let problems: readonly Problem[] = [];
  const maker = new Maker();

  return {
    update(snapshot) {
      const next = modeler(snapshot);
      if (model && sameModel(model, next)) {
        model = next;
        return problems;
      }
      model = next;
      maker.turn();
      problems = keepProblems(problems, problemsOf(model));
      return problems;
    },
    resources: (proxy) => (model ? maker.resources(model, proxy) : EMPTY),
  };
}

/** Pods count by what services and signatures say of them. */
function sameModel(a: Model, b: Model): boolean {
  return (Object.keys(a) as (keyof Model)[]).every((k) => k === 'pods' || a[k] === b[k]);
}

function keepProblems(last: readonly Problem[], next: readonly Problem[]): readonly Problem[] {
  return JSON.stringify(last) === JSON.stringify(next) ? last : next;
}

/** Proxies with equal signatures hold the same. */
function signature(model: Model, proxy: Proxy): string {
  return JSON.stringify([proxy.kind, proxy.namespace, proxy.workload, proxy.serviceAccount, proxy.labels, namedPorts(model, proxy)]);
}

function namedPorts(model: Model, proxy: Proxy): Record<string, number> {
  const pod = model.pods.get(`${proxy.namespace}/${proxy.pod}`);
  return Object.fromEntries(
    (pod?.spec?.containers ?? []).flatMap((c) => (c.ports ?? []).flatMap((p) => (p.name ? [[p.name, p.containerPort]] : []))),
  );
}

const make = (typeUrl: TypeUrl, name: string, json: Json): EnvoyResource => resource(typeUrl, name, encode(typeUrl, json));

const fixedClusters: () => Resources = (() => {
  let made: Resources | undefined;
  return () => (made ??= new Map(staticClusters.map((c) => [c['name'] as string, make(TypeUrl.cluster, c['name'] as string, c)])));
})();

const clustersOf = memo((service: MeshService, rule: HostPolicy | undefined, identities: readonly string[], allMtls: boolean) =>
  outboundClusters(service, rule, identities, allMtls).map((c) => ({ ...c, resource: make(TypeUrl.cluster, c.name, c.json) })),
);

const assignmentsOf = memo((endpoints: MeshEndpoints, service: MeshService, rule: HostPolicy | undefined): readonly EnvoyResource[] => {
  if (service.discovery !== 'endpoints') return [];
  const subsets = new Map(rule?.subsets.map((s) => [s.name, s.labels]));
  return outboundClusters(service, rule, [], false).map(({ name, port, subset }) =>
    make(
      TypeUrl.endpoint,
      name,
      loadAssignment(name, subsetOf(endpoints.ports[port.number] ?? [], subset ? (subsets.get(subset) ?? {}) : undefined)),
    ),
  );
});

function allMtls(endpoints: MeshEndpoints | undefined): boolean {
  const all = Object.values(endpoints?.ports ?? {}).flat();
  return all.length > 0 && all.every((e) => e.mtls);
}

/** A gateway has no captured connection to take an address from: it balances over a headless service's pods. */
const balanced = memo((service: MeshService): MeshService => (service.headless ? { ...service, discovery: 'endpoints' } : service));

/** The resource as it was before, when its bytes are the same. */
function kept(last: Resources | undefined, made: EnvoyResource): EnvoyResource {
  const before = last?.get(made.name);
  return before?.version === made.version ? before : made;
}

function makeView(model: Model, client: Client, kind: Proxy['kind'], last: View | undefined): View {
  const all = [...model.services.values()].filter((s) => visible(s.exportTo, s.namespace, client.namespace));
  const services = keepArray(last?.services, kind === 'gateway' ? all.map((s) => balanced(s)) : all);
  const clusters = new Map(fixedClusters());
  const endpoints = new Map<string, EnvoyResource>();
  for (const service of services) {
    const rule = model.destinationRules.of(client.namespace, service);
    const where = model.endpoints.get(service.host);
    const everywhere = service.discovery === 'endpoints' ? false : allMtls(where);
    for (const c of clustersOf(service, rule, model.identities.get(service.host) ?? [], everywhere))
      clusters.set(c.name, kept(last?.clusters, c.resource));
    if (where) for (const r of assignmentsOf(where, service, rule)) endpoints.set(r.name, kept(last?.endpoints, r));
  }
  const routes = new Map<string, EnvoyResource>();
  if (kind === 'sidecar') for (const [name, hosts] of planRoutes(model, services, client)) routes.set(name, routeTable(name, hosts));
  return {
    client,
    services,
    clusters: keepMap(last?.clusters, clusters),
    endpoints: keepMap(last?.endpoints, endpoints),
    routes: keepMap(last?.routes, routes),
    outbound: planOutbound(model, services, client),
  };
}

/** Bytes; Istio allows as much. */
const MAX_DIRECT_RESPONSE = 1024 * 1024;
/** Field of `RouteConfiguration`. */
const VIRTUAL_HOSTS = 2;

/** A table is its head and its virtual hosts, one after another: only a host that changed was encoded anew. */
const joined = memo((first: VirtualHost, name: string, ...rest: VirtualHost[]): EnvoyResource => {
  const head = encode(TypeUrl.route, {
    name,
    validate_clusters: false,
    ignore_port_in_host_matching: true,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE,
  });
  return resource(TypeUrl.route, name, Buffer.concat([head, ...[first, ...rest].map((h) => repeated(VIRTUAL_HOSTS, h.bytes))]));
});

function routeTable(name: string, hosts: readonly VirtualHost[]): EnvoyResource {
  const [first, ...rest] = hosts;
  return first ? joined(first, name, ...rest) : make(TypeUrl.route, name, { name, validate_clusters: false });
}

const inboundClusterOf = memo((_port: InboundPort['service'], number: number, protocol: InboundPort['protocol']) =>
  make(TypeUrl.cluster, inboundName(number), inboundCluster(number, protocol)),
);

/** Proxies with the same view and ports hold one map. */
const withInbound = memo((clusters: Resources, ...inbound: EnvoyResource[]): Resources => new Map([...clusters, ...byName(inbound)]));

/** Makes what proxies hold, and keeps what two of them or two turns have in common. */
class Maker {
  readonly #internWorkload = interner<Workload>();
  readonly #internClient = interner<Client>();
  readonly #views = new Recent<View>();
  readonly #results = new Recent<ProxyResources>();
  readonly #listeners = new Recent<EnvoyResource>();
  readonly #virtualHosts = new Recent<VirtualHost>();

  turn(): void {
    for (const recent of [this.#views, this.#results, this.#listeners, this.#virtualHosts]) recent.turn();
  }

  resources(model: Model, proxy: Proxy): ProxyResources {
    return this.#results.renew(signature(model, proxy), (last) => {
      const own = this.#internWorkload(workloadOfProxy(proxy));
      const view = this.#view(model, proxy);
      const made = proxy.kind === 'gateway' ? this.#gateway(model, proxy, own, view) : this.#sidecar(model, proxy, own, view);
      return last ? keepResources(last, made) : made;
    });
  }

  #view(model: Model, proxy: Proxy): View {
    const labels = Object.fromEntries(
      model.virtualServices.clientLabels.flatMap((k) => (proxy.labels[k] === undefined ? [] : [[k, proxy.labels[k]]])),
    );
    const client = this.#internClient({ namespace: proxy.namespace, labels });
    return this.#views.renew(`${proxy.kind} ${JSON.stringify(client)}`, (last) => makeView(model, client, proxy.kind, last));
  }

  /** A listener that these inputs say all about. */
  #listener(own: Workload, inputs: readonly unknown[], build: () => Json): EnvoyResource {
    return this.#listeners.keep(JSON.stringify([own, inputs]), () => {
      const json = build();
      return make(TypeUrl.listener, json['name'] as string, json);
    });
  }

  #sidecar(model: Model, proxy: Proxy, own: Workload, view: View): ProxyResources {
    const { domain } = model.config;
    const otherwise = otherwiseCluster(model);
    const plan = view.outbound;
    const mtls = model.peerAuthentications.of(proxy.namespace, proxy.labels);
    const named = namedPorts(model, proxy);
    const ports = inboundPorts(
      view.services,
      (s) => s.namespace === proxy.namespace && s.selector !== undefined && selects(s.selector, proxy.labels),
      (name) => named[name],
      (port) => mtls.ofPort(port),
    );
    const listeners = [
      ...[...plan.http].map(([port, grpc]) => this.#listener(own, ['http', port, grpc], () => httpListener(own, port, grpc))),
      ...plan.tcp.map(({ ip, port, clusters, sniff }) =>
        this.#listener(own, ['tcp', ip, port, clusters, sniff?.host], () =>
          sniff ? sniffingListener(own, sniff, ip, port, clusters) : tcpListener(own, ip, port, clusters),
        ),
      ),
      ...[...plan.sni].map(([port, hosts]) =>
        this.#listener(own, ['sni', port, hosts, otherwise], () => sniListener(own, port, hosts, otherwise)),
      ),
      this.#listener(own, ['out', otherwise], () => virtualOutbound(own, otherwise)),
      this.#listener(own, ['in', domain, mtls.text, ports.map((p) => [p.number, p.protocol, p.service.host, p.mode])], () =>
        virtualInbound(
          [...ports.flatMap((p) => inboundChains(own, p, domain)), ...catchAllChains(mtls.ofPort(0), domain)],
          ports.filter((p) => p.protocol === 'auto').map((p) => p.number),
        ),
      ),
    ];
    const clusters = withInbound(view.clusters, ...ports.map((p) => inboundClusterOf(p.service, p.number, p.protocol)));
    return { listeners: byName(listeners), clusters, routes: view.routes, endpoints: view.endpoints };
  }

  #gateway(model: Model, proxy: Proxy, own: Workload, view: View): ProxyResources {
    const plan = planGateway(model, proxy, own, serversOf(proxy, model.gateways, view.services));
    const routes = [...plan.routes].map(([name, hosts]) =>
      routeTable(
        name,
        hosts.map((h) => this.#virtualHosts.keep(JSON.stringify(h), () => virtualHost(h))),
      ),
    );
    const listeners = [...plan.listeners.values()].map((json) => this.#listener(own, ['gateway', json], () => json));
    return { listeners: byName(listeners), clusters: view.clusters, routes: byName(routes), endpoints: view.endpoints };
  }
}

function byName(resources: readonly EnvoyResource[]): Resources {
  return new Map(resources.map((r) => [r.name, r]));
}

function keepResources(last: ProxyResources, made: ProxyResources): ProxyResources {
  const kept = {
    listeners: keepMap(last.listeners, made.listeners),
    routes: keepMap(last.routes, made.routes),
    clusters: keepMap(last.clusters, made.clusters),
    endpoints: keepMap(last.endpoints, made.endpoints),
  };
  return (Object.keys(kept) as (keyof ProxyResources)[]).every((k) => kept[k] === last[k]) ? last : kept;
}
