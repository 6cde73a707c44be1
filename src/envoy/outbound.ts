import { imported, isHttp, memo, type MeshService, type Model, type Rules, type ServicePort } from '../mesh/index.ts';
import { BLACK_HOLE, PASSTHROUGH } from './cluster.ts';
import { chainsOf, l4RoutesOf, type L4Route } from './l4-route.ts';
import { catchAll, dependencies, domainsOf, plainHost, ruledHost, soleDomain, type Client, type VirtualHost } from './virtual-host.ts';

/** What a sidecar listens for on the way out, before it is made into listeners. */
export interface OutboundPlan {
  /** Ports on which HTTP goes to any address; true when all of it is gRPC. */
  readonly http: ReadonlyMap<number, boolean>;
  readonly tcp: readonly {
    readonly ip: string;
    readonly port: number;
    readonly routes: readonly L4Route[];
    readonly sniff?: MeshService;
  }[];
  readonly sni: ReadonlyMap<number, readonly L4Route[]>;
}

export function otherwiseCluster(model: Model, client: Client): string {
  return (client.outboundTrafficPolicy ?? model.config.outboundTrafficPolicy) === 'ALLOW_ANY' ? PASSTHROUGH : BLACK_HOLE;
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
  const sni = new Map<number, L4Route[]>();
  for (const service of l4Services(services)) {
    for (const port of service.ports) {
      if (port.protocol === 'udp' || isHttp(port.protocol)) continue;
      const routes = l4RoutesOf(model, service, port, client);
      const addresses = service.addresses.length ? service.addresses : headlessAddresses(model, service, port);
      for (const ip of addresses) {
        const key = `${ip}_${port.number}`;
        if (!tcp.has(key)) tcp.set(key, { ip, port: port.number, routes, ...(port.protocol === 'auto' ? { sniff: service } : {}) });
      }
      if (!addresses.length && port.protocol === 'tls') {
        const named = routes.map((r) => ({ ...r, names: r.names ?? [service.host] }));
        sni.set(port.number, [...(sni.get(port.number) ?? []), ...named]);
      }
    }
  }
  // One listener a port: HTTP keeps it, and TLS to nameless addresses then goes through as it is.
  for (const port of http.keys()) sni.delete(port);
  return { http, tcp: [...tcp.values()], sni: new Map([...sni].map(([port, routes]) => [port, chainsOf(routes)])) };
}

/** Clients of a headless service call its pods by address. */
function headlessAddresses(model: Model, service: MeshService, port: ServicePort): readonly string[] {
  if (!service.headless) return [];
  return (model.endpoints.get(service.host)?.ports[port.number] ?? []).filter((e) => e.port === port.number).map((e) => e.address);
}

/** The route tables of clients alike: by name, the virtual hosts in order. */
export function planRoutes(model: Model, services: readonly MeshService[], client: Client): ReadonlyMap<string, readonly VirtualHost[]> {
  const tables = new Map<string, VirtualHost[]>();
  const taken = new Map<string, Set<string>>();
  const rest = catchAll(client.outboundTrafficPolicy ?? model.config.outboundTrafficPolicy);
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
    if (model.services.has(host) || host === '*' || !imported(client.imports, rules.namespace, host)) continue;
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
    plainHost(service, port.number, domains, model.destinationRules.of(client.namespace, service, client.labels))
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
  return ruledHost(rules, client, host, port, domains, external, model.config.domain, ...dependencies(model, rules, client));
}
