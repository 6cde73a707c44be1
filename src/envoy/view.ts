import {
  imported,
  importedPorts,
  interner,
  importsOf,
  keepMap,
  localityOf,
  memo,
  policyOf,
  subsetOf,
  visible,
  withBackendTls,
  type HostPolicy,
  type MeshEndpoints,
  type MeshService,
  type Model,
  type Proxy,
  type ServicePort,
} from '../mesh/index.ts';
import {
  clusterNames,
  clusterOfSni,
  isSpokenAs,
  outboundClusters,
  outboundName,
  passedCluster,
  spokenCluster,
  staticClusters,
} from './cluster.ts';
import { encode, encoded, repeated, resource } from './encode.ts';
import { loadAssignment } from './endpoint.ts';
import { objectsIn, type Json } from './json.ts';
import type { Whereabouts } from './locality.ts';
import { hostAsked } from './on-demand.ts';
import { planOutbound, planRoutes, type OutboundPlan } from './outbound.ts';
import { TypeUrl, type EnvoyResource } from './resource.ts';
import { destinationsUsed, virtualHostMessage, type Client, type VirtualHost } from './virtual-host.ts';

export type Resources = ReadonlyMap<string, EnvoyResource>;

export const make = (typeUrl: TypeUrl, name: string, json: Json): EnvoyResource =>
  resource(typeUrl, name, encoded(typeUrl, json), objectsIn(json));

/** Clusters that every proxy has. */
export const fixedClusters: () => Resources = (() => {
  let made: Resources | undefined;
  return () => (made ??= new Map(staticClusters.map((c) => [c['name'] as string, make(TypeUrl.cluster, c['name'] as string, c)])));
})();

const clustersOf = memo(
  (service: MeshService, rule: HostPolicy | undefined, identities: readonly string[], allMtls: boolean, where: Whereabouts) =>
    outboundClusters(service, rule, identities, allMtls, where).map(({ name, json }) => make(TypeUrl.cluster, name, json)),
);

/** Endpoints of a port, or of a subset there. */
function assignmentOf(
  endpoints: MeshEndpoints,
  name: string,
  { port, subset }: { readonly port: ServicePort; readonly subset: string },
  rule: HostPolicy | undefined,
  where: Whereabouts,
): Json {
  const chosen = rule?.subsets.find((s) => s.name === subset);
  const own = subsetOf(endpoints.ports[port.number] ?? [], subset ? (chosen?.labels ?? {}) : undefined);
  return loadAssignment(name, own, policyOf(rule, chosen, port.number), where);
}

const assignmentsOf = memo(
  (endpoints: MeshEndpoints, service: MeshService, rule: HostPolicy | undefined, where: Whereabouts): readonly EnvoyResource[] => {
    if (service.discovery !== 'endpoints') return [];
    return clusterNames(service, rule).map((of) => make(TypeUrl.endpoint, of.name, assignmentOf(endpoints, of.name, of, rule, where)));
  },
);

const internWhere = interner<Whereabouts>();

/** The port of a cluster that is spoken to otherwise than its Service says, and how. */
function spokenPort(service: MeshService, cluster: string): { port: ServicePort; as: string } | undefined {
  const [, number, as = ''] = cluster.split('|');
  const port = isSpokenAs(as) ? service.ports.find((p) => p.number === Number(number)) : undefined;
  return port && { port, as };
}

const spokenClusterOf = memo(
  (
    service: MeshService,
    port: ServicePort,
    as: string,
    rule: HostPolicy | undefined,
    identities: readonly string[],
    everywhere: boolean,
    where: Whereabouts,
  ): EnvoyResource => {
    const name = outboundName(port.number, as, service.host);
    return make(TypeUrl.cluster, name, spokenCluster({ service, port, subset: as, identities, allMtls: everywhere, where }, rule));
  },
);

/** Of a cluster that is named as in SNI. */
function passedPort(service: MeshService, rule: HostPolicy | undefined, sni: string): { port: ServicePort; subset: string } | undefined {
  return clusterNames(service, rule).find((c) => c.name === clusterOfSni(sni));
}

const passedClusterOf = memo(
  (
    service: MeshService,
    sni: string,
    rule: HostPolicy | undefined,
    identities: readonly string[],
    everywhere: boolean,
    where: Whereabouts,
  ): EnvoyResource | undefined => {
    const found = passedPort(service, rule, sni);
    return found && make(TypeUrl.cluster, sni, passedCluster({ service, ...found, identities, allMtls: everywhere, where }, rule));
  },
);

const passedAssignment = memo(
  (
    endpoints: MeshEndpoints,
    service: MeshService,
    sni: string,
    rule: HostPolicy | undefined,
    where: Whereabouts,
  ): EnvoyResource | undefined => {
    const found = passedPort(service, rule, sni);
    return found && make(TypeUrl.endpoint, sni, assignmentOf(endpoints, sni, found, rule, where));
  },
);

const spokenAssignment = memo(
  (endpoints: MeshEndpoints, port: number, name: string, rule: HostPolicy | undefined, where: Whereabouts): EnvoyResource =>
    make(TypeUrl.endpoint, name, loadAssignment(name, endpoints.ports[port] ?? [], policyOf(rule, undefined, port), where)),
);

function allMtls(endpoints: MeshEndpoints | undefined): boolean {
  const all = Object.values(endpoints?.ports ?? {}).flat();
  return all.length > 0 && all.every((e) => e.mtls);
}

/** A gateway has no captured connection to take an address from: it balances over a headless service's pods. */
const balanced = memo((service: MeshService): MeshService => (service.headless ? { ...service, discovery: 'endpoints' } : service));

interface Seen {
  readonly all: readonly MeshService[];
  readonly byHost: ReadonlyMap<string, MeshService>;
}

const seenFrom = memo((services: Model['services'], namespace: string, kind: Proxy['kind']): Seen => {
  const seen = [...services.values()].filter((s) => visible(s.exportTo, s.namespace, namespace));
  const all = kind === 'gateway' ? seen.map((s) => balanced(s)) : seen;
  return { all, byHost: new Map(all.map((s) => [s.host, s])) };
});

const withPorts = memo((service: MeshService, ports: string): MeshService => ({
  ...service,
  ports: service.ports.filter((p) => ports.split(' ').includes(String(p.number))),
}));

/** The service with these ports alone, and those that rules name; whole where it is not imported for itself. */
const onPorts = (service: MeshService, ports: ReturnType<typeof importedPorts>, named: readonly number[] = []): MeshService =>
  ports === 'all' || !ports.length ? service : withPorts(service, [...new Set([...ports, ...named])].sort((a, b) => a - b).join(' '));

/** What the clients import, and the services that rules for these send their requests to. */
const importedFrom = memo((seen: Seen, rules: Model['virtualServices'], client: Client, domain: string): Seen => {
  const used = new Set(seen.all.filter((s) => imported(client.imports, s.namespace, s.host)));
  const named = new Map<MeshService, readonly number[]>();
  for (const [host, own] of rules.ofMesh(client.namespace)) {
    if (!imported(client.imports, own.namespace, host)) continue;
    for (const { host: target, port } of destinationsUsed(own, domain)) {
      const service = seen.byHost.get(target);
      if (!service) continue;
      used.add(service);
      if (port) named.set(service, [...(named.get(service) ?? []), port]);
    }
  }
  const all = seen.all.filter((s) => used.has(s)).map((s) => onPorts(s, importedPorts(client.imports, s.namespace, s.host), named.get(s)));
  return { all, byHost: new Map(all.map((s) => [s.host, s])) };
});

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
  const all = [first, ...rest];
  const hosts = all.map((h) => virtualHostMessage(h));
  const bytes = Buffer.concat([head, ...hosts.map((h) => repeated(VIRTUAL_HOSTS, h.bytes))]);
  return resource(TypeUrl.route, name, { ...hosts.find((h) => h.unfit), bytes }, [...new Set(all.flatMap((h) => h.from))]);
});

/** A route table that holds all its hosts. */
export function routeTable(name: string, hosts: readonly VirtualHost[]): EnvoyResource {
  const [first, ...rest] = hosts;
  return first ? joined(first, name, ...rest) : make(TypeUrl.route, name, { name, validate_clusters: false });
}

/** What tells a proxy's routes from those of others: of its labels, those that some rule asks for. */
export function clientOf(model: Model, proxy: Proxy): Client {
  const telling = [...new Set([...model.virtualServices.clientLabels, ...model.destinationRules.clientLabels])].sort();
  const sidecar = proxy.kind === 'sidecar' ? model.sidecars.of(proxy.namespace, proxy.labels) : undefined;
  const imports = importsOf(sidecar, proxy.namespace, model.config.domain);
  const mode = sidecar?.spec?.outboundTrafficPolicy?.mode;
  const own = (keys: readonly string[]): Record<string, string> =>
    Object.fromEntries(keys.flatMap((k) => (proxy.labels[k] === undefined ? [] : [[k, proxy.labels[k]]])));
  const where = { locality: localityOf(proxy.labels), labels: own(model.destinationRules.localityLabels) };
  return {
    namespace: proxy.namespace,
    labels: own(telling),
    ...(where.locality || Object.keys(where.labels).length ? { where } : {}),
    ...(imports ? { imports } : {}),
    ...(mode ? { outboundTrafficPolicy: mode } : {}),
  };
}

/**
 * What clients of one namespace (and of the labels that rules ask for) have in common. Each part is made when somebody asks for
 * it, out of the same part of the view before, so that what did not change stays the same object.
 */
export class View {
  readonly client: Client;
  /** All that is exported to the clients, whether they are told of it or not. */
  readonly visible: readonly MeshService[];
  readonly services: readonly MeshService[];
  readonly outbound: OutboundPlan;
  readonly #model: Model;
  readonly #kind: Proxy['kind'];
  /** One for clients alike in it, of whatever namespace. */
  readonly #where: Whereabouts;
  readonly #seen: Seen;
  readonly #made = new Map<string, EnvoyResource>();
  /** By name, what was asked for already: workloads of a namespace ask for much the same. */
  readonly #clusters = new Map<string, EnvoyResource | undefined>();
  readonly #endpoints = new Map<string, EnvoyResource | undefined>();
  readonly #hosts = new Map<string, VirtualHost | undefined>();
  readonly #before: { readonly made: Resources; readonly whole: Whole | undefined };
  #whole: Whole | undefined;

  constructor(model: Model, client: Client, kind: Proxy['kind'], last: View | undefined) {
    this.client = client;
    this.#kind = kind;
    this.#where = internWhere(client.where ?? { locality: '', labels: {} });
    this.#model = model;
    const seen = seenFrom(model.services, client.namespace, kind);
    this.visible = seen.all;
    this.#seen = client.imports ? importedFrom(seen, model.virtualServices, client, model.config.domain) : seen;
    this.services = this.#seen.all;
    this.#before = last ? { made: last.#made, whole: last.#whole } : { made: new Map(), whole: undefined };
    this.outbound = planOutbound(model, this.services, client);
  }

  /** A cluster of some service, or one that every proxy has, by name. */
  cluster(name: string): EnvoyResource | undefined {
    return once(this.#clusters, name, () => this.#cluster(name));
  }

  /** Endpoints of a cluster; undefined when it finds them otherwise. */
  endpoint(cluster: string): EnvoyResource | undefined {
    return once(this.#endpoints, cluster, () => this.#endpoint(cluster));
  }

  /** The virtual host for a host that somebody asked for, as `<table>/<host>`. */
  hostAsked(name: string): VirtualHost | undefined {
    const slash = name.indexOf('/');
    return once(this.#hosts, name, () => hostAsked(this.#model, this.services, this.client, name.slice(0, slash), name.slice(slash + 1)));
  }

  #cluster(name: string): EnvoyResource | undefined {
    const fixed = fixedClusters().get(name);
    const service = this.#serviceOf(name);
    if (fixed || !service) return fixed;
    if (clusterOfSni(name)) return this.#kept(passedClusterOf(service, name, ...this.#clusterInputs(service)));
    const spoken = spokenPort(service, name);
    return this.#kept(
      spoken
        ? spokenClusterOf(service, spoken.port, spoken.as, ...this.#clusterInputs(service))
        : this.#clustersOf(service).find((c) => c.name === name),
    );
  }

  #endpoint(cluster: string): EnvoyResource | undefined {
    const service = this.#serviceOf(cluster);
    if (!service) return undefined;
    const spoken = spokenPort(service, cluster);
    const passed = clusterOfSni(cluster) !== undefined;
    if (!spoken && !passed) return this.#kept(this.#assignmentsOf(service).find((c) => c.name === cluster));
    const endpoints = this.#model.endpoints.get(service.host);
    if (!endpoints || service.discovery !== 'endpoints') return undefined;
    const rule = this.#ruleOf(service);
    return this.#kept(
      spoken
        ? spokenAssignment(endpoints, spoken.port.number, cluster, rule, this.#where)
        : passedAssignment(endpoints, service, cluster, rule, this.#where),
    );
  }

  /** Every service there is. */
  get whole(): Whole {
    if (this.#whole) return this.#whole;
    const { whole: last } = this.#before;
    const clusters = new Map(fixedClusters());
    const endpoints = new Map<string, EnvoyResource>();
    for (const service of this.services) {
      for (const r of this.#clustersOf(service)) clusters.set(r.name, kept(last?.clusters, r));
      for (const r of this.#assignmentsOf(service)) endpoints.set(r.name, kept(last?.endpoints, r));
    }
    const tables = planRoutes(this.#model, this.services, this.client);
    const routes = new Map([...tables].map(([name, hosts]) => [name, routeTable(name, hosts)]));
    return (this.#whole = {
      clusters: keepMap(last?.clusters, clusters),
      endpoints: keepMap(last?.endpoints, endpoints),
      routes: keepMap(last?.routes, routes),
    });
  }

  #clustersOf(service: MeshService): readonly EnvoyResource[] {
    return clustersOf(service, ...this.#clusterInputs(service));
  }

  /** What clusters of a service are made of besides itself. */
  #clusterInputs(
    service: MeshService,
  ): [rule: HostPolicy | undefined, identities: readonly string[], allMtls: boolean, where: Whereabouts] {
    const { endpoints, identities } = this.#model;
    const everywhere = service.discovery === 'endpoints' ? false : allMtls(endpoints.get(service.host));
    return [this.#ruleOf(service), identities.get(service.host) ?? [], everywhere, this.#where];
  }

  #assignmentsOf(service: MeshService): readonly EnvoyResource[] {
    const where = this.#model.endpoints.get(service.host);
    return where ? assignmentsOf(where, service, this.#ruleOf(service), this.#where) : [];
  }

  #ruleOf(service: MeshService): HostPolicy | undefined {
    const rule = this.#model.destinationRules.of(this.client.namespace, service, this.client.labels);
    const backendTls = this.#kind === 'gateway' ? this.#model.backendTls.get(service.host) : undefined;
    return backendTls ? withBackendTls(backendTls, rule) : rule;
  }

  /** The service of a cluster named `outbound|<port>|<subset>|<host>`, or so in SNI. */
  #serviceOf(named: string): MeshService | undefined {
    const cluster = clusterOfSni(named) ?? named;
    return this.#seen.byHost.get(cluster.slice(cluster.lastIndexOf('|') + 1));
  }

  #kept(made: EnvoyResource | undefined): EnvoyResource | undefined {
    if (!made) return undefined;
    const key = `${made.typeUrl} ${made.name}`;
    const before = this.#before.made.get(key);
    const resource = before?.version === made.version ? before : made;
    this.#made.set(key, resource);
    return resource;
  }
}

function once<V>(known: Map<string, V | undefined>, name: string, find: () => V | undefined): V | undefined {
  if (!known.has(name)) known.set(name, find());
  return known.get(name);
}

export interface Whole {
  readonly clusters: Resources;
  readonly endpoints: Resources;
  /** Route tables of sidecars. */
  readonly routes: Resources;
}

/** The resource as it was before, when its bytes are the same. */
function kept(last: Resources | undefined, made: EnvoyResource): EnvoyResource {
  const before = last?.get(made.name);
  return before?.version === made.version ? before : made;
}
