import type { L4Match, L4RouteDestination } from '../api/index.ts';
import {
  destinationPort,
  fullHost,
  isHttp,
  memo,
  selects,
  type MeshService,
  type Model,
  type Rules,
  type ServicePort,
} from '../mesh/index.ts';
import { BLACK_HOLE, outboundName, PASSTHROUGH } from './cluster.ts';
import { catchAll, dependencies, domainsOf, plainHost, ruledHost, soleDomain, type Client, type VirtualHost } from './virtual-host.ts';

export type WeightedClusters = readonly { readonly name: string; readonly weight: number }[];

/** What a sidecar listens for on the way out, before it is made into listeners. */
export interface OutboundPlan {
  /** Ports on which HTTP goes to any address; true when all of it is gRPC. */
  readonly http: ReadonlyMap<number, boolean>;
  readonly tcp: readonly {
    readonly ip: string;
    readonly port: number;
    readonly clusters: WeightedClusters;
    readonly sniff?: MeshService;
  }[];
  readonly sni: ReadonlyMap<number, readonly { readonly names: readonly string[]; readonly clusters: WeightedClusters }[]>;
}

export function otherwiseCluster(model: Model): string {
  return model.config.outboundTrafficPolicy === 'ALLOW_ANY' ? PASSTHROUGH : BLACK_HOLE;
}

/** Ports on which some service speaks HTTP; true when all of them speak gRPC. */
const httpPorts = memo((services: readonly MeshService[]): ReadonlyMap<number, boolean> => {
  const http = new Map<number, boolean>();
  for (const { ports } of services)
    for (const port of ports) if (isHttp(port.protocol)) http.set(port.number, port.protocol === 'grpc' && (http.get(port.number) ?? true));
  return http;
});

/** Services of which some port is told apart by its address: most meshes have few. */
const l4Services = memo((services: readonly MeshService[]): readonly MeshService[] =>
  services.filter((s) => s.ports.some((p) => !isHttp(p.protocol) && p.protocol !== 'udp')),
);

/** The listeners clients need. An address and port belong to the oldest service that claims them. */
export function planOutbound(model: Model, services: readonly MeshService[], client: Client): OutboundPlan {
  const http = httpPorts(services);
  const tcp = new Map<string, OutboundPlan['tcp'][number]>();
  const sni = new Map<number, { names: readonly string[]; clusters: WeightedClusters }[]>();
  for (const service of l4Services(services)) {
    for (const port of service.ports) {
      if (port.protocol === 'udp' || isHttp(port.protocol)) continue;
      const clusters = l4Clusters(model, service, port, client);
      const addresses = service.addresses.length ? service.addresses : headlessAddresses(model, service, port);
      for (const ip of addresses) {
        const key = `${ip}_${port.number}`;
        if (!tcp.has(key)) tcp.set(key, { ip, port: port.number, clusters, ...(port.protocol === 'auto' ? { sniff: service } : {}) });
      }
      if (!addresses.length && port.protocol === 'tls') {
        const hosts = sni.get(port.number);
        const entry = { names: [service.host], clusters };
        if (hosts) hosts.push(entry);
        else sni.set(port.number, [entry]);
      }
    }
  }
  // One listener a port: HTTP keeps it, and TLS to nameless addresses then goes through as it is.
  for (const port of http.keys()) sni.delete(port);
  return { http, tcp: [...tcp.values()], sni };
}

/** Clients of a headless service call its pods by address. */
function headlessAddresses(model: Model, service: MeshService, port: ServicePort): readonly string[] {
  if (!service.headless) return [];
  return (model.endpoints.get(service.host)?.ports[port.number] ?? []).filter((e) => e.port === port.number).map((e) => e.address);
}

/** Where bytes to a service go: by its VirtualService's first `tcp` (or, for TLS, `tls`) rule that fits, else to itself. */
function l4Clusters(model: Model, service: MeshService, port: ServicePort, client: Client): WeightedClusters {
  const rules = model.virtualServices.ofHost(client.namespace, service.host);
  const fits = (m: L4Match): boolean =>
    (!m.port || m.port === port.number) &&
    (!m.gateways?.length || m.gateways.includes('mesh')) &&
    (!m.sourceNamespace || m.sourceNamespace === client.namespace) &&
    selects(m.sourceLabels, client.labels);
  const tls = port.protocol === 'tls' ? rules?.spec.tls?.find((r) => r.match?.some(fits)) : undefined;
  const found = tls ?? rules?.spec.tcp?.find((r) => !r.match?.length || r.match.some(fits));
  const routed = rules && found?.route?.length ? l4Routes(model, rules, found.route, port.number) : [];
  return routed.length ? routed : [{ name: outboundName(port.number, '', service.host), weight: 1 }];
}

/** Weighted destinations of a `tcp` or `tls` rule as clusters. */
export function l4Routes(model: Model, rules: Rules, routes: readonly L4RouteDestination[], listenerPort: number): WeightedClusters {
  const used = routes.length > 1 ? routes.filter((r) => (r.weight ?? 0) > 0) : routes;
  return used.map(({ destination: d, weight }) => {
    const host = fullHost(d.host, rules.namespace, model.config.domain);
    return {
      name: outboundName(destinationPort(model.services.get(host), d.port?.number, listenerPort), d.subset ?? '', host),
      weight: weight || 1,
    };
  });
}

/** The route tables of clients alike: by name, the virtual hosts in order. */
export function planRoutes(model: Model, services: readonly MeshService[], client: Client): ReadonlyMap<string, readonly VirtualHost[]> {
  const tables = new Map<string, VirtualHost[]>();
  const taken = new Map<string, Set<string>>();
  const rest = catchAll(model.config.outboundTrafficPolicy);
  const add = (table: string, host: VirtualHost | undefined): void => {
    if (!host) return;
    const domains = taken.get(table);
    if (!domains) {
      tables.set(table, [host]);
      taken.set(table, new Set(host.domains));
      return;
    }
    // A domain twice would make Envoy refuse the whole table: the older service keeps it.
    if (host.domains.some((d) => domains.has(d))) return;
    for (const d of host.domains) domains.add(d);
    tables.get(table)?.push(host);
  };
  for (const service of services) {
    for (const port of service.ports) {
      if (isHttp(port.protocol)) add(String(port.number), serviceHost(model, service, port, client));
      else if (port.protocol === 'auto') add(`${service.host}:${port.number}`, serviceHost(model, service, port, client));
    }
  }
  for (const [host, rules] of model.virtualServices.ofMesh(client.namespace)) {
    if (model.services.has(host) || host === '*') continue;
    for (const table of tables.keys())
      if (/^\d+$/.test(table)) add(table, ruled(model, rules, client, host, Number(table), soleDomain(host), false));
  }
  for (const hosts of tables.values()) hosts.push(rest);
  return tables;
}

export function serviceHost(model: Model, service: MeshService, port: ServicePort, client: Client): VirtualHost {
  const domains = domainsOf(service, client.namespace);
  const rules = model.virtualServices.ofHost(client.namespace, service.host);
  return (
    (rules && ruled(model, rules, client, service.host, port.number, domains, service.external)) ??
    plainHost(service, port.number, domains, model.destinationRules.of(client.namespace, service))
  );
}

export function ruled(
  model: Model,
  rules: Rules,
  client: Client,
  host: string,
  port: number,
  domains: readonly string[],
  external: boolean,
): VirtualHost | undefined {
  return ruledHost(rules, client, host, port, domains, external, model.config.domain, ...dependencies(model, rules, client.namespace));
}
