import type { Reporter } from '../mesh/index.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { address, defined, type Json } from './json.ts';
import { sayPeer, splitMetrics } from './metrics.ts';
import { ownerMetadata, type L4Route } from './l4-route.ts';
import type { OutboundChain } from './outbound.ts';
import { clientReports, tracingOf } from './reports.ts';
import { badRequests } from './request-log.ts';
import { byteFilters, tcpProxy, type ByteRoute } from './tcp-proxy.ts';
import { httpInspector, originalDst, tlsInspector } from './tls.ts';

export const OUTBOUND_PORT = 15001;
export const INBOUND_PORT = 15006;
export const HEALTH_PORT = 15021;
export const METRICS_PORT = 15090;
const OWN_PORTS: ReadonlySet<number> = new Set([OUTBOUND_PORT, INBOUND_PORT, HEALTH_PORT, METRICS_PORT]);

/** Whether the proxy does not listen there for itself: Envoy refuses two listeners at one address, whoever is bound. */
export const isFree = (port: number): boolean => !OWN_PORTS.has(port);

/** How long the inspectors wait for first bytes before the connection is taken as it is; a server may be the one to speak first. */
export const INSPECT_TIMEOUT = '5s';

/** ALPN that the HTTP inspector gives to plain connections. */
export const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

/** HTTP that the workload's application sends, by the route table of that name. */
export function outboundHttp(own: Reporter, routes: string, grpc: boolean, lookup = false): Json {
  return httpConnectionManager({
    side: 'outbound',
    statPrefix: `outbound_${routes}`,
    routes,
    filters: [sayPeer(own)],
    lookup,
    accessLog: [...clientReports(own, grpc ? 'grpc' : 'http'), ...splitMetrics(), badRequests()],
    tracing: tracingOf(own, 'client'),
  });
}

/** Bytes that the workload's application sends. */
export function outboundTcp(own: Reporter, route: ByteRoute): Json[] {
  return byteFilters(route, clientReports(own, 'tcp'));
}

/** Which connections of a listener are meant. */
export function chainMatch({ names, subnets }: Pick<L4Route, 'names' | 'subnets'>): Json {
  const match = defined({ server_names: names, prefix_ranges: subnets?.map(prefixRange) });
  return Object.keys(match).length ? { filter_chain_match: match } : {};
}

function prefixRange(block: string): Json {
  const [address = '', length] = block.split('/');
  return { address_prefix: address, prefix_len: length === undefined ? (address.includes(':') ? 128 : 32) : Number(length) };
}

function captured(name: string, ip: string, port: number, rest: Json): Json {
  return {
    name,
    address: address(ip, port),
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    continue_on_listener_filters_timeout: true,
    ...rest,
  };
}

/**
 * All that applications send to one port: by address and by what a connection shows, HTTP to any other address, and what nobody
 * declared. Inspectors wait for the client's first bytes: where there are some, servers that speak first have listeners of their own.
 */
export function portListeners(
  own: Reporter,
  port: number,
  chains: readonly OutboundChain[],
  http: 'http' | 'grpc' | undefined,
  otherwise: string,
  lookup = false,
): Json[] {
  const inspected = chains.some((c) => c.names || c.sniff);
  const alone = (c: OutboundChain): readonly string[] => (inspected && c.quiet ? (c.subnets ?? []).filter((s) => !s.includes('/')) : []);
  const shared = chains.flatMap((c): OutboundChain[] => {
    const apart = alone(c);
    const subnets = c.subnets?.filter((s) => !apart.includes(s));
    return !apart.length ? [c] : subnets?.length ? [{ ...c, subnets }] : [];
  });
  const rest = http
    ? [outboundHttp(own, String(port), http === 'grpc', lookup)]
    : outboundTcp(own, { clusters: [{ name: otherwise, weight: 1 }] });
  const filters = [...(shared.some((c) => c.names) ? [tlsInspector] : []), ...(shared.some((c) => c.sniff) ? [httpInspector] : [])];
  return [
    ...(shared.length || http
      ? [
          captured(`0.0.0.0_${port}`, '0.0.0.0', port, {
            ...(filters.length ? { listener_filters: filters, listener_filters_timeout: INSPECT_TIMEOUT } : {}),
            ...(shared.length
              ? { filter_chains: shared.flatMap((c) => outboundChains(own, c)), default_filter_chain: { filters: rest } }
              : { filter_chains: [{ filters: rest }] }),
          }),
        ]
      : []),
    ...chains.flatMap((c) =>
      alone(c).map((ip) => captured(`${ip}_${port}`, ip, port, { filter_chains: [{ ...ownerMetadata(c), filters: outboundTcp(own, c) }] })),
    ),
  ];
}

/** The chain, and before it one for what looks like HTTP where nobody said what it is. */
function outboundChains(own: Reporter, chain: OutboundChain): Json[] {
  const match = chainMatch(chain);
  const bytes = { ...match, ...ownerMetadata(chain), filters: outboundTcp(own, chain) };
  if (!chain.sniff) return [bytes];
  const http = { ...(match['filter_chain_match'] as Json | undefined), application_protocols: PLAIN_HTTP };
  return [{ filter_chain_match: http, filters: [outboundHttp(own, chain.sniff, false)] }, bytes];
}

/** Where the redirect leads all that applications send: handed to the listener of its destination, else let through or dropped. */
export function virtualOutbound(own: Reporter, otherwise: string): Json {
  return {
    name: 'virtualOutbound',
    address: address('0.0.0.0', OUTBOUND_PORT),
    use_original_dst: true,
    traffic_direction: 'OUTBOUND',
    filter_chains: [
      {
        name: 'virtualOutbound-blackhole',
        filter_chain_match: { destination_port: OUTBOUND_PORT },
        filters: [tcpProxy({ clusters: [] }, [])],
      },
      { name: 'virtualOutbound-catchall-tcp', filters: outboundTcp(own, { clusters: [{ name: otherwise, weight: 1 }] }) },
    ],
  };
}

/** Where the redirect leads all that comes in; `chains` decide by port and by what the connection looks like. */
export function virtualInbound(chains: readonly Json[], sniffedPorts: readonly number[]): Json {
  const ranges = sniffedPorts.map((p) => ({ destination_port_range: { start: p, end: p + 1 } }));
  const [only, ...more] = ranges;
  return defined({
    name: 'virtualInbound',
    address: address('0.0.0.0', INBOUND_PORT),
    traffic_direction: 'INBOUND',
    listener_filters: [
      originalDst,
      tlsInspector,
      ...(only ? [{ ...httpInspector, filter_disabled: { not_match: more.length ? { or_match: { rules: ranges } } : only } }] : []),
    ],
    listener_filters_timeout: INSPECT_TIMEOUT,
    continue_on_listener_filters_timeout: true,
    filter_chains: chains,
  });
}
