import type { MeshService, Workload } from '../mesh/index.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { address, defined, type Json } from './json.ts';
import { clientTags, httpMetrics, sayPeer, splitMetrics, tcpMetrics } from './metrics.ts';
import type { L4Route } from './l4-route.ts';
import { tcpProxy, type ByteRoute } from './tcp-proxy.ts';
import { httpInspector, originalDst, tlsInspector } from './tls.ts';

export const OUTBOUND_PORT = 15001;
export const INBOUND_PORT = 15006;
/** How long the inspectors wait for first bytes before the connection is taken as it is; a server may be the one to speak first. */
export const INSPECT_TIMEOUT = '5s';

/** ALPN that the HTTP inspector gives to plain connections. */
export const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

/** HTTP that the workload's application sends, by the route table of that name. */
export function outboundHttp(own: Workload, routes: string, grpc: boolean): Json {
  return httpConnectionManager({
    side: 'outbound',
    statPrefix: `outbound_${routes}`,
    routes,
    filters: [sayPeer(own)],
    accessLog: [...httpMetrics(clientTags(own, grpc ? 'grpc' : 'http'), grpc), ...splitMetrics()],
  });
}

/** Bytes that the workload's application sends. */
export function outboundTcp(own: Workload, route: ByteRoute): Json {
  return tcpProxy(route, tcpMetrics(clientTags(own, 'tcp')));
}

function byteChains(own: Workload, routes: readonly L4Route[]): Json[] {
  return routes.map((route) => ({ ...chainMatch(route), filters: [outboundTcp(own, route)] }));
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

/** All HTTP that applications send to one port, whatever the address. */
export function httpListener(own: Workload, port: number, grpc: boolean): Json {
  return captured(`0.0.0.0_${port}`, '0.0.0.0', port, { filter_chains: [{ filters: [outboundHttp(own, String(port), grpc)] }] });
}

/** What is sent to one address and port, as bytes. */
export function tcpListener(own: Workload, ip: string, port: number, routes: readonly L4Route[]): Json {
  return captured(`${ip}_${port}`, ip, port, {
    ...(routes.some((r) => r.names) ? { listener_filters: [tlsInspector], listener_filters_timeout: INSPECT_TIMEOUT } : {}),
    filter_chains: byteChains(own, routes),
  });
}

/** A service that did not say what it speaks: HTTP if it looks like it, else bytes. */
export function sniffingListener(own: Workload, service: MeshService, ip: string, port: number, routes: readonly L4Route[]): Json {
  return captured(`${ip}_${port}`, ip, port, {
    listener_filters: [httpInspector],
    listener_filters_timeout: INSPECT_TIMEOUT,
    filter_chains: [
      { filter_chain_match: { application_protocols: PLAIN_HTTP }, filters: [outboundHttp(own, `${service.host}:${port}`, false)] },
      ...byteChains(own, routes),
    ],
  });
}

/** TLS that applications send to services that have a name and no address: told apart by SNI. */
export function sniListener(own: Workload, port: number, routes: readonly L4Route[], otherwise: string): Json {
  return captured(`0.0.0.0_${port}`, '0.0.0.0', port, {
    listener_filters: [tlsInspector],
    listener_filters_timeout: INSPECT_TIMEOUT,
    filter_chains: byteChains(own, routes),
    default_filter_chain: { filters: [outboundTcp(own, { clusters: [{ name: otherwise, weight: 1 }] })] },
  });
}

/** Where the redirect leads all that applications send: handed to the listener of its destination, else let through or dropped. */
export function virtualOutbound(own: Workload, otherwise: string): Json {
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
      { name: 'virtualOutbound-catchall-tcp', filters: [outboundTcp(own, { clusters: [{ name: otherwise, weight: 1 }] })] },
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
