import {
  isHttp,
  type EffectiveMode,
  type Guard,
  type MeshService,
  type OwnPort,
  type Protocol,
  type Reporter,
  type ServicePort,
} from '../mesh/index.ts';
import { authorizationFilters } from './authorization.ts';
import { INBOUND_PASSTHROUGH, inboundName } from './cluster.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import type { Json } from './json.ts';
import { jwtFilter } from './jwt.ts';
import { INBOUND_PORT, PLAIN_HTTP } from './listener.ts';
import { learnPeer } from './metrics.ts';
import { serverReports, tracingOf } from './reports.ts';
import { inboundRoute } from './route.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { HTTP_ALPN, MESH_ALPN, meshTlsDownstream } from './tls.ts';

/** A container port that some service leads to, or that the workload's Sidecar names. */
export interface InboundPort {
  readonly number: number;
  readonly protocol: Protocol;
  /** As whom it is reported. */
  readonly service: Pick<MeshService, 'host' | 'name' | 'namespace'>;
  readonly mode: EffectiveMode;
  /** Where the application is; absent: at the port itself. */
  readonly endpoint?: string;
}

/**
 * The container ports behind the services that select a workload. When two services share one, the older says what it speaks.
 * `named` finds the number of a container port by its name.
 */
export function inboundPorts(
  services: Iterable<MeshService>,
  named: (name: string) => number | undefined,
  mode: (port: number) => EffectiveMode,
): InboundPort[] {
  const ports = new Map<number, InboundPort>();
  for (const service of services) {
    for (const port of service.ports) {
      const number = targetOf(port, named);
      if (number === undefined || port.protocol === 'udp' || ports.has(number)) continue;
      ports.set(number, { number, protocol: port.protocol, service, mode: mode(number) });
    }
  }
  return [...ports.values()].sort((a, b) => a.number - b.number);
}

/** The ports that a Sidecar names in place of those of services, which are known by these as far as they lead to the same. */
export function sidecarPorts(
  own: readonly OwnPort[],
  ofServices: readonly InboundPort[],
  workload: InboundPort['service'],
  mode: (port: number) => EffectiveMode,
): InboundPort[] {
  return own.map((port) => {
    const { service } = ofServices.find((p) => p.number === port.number) ?? { service: workload };
    return { ...port, service, mode: mode(port.number) };
  });
}

function targetOf(port: ServicePort, named: (name: string) => number | undefined): number | undefined {
  if (port.target === undefined) return port.number;
  if (typeof port.target === 'number') return port.target;
  return /^\d+$/.test(port.target) ? Number(port.target) : named(port.target);
}

/** The filter chains of one port: mTLS from the mesh, plain text and foreign TLS where the mode lets them in. */
export function inboundChains(own: Reporter, port: InboundPort, guard: Guard, trustDomain: string): Json[] {
  const { number, protocol, mode } = port;
  const http = (mtls: boolean): Json[] => [inboundHttp(own, port, guard, mtls)];
  const tcp = (mtls: boolean): Json[] => [...authorizationFilters(guard, 'tcp'), inboundTcp(own, port, mtls)];
  const chain = (kind: string, match: Json, filters: readonly Json[], mtls: boolean): Json => ({
    name: `${inboundName(number)} ${kind}`,
    filter_chain_match: { destination_port: number, ...match },
    filters,
    ...(mtls ? { transport_socket: meshTlsDownstream(trustDomain) } : {}),
  });
  const chains: Json[] = [];
  if (mode !== 'DISABLE') {
    if (protocol === 'auto') {
      chains.push(chain('mtls http', { transport_protocol: 'tls', application_protocols: HTTP_ALPN }, http(true), true));
      chains.push(chain('mtls', { transport_protocol: 'tls', application_protocols: ['istio', 'istio-peer-exchange'] }, tcp(true), true));
    } else {
      const filters = isHttp(protocol) ? http(true) : tcp(true);
      chains.push(chain('mtls', { transport_protocol: 'tls', application_protocols: MESH_ALPN }, filters, true));
    }
  }
  if (mode !== 'STRICT') {
    if (protocol === 'auto') {
      chains.push(chain('http', { transport_protocol: 'raw_buffer', application_protocols: PLAIN_HTTP }, http(false), false));
    }
    const plain = isHttp(protocol) ? http(false) : tcp(false);
    chains.push(chain('plain', { transport_protocol: 'raw_buffer' }, plain, false));
    chains.push(chain('foreign tls', { transport_protocol: 'tls' }, tcp(false), false));
  }
  return chains;
}

/** What comes in on ports nobody declared, and the guard against a proxy that calls itself. */
export function catchAllChains(mode: EffectiveMode, guard: Guard, trustDomain: string): Json[] {
  const filters = [...authorizationFilters(guard, 'tcp'), tcpProxy({ clusters: [{ name: INBOUND_PASSTHROUGH, weight: 1 }] }, [])];
  return [
    { name: 'virtualInbound-blackhole', filter_chain_match: { destination_port: INBOUND_PORT }, filters: [tcpProxy({ clusters: [] }, [])] },
    ...(mode === 'DISABLE'
      ? []
      : [
          {
            name: 'virtualInbound mtls',
            filter_chain_match: { transport_protocol: 'tls', application_protocols: MESH_ALPN },
            filters,
            transport_socket: meshTlsDownstream(trustDomain),
          },
        ]),
    ...(mode === 'STRICT' ? [] : [{ name: 'virtualInbound', filter_chain_match: {}, filters }]),
  ];
}

function inboundHttp(own: Reporter, port: InboundPort, guard: Guard, mtls: boolean): Json {
  const grpc = port.protocol === 'grpc';
  const cluster = inboundName(port.number);
  return httpConnectionManager({
    side: 'inbound',
    statPrefix: `inbound_${port.number}`,
    routes: {
      name: cluster,
      validate_clusters: false,
      virtual_hosts: [{ name: `inbound|http|${port.number}`, domains: ['*'], routes: [inboundRoute(cluster, grpc)] }],
    },
    // Who asks is learnt first, so that refused requests are counted with it.
    filters: [learnPeer(mtls), ...authorizationFilters(guard, 'http', jwtFilter(guard.jwtRules))],
    accessLog: serverReports(own, port.service, grpc ? 'grpc' : 'http', mtls),
    tracing: tracingOf(own, 'server'),
  });
}

function inboundTcp(own: Reporter, port: InboundPort, mtls: boolean): Json {
  return tcpProxy({ clusters: [{ name: inboundName(port.number), weight: 1 }] }, serverReports(own, port.service, 'tcp', mtls));
}
