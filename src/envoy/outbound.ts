import { imported, isHttp, isLookedUp, memo, type MeshService, type Model, type Rules, type ServicePort } from '../mesh/index.ts';
import { BLACK_HOLE, PASSTHROUGH } from './cluster.ts';
import { common } from './blocks.ts';
import { isFree } from './listener.ts';
import { chainsOf, l4RoutesOf, type L4Route } from './l4-route.ts';
import { catchAll, dependencies, domainsOf, plainHost, ruledHost, soleDomain, type Client, type VirtualHost } from './virtual-host.ts';

/** One filter chain of a port. Plain data: equal ones make equal listeners. */
export interface OutboundChain extends L4Route {
  /** The route table of what turns out to be HTTP. */
  readonly sniff?: string;
  /** The server may be the one to speak first: nobody may wait for bytes of the client. */
  readonly quiet?: true;
}

/** What a sidecar listens for on the way out, before it is made into listeners. */
export interface OutboundPlan {
  /** Ports on which HTTP goes to any address that no chain is for; true when all of it is gRPC. */
  readonly http: ReadonlyMap<number, boolean>;
  /** Of these ports those on which some host is looked up. */
  readonly lookups: ReadonlySet<number>;
  /** By port, those of the oldest service first. */
  readonly chains: ReadonlyMap<number, readonly OutboundChain[]>;
}

export function otherwiseCluster(model: Model, client: Client): string {
  return (client.outboundTrafficPolicy ?? model.config.outboundTrafficPolicy) === 'ALLOW_ANY' ? PASSTHROUGH : BLACK_HOLE;
}

/** On a port that the proxy itself has it can listen for nobody else. */
const freePorts = ({ ports }: MeshService): readonly ServicePort[] => ports.filter((p) => isFree(p.number));

/** Ports on which some service speaks HTTP; true when all of them speak gRPC. */
const httpPorts = memo((services: readonly MeshService[]): ReadonlyMap<number, boolean> => {
  const http = new Map<number, boolean>();
  for (const service of services)
    for (const { protocol, number } of freePorts(service))
      if (isHttp(protocol)) http.set(number, protocol === 'grpc' && (http.get(number) ?? true));
  return http;
});

const lookupPorts = memo(
  (services: readonly MeshService[]): ReadonlySet<number> =>
    new Set(services.flatMap((s) => s.ports.filter((p) => isHttp(p.protocol) && isLookedUp(s, p)).map((p) => p.number))),
);

/** Services of which some port is told apart by its address: most meshes have few. */
const l4Services = memo((services: readonly MeshService[]): readonly MeshService[] =>
  services.filter((s) => s.ports.some((p) => !isHttp(p.protocol) && p.protocol !== 'udp')),
);

/** What clients need to listen for. An address and port belong to the oldest service that claims them. */
export function planOutbound(model: Model, services: readonly MeshService[], client: Client): OutboundPlan {
  const http = httpPorts(services);
  const all = new Map<number, OutboundChain[]>();
  for (const service of l4Services(services)) {
    for (const port of freePorts(service)) {
      if (port.protocol === 'udp' || isHttp(port.protocol)) continue;
      const chains = chainsFor(model, service, port, client, http.has(port.number));
      const known = all.get(port.number);
      if (known) known.push(...chains);
      else if (chains.length) all.set(port.number, [...chains]);
    }
  }
  return { http, lookups: lookupPorts(services), chains: new Map([...all].map(([port, chains]) => [port, chainsOf(chains)])) };
}

/** Chains of one port of a service: by its addresses; TLS to a name without one by SNI; other bytes take the whole port. */
function chainsFor(model: Model, service: MeshService, port: ServicePort, client: Client, httpToo: boolean): readonly OutboundChain[] {
  const addresses = service.addresses.length ? service.addresses : headlessAddresses(model, service, port);
  const marks = {
    ...(port.protocol === 'auto' ? { sniff: `${service.host}:${port.number}` } : {}),
    ...(port.protocol === 'tcp' ? { quiet: true as const } : {}),
    ...(port.protocol === 'tls' && isLookedUp(service, port) ? { names: [service.host] } : {}),
  };
  return l4RoutesOf(model, service, port, client).flatMap((route): OutboundChain[] => {
    if (addresses.length) {
      const subnets = route.subnets ? common(addresses, route.subnets) : addresses;
      return subnets.length ? [{ ...marks, ...route, subnets }] : [];
    }
    if (service.headless) return [];
    if (port.protocol === 'tls') return [{ ...route, names: route.names ?? [service.host] }];
    // What speaks HTTP on the port has no address either: it keeps the port.
    return httpToo ? [] : [{ ...route, ...marks }];
  });
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
    for (const port of freePorts(service)) {
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
