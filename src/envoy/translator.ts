import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  createModeler,
  createProblems,
  inboundPoolOf,
  interner,
  keepArray,
  keepMap,
  memo,
  ownPortsOf,
  selects,
  gatewaysOf,
  serversOf,
  type MeshService,
  type Model,
  type ObjectStatus,
  type Problem,
  type Proxy,
  type Server,
  type Reporter,
  type Snapshot,
} from '../mesh/index.ts';
import { inboundCluster, inboundName } from './cluster.ts';
import { catchAllChains, inboundChains, inboundPorts, sidecarPorts, type InboundPort } from './inbound.ts';
import { clustersToAsk } from './ext-authz.ts';
import { planGateway } from './ingress.ts';
import type { Json } from './json.ts';
import { portListeners, virtualInbound, virtualOutbound } from './listener.ts';
import { absent, answered, MAX_ASKED, opening, tableOnDemand } from './on-demand.ts';
import { originsOf, type Origins } from './origins.ts';
import { otherwiseCluster, type OutboundPlan } from './outbound.ts';
import { PatchBook } from './patch-book.ts';
import { patchResources, type PatchedResources } from './patch.ts';
import { tableFacts } from './patch-route.ts';
import { Recent } from './recent.ts';
import { clustersToReport, reporterOf } from './reports.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';
import { clientOf, View, fixedClusters, make, routeTable, type Resources } from './view.ts';
import { clustersIn, virtualHost, type Client, type VirtualHost } from './virtual-host.ts';

/**
 * Snapshot in, Envoy resources out. Total: whatever users wrote, every proxy gets a configuration and what could not be
 * honoured is a problem of its object. Everything is remembered by the identity of what it was made of.
 */
export interface Translator {
  /** Takes the snapshot over. Returns the problems of every object; the same array as before when nothing changed. */
  update(snapshot: Snapshot): readonly Problem[];
  /** What objects of the Gateway API are to be told of themselves; the same array as before when nothing changed. */
  statuses(): readonly ObjectStatus[];
  /**
   * What this proxy is to hold under the last snapshot, given the hosts that it has asked for (`<route table>/<host>`; the same
   * set for as long as it has not asked for more). A resource that did not change is the same object as before, a map in which
   * nothing changed is the same map, and the whole is the same object when no map changed.
   */
  resources(proxy: Proxy, asked?: ReadonlySet<string>): ProxyResources;
  /** The objects that have a say in what this proxy holds. */
  origins(proxy: Proxy, held: ProxyResources): Origins;
  /** What came of EnvoyFilters in what was made for proxies; the same array as before when nothing changed. */
  patchProblems(): readonly Problem[];
  /**
   * The proxy refuses one of its resources. True when an EnvoyFilter is to blame, which is given up: everything is to be
   * published anew.
   */
  refused(proxy: Proxy, asked: ReadonlySet<string>, rejection: Refusal): boolean;
}

/** A resource that a proxy does not take, in Envoy's words. */
export interface Refusal {
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  readonly message: string;
}

export interface TranslatorOptions {
  /** Sidecars are told of every service up to this many; from then on they ask for what they use. */
  readonly onDemandAbove?: number;
}

const NOTHING: ProxyResources = {
  listeners: new Map(),
  routes: new Map(),
  clusters: new Map(),
  endpoints: new Map(),
  virtualHosts: new Map(),
};
const NOT_ASKED: ReadonlySet<string> = new Set();

/**
 * Whole tables survive a dead control plane even for hosts that were never called; above some dozens of services that costs
 * more with every change than asking does once.
 */
const ON_DEMAND_ABOVE = 50;

export function createTranslator({ onDemandAbove = ON_DEMAND_ABOVE }: TranslatorOptions = {}): Translator {
  const modeler = createModeler();
  const findProblems = createProblems();
  let model: Model | undefined;
  let problems: readonly Problem[] = [];
  const maker = new Maker();

  return {
    update(snapshot) {
      const next = modeler(snapshot);
      if (model && sameModel(model, next)) {
        // Who holds the model that means the same holds no pods of long ago.
        Object.assign(model, { pods: next.pods });
        return problems;
      }
      model = next;
      // Once only: a proxy remembers what it was told on demand even while its tables are whole.
      maker.onDemand ||= model.services.size > onDemandAbove;
      maker.book.update(model.envoyFilters, model.config.rootNamespace);
      maker.turn();
      problems = keepArray(problems, findProblems(model));
      return problems;
    },
    statuses: () => model?.statuses ?? [],
    origins: (proxy, held) => (model ? originsOf(model, proxy, held) : { listeners: [], others: new Set(), behind: () => [] }),
    resources: (proxy, asked = NOT_ASKED) => (model ? maker.resources(model, proxy, asked) : NOTHING),
    patchProblems: () => maker.book.problems(),
    refused(proxy, asked, { typeUrl, name, version, message }) {
      const kinds = model ? Object.values(maker.resources(model, proxy, asked)) : [];
      const held = kinds.map((map) => map.get(name)).find((r) => r?.typeUrl === typeUrl && r.version === version);
      if (!held?.from || !maker.book.refuse(held.from, message)) return false;
      maker.turn();
      return true;
    },
  };
}

/** Pods count by what services and signatures say of them. */
function sameModel(a: Model, b: Model): boolean {
  return (Object.keys(a) as (keyof Model)[]).every((k) => k === 'pods' || a[k] === b[k]);
}

/** Proxies with equal signatures that asked for the same hold the same. */
const signature = memo((proxy: Proxy, pod: Pod | undefined): string =>
  JSON.stringify([proxy.kind, proxy.namespace, proxy.workload, proxy.serviceAccount, proxy.labels, namedPorts(pod)]),
);

const podOf = (model: Model, proxy: Proxy): Pod | undefined => model.pods.get(`${proxy.namespace}/${proxy.pod}`);

const textOf = memo((asked: ReadonlySet<string>): string => JSON.stringify([...asked]));

function namedPorts(pod: Pod | undefined): Record<string, number> {
  return Object.fromEntries(
    (pod?.spec?.containers ?? []).flatMap((c) => (c.ports ?? []).flatMap((p) => (p.name ? [[p.name, p.containerPort]] : []))),
  );
}

const inboundClusterOf = memo(
  (
    _port: InboundPort['service'],
    number: number,
    protocol: InboundPort['protocol'],
    pool: ReturnType<typeof inboundPoolOf>,
    endpoint: string | undefined,
  ) => make(TypeUrl.cluster, inboundName(number), inboundCluster(number, protocol, pool, endpoint)),
);

/** Proxies with the same view and ports hold one map. */
const withInbound = memo((clusters: Resources, ...inbound: EnvoyResource[]): Resources => new Map([...clusters, ...byName(inbound)]));

const ofNamespace = memo((services: readonly MeshService[], namespace: string) =>
  services.filter((s) => s.namespace === namespace && s.selector !== undefined),
);

/** By the first label that they select by, with their places; under no label those that select all pods. */
const bySelector = memo((services: readonly MeshService[], namespace: string) =>
  Map.groupBy(ofNamespace(services, namespace).entries(), ([, { selector = {} }]) => Object.entries(selector)[0]?.join('=') ?? ''),
);

/** Services of which pods with these labels (as text) are endpoints. */
const servicesBefore = memo((services: readonly MeshService[], namespace: string, labels: string): readonly MeshService[] => {
  const own = JSON.parse(labels) as Proxy['labels'];
  const index = bySelector(services, namespace);
  const some = ['', ...Object.entries(own).map((label) => label.join('='))].flatMap((label) => index.get(label) ?? []);
  return some
    .flatMap(([place, s]) => (selects(s.selector, own) ? [{ place, s }] : []))
    .sort((a, b) => a.place - b.place)
    .map(({ s }) => s);
});

const internItself = interner<InboundPort['service']>();
/** As whom requests to a workload are reported that no service leads to it. */
const itself = ({ workload, namespace }: Proxy): InboundPort['service'] => internItself({ host: workload, name: workload, namespace });

const UNPATCHED: Omit<PatchedResources, 'resources'> = { hits: new Set() };

/** Makes what proxies hold, and keeps what two of them or two turns have in common. */
class Maker {
  onDemand = false;
  readonly book = new PatchBook();
  readonly #internReporter = interner<Reporter>();
  readonly #internClient = interner<Client>();
  readonly #views = new Recent<View>();
  readonly #results = new Recent<PatchedResources>();
  readonly #listeners = new Recent<EnvoyResource>();
  readonly #portListeners = new Recent<readonly EnvoyResource[]>();
  readonly #virtualHosts = new Recent<VirtualHost>();
  /** Tables on demand, their openings, and names that are nobody's. */
  readonly #onDemand = new Recent<EnvoyResource>();

  turn(): void {
    for (const recent of [this.#views, this.#results, this.#listeners, this.#portListeners, this.#virtualHosts, this.#onDemand])
      recent.turn();
  }

  resources(model: Model, proxy: Proxy, asked: ReadonlySet<string>): ProxyResources {
    return this.#result(model, proxy, asked).resources;
  }

  #result(model: Model, proxy: Proxy, asked: ReadonlySet<string>): PatchedResources {
    const onDemand = this.onDemand && proxy.kind === 'sidecar';
    const result = this.#results.renew(`${signature(proxy, podOf(model, proxy))} ${onDemand ? textOf(asked) : ''}`, (last) => {
      const view = this.#view(model, proxy);
      const own = this.#internReporter(reporterOf(model, proxy, (cluster) => view.cluster(cluster) !== undefined));
      const servers = proxy.kind === 'gateway' ? this.#servers(model, proxy, view) : [];
      const plain =
        proxy.kind === 'gateway' ? this.#gateway(model, proxy, own, view, servers) : this.#sidecar(model, proxy, own, view, asked);
      const patches = this.book.filters.of(proxy);
      const made = patches.length
        ? patchResources(plain, patches, proxy.kind, (t) => tableFacts(t, servers))
        : { ...UNPATCHED, resources: plain };
      return last ? { ...made, resources: keepResources(last.resources, made.resources) } : made;
    });
    this.book.hit(result.hits);
    return result;
  }

  #view(model: Model, proxy: Proxy): View {
    const client = this.#internClient(clientOf(model, proxy));
    return this.#views.renew(`${proxy.kind} ${JSON.stringify(client)}`, (last) => new View(model, client, proxy.kind, last));
  }

  /** A listener that these inputs say all about. */
  #listener(own: Reporter, inputs: readonly unknown[], build: () => Json): EnvoyResource {
    return this.#listeners.keep(JSON.stringify([own, inputs]), () => {
      const json = build();
      return make(TypeUrl.listener, json['name'] as string, json);
    });
  }

  #sidecar(model: Model, proxy: Proxy, own: Reporter, view: View, asked: ReadonlySet<string>): ProxyResources {
    const { domain } = model.config;
    const otherwise = otherwiseCluster(model, view.client);
    const plan = view.outbound;
    const mtls = model.peerAuthentications.of(proxy.namespace, proxy.labels);
    const named = namedPorts(podOf(model, proxy));
    const guard = model.guards.of(proxy.namespace, proxy.labels);
    const sidecar = model.sidecars.of(proxy.namespace, proxy.labels);
    const mode = (port: number): InboundPort['mode'] => mtls.ofPort(port);
    const before = servicesBefore(view.visible, proxy.namespace, JSON.stringify(proxy.labels));
    const ofServices = inboundPorts(before, (name) => named[name], mode);
    const said = sidecar && ownPortsOf(sidecar);
    const ports = said ? sidecarPorts(said, ofServices, itself(proxy), mode) : ofServices;
    const listeners = [
      ...this.#ports(own, plan, otherwise),
      this.#listener(own, ['out', otherwise], () => virtualOutbound(own, otherwise)),
      this.#listener(own, ['in', domain, mtls.text, guard.text, ports.map((p) => [p.number, p.protocol, p.service.host, p.mode])], () =>
        virtualInbound(
          [...ports.flatMap((p) => inboundChains(own, p, guard, domain)), ...catchAllChains(mtls.ofPort(0), guard, domain)],
          ports.filter((p) => p.protocol === 'auto').map((p) => p.number),
        ),
      ),
    ];
    const inbound = ports.map((p) => inboundClusterOf(p.service, p.number, p.protocol, inboundPoolOf(sidecar, p.number), p.endpoint));
    if (this.onDemand)
      return { listeners: byName(listeners), ...this.#used(view, inbound, asked, [...clustersToAsk(guard), ...clustersToReport(own)]) };
    const { clusters, endpoints, routes } = view.whole;
    return { listeners: byName(listeners), clusters: withInbound(clusters, ...inbound), routes, endpoints, virtualHosts: new Map() };
  }

  /** Listeners for what the application sends to the ports of services. */
  #ports(own: Reporter, { http, lookups, chains }: OutboundPlan, otherwise: string): EnvoyResource[] {
    return [...new Set([...http.keys(), ...chains.keys()])].flatMap((port) => {
      const carried = chains.get(port) ?? [];
      const grpc = http.get(port);
      const speaks = grpc === undefined ? undefined : grpc ? 'grpc' : 'http';
      const lookup = lookups.has(port);
      return this.#portListeners.keep(JSON.stringify([own, port, carried, speaks, carried.length ? otherwise : '', lookup]), () =>
        portListeners(own, port, carried, speaks, otherwise, lookup).map((json) => make(TypeUrl.listener, json['name'] as string, json)),
      );
    });
  }

  /** What a sidecar that asks is to hold: its tables, the hosts it asked for and where their requests go, and where bytes go. */
  #used(
    view: View,
    inbound: readonly EnvoyResource[],
    asked: ReadonlySet<string>,
    more: readonly string[],
  ): Omit<ProxyResources, 'listeners'> {
    const keep = (name: string, make: (name: string) => EnvoyResource): EnvoyResource =>
      this.#onDemand.keep(`${make.name} ${name}`, () => make(name));
    const { http, chains } = view.outbound;
    const carried = [...chains.values()].flat();
    const tables = [...[...http.keys()].map(String), ...new Set(carried.flatMap(({ sniff }) => sniff ?? []))];
    const used = [...carried.flatMap(({ clusters }) => clusters.map((c) => c.name)), ...more];
    const virtualHosts = tables.map((t) => keep(t, opening));
    for (const name of asked) {
      const host = virtualHosts.length < MAX_ASKED ? view.hostAsked(name) : undefined;
      if (host) used.push(...host.clusters);
      virtualHosts.push(host ? answered(host, name) : keep(name, absent));
    }
    return {
      routes: byName(tables.map((t) => keep(t, tableOnDemand))),
      ...clustersNamed(view, used, inbound),
      virtualHosts: byName(virtualHosts),
    };
  }

  #servers(model: Model, proxy: Proxy, view: View): readonly Server[] {
    return serversOf(proxy, gatewaysOf(model), ofNamespace(view.services, proxy.namespace));
  }

  #gateway(model: Model, proxy: Proxy, own: Reporter, view: View, servers: readonly Server[]): ProxyResources {
    const plan = planGateway(model, proxy, own, servers);
    const hosts = new Map(
      [...plan.routes].map(([name, all]) => [name, all.map((h) => this.#virtualHosts.keep(JSON.stringify(h), () => virtualHost(h)))]),
    );
    const listeners = [...plan.listeners.values()].map((json) => this.#listener(own, ['gateway', json], () => json));
    const used = [
      ...[...hosts.values()].flat().flatMap((h) => h.clusters),
      ...clustersIn([...plan.listeners.values()]),
      ...clustersToAsk(model.guards.of(proxy.namespace, proxy.labels)),
      ...clustersToReport(own),
    ];
    return {
      listeners: byName(listeners),
      routes: new Map([...hosts].map(([name, all]) => [name, routeTable(name, all)])),
      ...clustersNamed(view, used, []),
      virtualHosts: new Map(),
    };
  }
}

/** These clusters, those that every proxy has, and the endpoints of all of them. */
function clustersNamed(
  view: View,
  names: readonly string[],
  more: readonly EnvoyResource[],
): Pick<ProxyResources, 'clusters' | 'endpoints'> {
  const clusters = new Map(fixedClusters());
  const endpoints = new Map<string, EnvoyResource>();
  for (const r of more) clusters.set(r.name, r);
  for (const name of new Set(names)) {
    const cluster = view.cluster(name);
    if (cluster) clusters.set(name, cluster);
    const endpoint = view.endpoint(name);
    if (endpoint) endpoints.set(name, endpoint);
  }
  return { clusters, endpoints };
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
    virtualHosts: keepMap(last.virtualHosts, made.virtualHosts),
  };
  return (Object.keys(kept) as (keyof ProxyResources)[]).every((k) => kept[k] === last[k]) ? last : kept;
}
