/** Where bytes go: `tcp` and `tls` rules as filter chains, told apart by what a connection shows before its first byte is read. */
import { isIPv4, isIPv6, type L4Match, type L4RouteDestination } from '../api/index.ts';
import {
  destinationPort,
  fullHost,
  gatewayName,
  isLookedUp,
  policyOf,
  selects,
  type MeshService,
  type Model,
  type Owner,
  type Rules,
  type ServicePort,
} from '../mesh/index.ts';
import { outboundName } from './cluster.ts';
import { configMetadata, type Json } from './json.ts';
import { tcpSettings, type ByteRoute } from './tcp-proxy.ts';
import type { Client } from './virtual-host.ts';

/** One filter chain. Plain data: equal ones make equal listeners. */
export interface L4Route extends ByteRoute {
  /** SNI; absent for any. */
  readonly names?: readonly string[];
  /** Of the address that the client asked for; absent for any. */
  readonly subnets?: readonly string[];
  /** The object that says it; absent for what a service is by itself. */
  readonly owner?: Owner;
}

interface L4Rule {
  readonly match?: readonly (L4Match & { sniHosts?: string[] })[];
  readonly route?: readonly L4RouteDestination[];
  /** Absent: the VirtualService that the rules are of. */
  readonly owner?: Owner;
}

/** By the `tls` rules of the service's VirtualService where the port carries TLS, then by its `tcp` rules, else to itself. */
export function l4RoutesOf(model: Model, service: MeshService, port: ServicePort, client: Client): readonly L4Route[] {
  const rules = model.virtualServices.ofHost(client.namespace, service.host);
  const fits = (m: L4Match): boolean => concernsBytes(m, ['mesh'], port.number, client);
  const itself = l4Clusters(model, client, [{ host: service.host, port: port.number, subset: '', weight: 1 }]);
  if (!rules) return [itself];
  const spoken = [...(port.protocol === 'tls' ? (rules.spec.tls ?? []) : []), ...(rules.spec.tcp ?? [])];
  return chainsOf([...spoken.flatMap((rule) => routesOfRule(model, rules, rule, port.number, client, fits)), itself]);
}

/** One for each match of the rule that can hold for the client. */
export function routesOfRule(
  model: Model,
  rules: Rules,
  rule: L4Rule,
  port: number,
  client: Client,
  fits: (m: L4Match) => boolean,
): readonly L4Route[] {
  const owner = rule.owner ?? { kind: 'VirtualService', namespace: rules.namespace, name: rules.name };
  return matchesOf(rule, fits).map((match) => ({ ...match, ...destinations(model, rules, rule.route ?? [], port, client), owner }));
}

/** On a filter chain: whose it is. */
export function ownerMetadata({ owner }: Pick<L4Route, 'owner'>): Json {
  return owner ? { metadata: { filter_metadata: configMetadata(owner) } } : {};
}

/** Whether the match can hold for this client at this port of these gateways. */
export function concernsBytes(m: L4Match, gateways: readonly string[], port: number, client: Client, namespace = ''): boolean {
  return (
    (!m.port || m.port === port) &&
    (!m.gateways?.length || m.gateways.some((g) => gateways.includes(gatewayName(g, namespace)))) &&
    (!m.sourceNamespace || m.sourceNamespace === client.namespace) &&
    selects(m.sourceLabels, client.labels)
  );
}

/** The matches that can hold for the client, as what a connection must show. */
function matchesOf(rule: L4Rule, fits: (m: L4Match) => boolean): Pick<L4Route, 'names' | 'subnets'>[] {
  if (!rule.match?.length) return [{}];
  return rule.match.filter(fits).flatMap(({ sniHosts, destinationSubnets }) => {
    const names = sniHosts?.filter((n) => /^(\*\.)?[^*]+$/.test(n)).map((n) => n.toLowerCase());
    const subnets = destinationSubnets?.filter(isBlock);
    if (destinationSubnets?.length && !subnets?.length) return [];
    return [{ ...(names?.length && !sniHosts?.includes('*') ? { names } : {}), ...(subnets?.length ? { subnets } : {}) }];
  });
}

function isBlock(text: string): boolean {
  const [address = '', length] = text.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return bits > 0 && (length === undefined || (/^\d+$/.test(length) && Number(length) <= bits));
}

/** What one filter chain of a listener takes: SNI (none: any) and address (likewise). */
export const taking = (name: string, subnet = ''): string => `${name} ${subnet}`;

/**
 * In order; two chains that one connection could take would make Envoy refuse the listener, so the first keeps it, be it among
 * these or one that has added to `taken` before.
 */
export function chainsOf<R extends L4Route>(routes: readonly R[], taken: Set<string> = new Set()): readonly R[] {
  const chains: R[] = [];
  for (const route of routes) {
    if (!route.clusters.length) continue;
    for (const { names, subnets } of free(route, taken)) {
      for (const name of names) for (const subnet of subnets) taken.add(taking(name, subnet));
      chains.push({ ...route, ...(route.names ? { names } : {}), ...(route.subnets ? { subnets } : {}) });
    }
  }
  return chains;
}

/** Of the route what nobody has taken: whole names, and under those that are free in part the addresses that are. */
function free(route: L4Route, taken: ReadonlySet<string>): { names: readonly string[]; subnets: readonly string[] }[] {
  const names = route.names ?? [''];
  const subnets = route.subnets ?? [''];
  const left = (name: string): readonly string[] => subnets.filter((s) => !taken.has(taking(name, s)));
  const whole = names.filter((n) => left(n).length === subnets.length);
  const parts = names.filter((n) => left(n).length > 0 && left(n).length < subnets.length);
  return [...(whole.length ? [{ names: whole, subnets }] : []), ...parts.map((n) => ({ names: [n], subnets: left(n) }))];
}

/** Weighted destinations of a `tcp` or `tls` rule as clusters, and how connections to them are held. */
function destinations(model: Model, rules: Rules, routes: readonly L4RouteDestination[], listenerPort: number, client: Client): ByteRoute {
  const used = routes.length > 1 ? routes.filter((r) => (r.weight ?? 0) > 0) : routes;
  return l4Clusters(
    model,
    client,
    used.map(({ destination: d, weight }) => {
      const host = fullHost(d.host, rules.namespace, model.config.domain);
      const port = destinationPort(model.services.get(host), d.port?.number, listenerPort);
      return { host, port, subset: d.subset ?? '', weight: weight || 1 };
    }),
  );
}

function l4Clusters(
  model: Model,
  client: Client,
  all: readonly { readonly host: string; readonly port: number; readonly subset: string; readonly weight: number }[],
): ByteRoute {
  const clusters = all.map(({ host, port, subset, weight }) => ({ name: outboundName(port, subset, host), weight }));
  const [first] = all;
  const service = first && model.services.get(first.host);
  const rule = service && model.destinationRules.of(client.namespace, service, client.labels);
  // One connection, one set of timers: the first destination says which.
  const settings =
    rule &&
    tcpSettings(
      policyOf(
        rule,
        rule.subsets.find((s) => s.name === first.subset),
        first.port,
      ),
    );
  const port = service?.ports.find((p) => p.number === first?.port);
  const lookup = service && port && isLookedUp(service, port) ? (typeof port.target === 'number' ? port.target : port.number) : undefined;
  return { clusters, ...(settings ? { settings } : {}), ...(lookup ? { lookup } : {}) };
}
