import type { Capture } from './types.ts';
import { GATEWAY, ipv4Bytes, LOOPBACK, parseCidr } from './addresses.ts';
import { be16, u8 } from './message.ts';
import { compare, header, linkBytes, load, markBytes, mask, meta, R0, redirect, verdict, type Rule, type Table } from './nftables.ts';

/** Where the sidecar listens, and how it marks its own packets. */
export const OUTBOUND_PORT = 15001;
export const INBOUND_PORT = 15006;
export const PROXY_MARK = 0x539;

/** The sidecar's admin, telemetry, health and metrics ports, and ssh. */
const NEVER_INBOUND = [15000, 15020, 15021, 15090, 22];
/** The source of connections from the sidecar to its own application; they must not come back to it. */
const INBOUND_SOURCE = '127.0.0.6';

const TCP = [meta('protocol', R0), compare(R0, 'eq', u8(6))];
const PASS = verdict('return');

const overLoopback = [meta('outLink', R0), compare(R0, 'eq', linkBytes(LOOPBACK))];
const byProxy = [meta('mark', R0), compare(R0, 'eq', markBytes(PROXY_MARK))];
const notByProxy = [meta('mark', R0), compare(R0, 'ne', markBytes(PROXY_MARK))];
const from = (ip: string): Rule => [header('source', R0), compare(R0, 'eq', ipv4Bytes(ip))];
const port = (n: number): Rule => [...TCP, header('destinationPort', R0), compare(R0, 'eq', be16(n))];
const capture = (n: number): Rule => [...TCP, load(R0, be16(n)), redirect(R0)];

function within(cidr: string): Rule {
  const range = parseCidr(cidr);
  return [header('destination', R0), mask(R0, range.mask), compare(R0, 'eq', range.address)];
}

/**
 * The rules of a pod with a sidecar, with the meaning of Istio's (the proxy is known by its mark where Istio takes its user
 * id). Throws `Fault` on an address range that is none.
 */
export function captureTable(wanted: Capture): Table {
  const { includeInboundPorts: entering, includeOutboundCidrs: leading } = wanted;
  return {
    name: 'sluice-capture',
    sets: [],
    chains: [
      {
        name: 'inbound',
        hook: { type: 'nat', at: 'prerouting', priority: -100 },
        rules: [
          // Probes come from the gateway's address and must pass where mutual TLS is required.
          [...from(GATEWAY), PASS],
          ...[...NEVER_INBOUND, ...wanted.excludeInboundPorts].map((n) => [...port(n), PASS]),
          ...(entering ? entering.map((n) => [...port(n), ...capture(INBOUND_PORT)]) : [capture(INBOUND_PORT)]),
        ],
      },
      {
        name: 'outbound',
        hook: { type: 'nat', at: 'output', priority: -100 },
        rules: [
          [...from(INBOUND_SOURCE), ...overLoopback, PASS],
          // The proxy chose this very pod as the service's endpoint: enter as from anywhere else, by the inbound side.
          [...overLoopback, ...byProxy, header('destination', R0), compare(R0, 'ne', ipv4Bytes('127.0.0.1')), ...capture(INBOUND_PORT)],
          // The application speaks to itself.
          [...overLoopback, ...notByProxy, PASS],
          [...byProxy, PASS],
          [...within('127.0.0.0/8'), PASS],
          ...wanted.excludeOutboundPorts.map((n) => [...port(n), PASS]),
          ...wanted.excludeOutboundCidrs.map((c) => [...within(c), PASS]),
          ...wanted.includeOutboundPorts.map((n) => [...port(n), ...capture(OUTBOUND_PORT)]),
          ...(leading ? leading.map((c) => [...within(c), ...capture(OUTBOUND_PORT)]) : [capture(OUTBOUND_PORT)]),
        ],
      },
    ],
  };
}
