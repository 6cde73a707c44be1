import {
  isFor,
  isLookedUp,
  policyOf,
  selects,
  spokenAs,
  type HostPolicy,
  type MeshService,
  type Policy,
  type Protocol,
  type ServicePort,
} from '../mesh/index.ts';
import { namesToResolve } from './endpoint.ts';
import { ADS, address, any, defined, duration, extension, configMetadata, type Json } from './json.ts';
import { sharesFor, type Whereabouts } from './locality.ts';
import { lookupCluster } from './lookup.ts';
import { METADATA, serviceMetadata } from './metrics.ts';
import { namesByRequest, originateTls } from './originate.ts';
import { ALPN, meshTlsUpstream, rawBuffer } from './tls.ts';

export const PASSTHROUGH = 'PassthroughCluster';
export const BLACK_HOLE = 'BlackHoleCluster';
export const INBOUND_PASSTHROUGH = 'InboundPassthroughCluster';
/** The mark of the proxy's own packets: the redirect lets them pass. */
const MARK = 0x539;
/** Where connections from the proxy to its own application come from: the redirect knows them by it. */
const INBOUND_SOURCE = '127.0.0.6';
const UNLIMITED = 4294967295;

export function outboundName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

export function inboundName(port: number): string {
  return `inbound|${port}||`;
}

/** How the clients of a cluster name it to gateways (SNI). */
export function sniOf(port: number, subset: string, host: string): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}

/** The cluster of that name, where it is one. */
export function clusterOfSni(sni: string): string | undefined {
  const [, port, subset = '', host] = /^outbound_\.(\d+)_\.(.*?)_\.(.+)$/.exec(sni) ?? [];
  return host && outboundName(Number(port), subset, host);
}

/** Puts the mark on sockets (SOL_SOCKET, SO_MARK). */
export const markSocket: Json = { description: 'proxy mark', level: '1', name: '36', int_value: String(MARK), state: 'STATE_PREBIND' };

const noLimits: Json = {
  thresholds: [
    { max_connections: UNLIMITED, max_pending_requests: UNLIMITED, max_requests: UNLIMITED, max_retries: UNLIMITED, track_remaining: true },
  ],
};

function httpOptions(config: Json, common: Json = {}): Json {
  return {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
      ...config,
      ...(Object.keys(common).length ? { common_http_protocol_options: common } : {}),
    }),
  };
}

const HTTP1: Json = { explicit_http_config: { http_protocol_options: {} } };
const BOTH: Json = { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } };

function speaks(protocol: Protocol, http: NonNullable<Policy['connectionPool']>['http']): 'http1' | 'http2' | 'both' | 'tcp' {
  if (protocol === 'http2' || protocol === 'grpc') return 'http2';
  if (protocol === 'http') return http?.useClientProtocol ? 'both' : http?.h2UpgradePolicy === 'UPGRADE' ? 'http2' : 'http1';
  return protocol === 'auto' ? 'both' : 'tcp';
}

function protocolOptions(
  how: ReturnType<typeof speaks>,
  { connectionPool: pool, outlierDetection }: Policy,
  names?: Json,
): Json | undefined {
  if (how === 'tcp') return undefined;
  const { http } = pool ?? {};
  const common = defined({
    idle_timeout: duration(http?.idleTimeout),
    max_requests_per_connection: http?.maxRequestsPerConnection || undefined,
    max_connection_duration: duration(pool?.tcp?.maxConnectionDuration),
  });
  const ping = http?.http2KeepAlive;
  const http2 = defined({
    max_concurrent_streams: http?.maxConcurrentStreams || undefined,
    connection_keepalive: ping ? defined({ interval: duration(ping.interval), timeout: duration(ping.timeout) ?? '20s' }) : undefined,
  });
  const both = Object.keys(http2).length
    ? { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: http2 } }
    : BOTH;
  const spoken = how === 'both' ? both : how === 'http2' ? { explicit_http_config: { http2_protocol_options: http2 } } : HTTP1;
  const errors = outlierDetection?.outlierDetectionHttpErrorCodes ?? [];
  return httpOptions(
    {
      ...spoken,
      ...(names ? { upstream_http_protocol_options: names } : {}),
      ...(errors.length ? { outlier_detection: { error_matcher: statusAmong(errors) } } : {}),
    },
    common,
  );
}

/** A set of matchers wants two at least, so that one status stands alone. */
function statusAmong(codes: readonly number[]): Json {
  const rules = codes.map((code) => ({
    http_response_headers_match: { headers: [{ name: ':status', string_match: { exact: String(code) } }] },
  }));
  return rules.length === 1 ? rules[0]! : { or_match: { rules } };
}

function balancer(policy: Policy): Json {
  const lb = policy.loadBalancer;
  const hash = lb?.consistentHash;
  if (hash?.maglev)
    return { lb_policy: 'MAGLEV', ...(hash.maglev.tableSize ? { maglev_lb_config: { table_size: String(hash.maglev.tableSize) } } : {}) };
  if (hash) {
    const size = hash.ringHash?.minimumRingSize ?? hash.minimumRingSize ?? 1024;
    return { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: String(size) } };
  }
  const warm = duration(lb?.warmup?.duration ?? lb?.warmupDurationSecs);
  const slow = warm
    ? {
        slow_start_config: defined({
          slow_start_window: warm,
          min_weight_percent: { value: lb?.warmup?.minimumPercent ?? 10 },
          aggression:
            lb?.warmup?.aggression === undefined
              ? undefined
              : { default_value: Math.max(1, lb.warmup.aggression), runtime_key: 'upstream.slow_start.aggression' },
        }),
      }
    : undefined;
  switch (lb?.simple) {
    case 'ROUND_ROBIN':
      return { lb_policy: 'ROUND_ROBIN', ...(slow ? { round_robin_lb_config: slow } : {}) };
    case 'RANDOM':
      return { lb_policy: 'RANDOM' };
    case 'PASSTHROUGH':
      return { lb_policy: 'CLUSTER_PROVIDED' };
    default:
      return { lb_policy: 'LEAST_REQUEST', ...(slow ? { least_request_lb_config: slow } : {}) };
  }
}

function limits({ connectionPool: pool, retryBudget: budget }: Policy): Json {
  const { tcp, http } = pool ?? {};
  return {
    thresholds: [
      {
        max_connections: tcp?.maxConnections || UNLIMITED,
        max_pending_requests: http?.http1MaxPendingRequests || UNLIMITED,
        max_requests: http?.http2MaxRequests || UNLIMITED,
        ...(budget
          ? {
              retry_budget: defined({
                budget_percent: { value: budget.percent ?? 20 },
                budget_interval: duration(budget.budgetInterval),
                min_retry_concurrency: budget.minRetryConcurrency ?? 3,
              }),
            }
          : { max_retries: http?.maxRetries || UNLIMITED }),
        track_remaining: true,
      },
    ],
  };
}

function ejection(o: Policy['outlierDetection']): Json {
  if (!o) return {};
  const gateway = o.consecutiveGatewayErrors;
  const five = o.consecutive5xxErrors ?? o.consecutiveErrors;
  return {
    outlier_detection: defined({
      enforcing_success_rate: 0,
      consecutive_5xx: five,
      enforcing_consecutive_5xx: five === 0 ? 0 : undefined,
      consecutive_gateway_failure: gateway,
      enforcing_consecutive_gateway_failure: gateway ? 100 : gateway === 0 ? 0 : undefined,
      interval: duration(o.interval),
      base_ejection_time: duration(o.baseEjectionTime),
      max_ejection_percent: o.maxEjectionPercent,
      split_external_local_origin_errors: o.splitExternalLocalOriginErrors,
      consecutive_local_origin_failure: o.consecutiveLocalOriginFailures,
      enforcing_consecutive_local_origin_failure: o.consecutiveLocalOriginFailures === 0 ? 0 : undefined,
      enforcing_local_origin_success_rate: o.splitExternalLocalOriginErrors ? 0 : undefined,
    }),
  };
}

function keepalive(tcp: NonNullable<Policy['connectionPool']>['tcp']): Json {
  const k = tcp?.tcpKeepalive;
  if (!k) return {};
  const seconds = (text: string | undefined): number | undefined => {
    const d = duration(text);
    return d === undefined ? undefined : Math.round(Number.parseFloat(d)) || undefined;
  };
  return {
    upstream_connection_options: {
      tcp_keepalive: defined({
        keepalive_probes: k.probes || undefined,
        keepalive_time: seconds(k.time),
        keepalive_interval: seconds(k.interval),
      }),
    },
  };
}

interface Target {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly subset: string;
  readonly identities: readonly string[];
  /** Every endpoint stands behind a proxy: for clusters that cannot see endpoint metadata. */
  readonly allMtls: boolean;
  readonly where: Whereabouts;
}

function transport(t: Target, policy: Policy, how: ReturnType<typeof speaks>): Json {
  const { service, port, subset, identities } = t;
  const alpn = how === 'http2' ? ALPN.http2 : how === 'http1' ? ALPN.http : ALPN.tcp;
  const mesh = () =>
    meshTlsUpstream(
      policy.tls?.sni ?? sniOf(port.number, isSpokenAs(subset) ? '' : subset, service.host),
      policy.tls?.subjectAltNames?.length ? policy.tls.subjectAltNames : identities,
      alpn,
    );
  switch (policy.tls?.mode) {
    case 'DISABLE':
      return {};
    case 'ISTIO_MUTUAL':
      return { transport_socket: mesh() };
    case 'SIMPLE':
    case 'MUTUAL':
      return { transport_socket: originateTls(policy.tls, service, how === 'http2' ? ['h2'] : how === 'http1' ? ['http/1.1'] : []) };
  }
  if (service.external) return {};
  if (service.discovery !== 'endpoints') return t.allMtls ? { transport_socket: mesh() } : {};
  return {
    transport_socket_matches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: mesh() },
      { name: 'tlsMode-disabled', match: {}, transport_socket: rawBuffer },
    ],
  };
}

/** Says whose connection it is (PROXY protocol) before anything else. */
function announced(transport: Json, said: Policy['proxyProtocol']): Json {
  if (!said) return transport;
  const wrap = (inner: unknown): Json =>
    extension(
      'envoy.transport_sockets.upstream_proxy_protocol',
      'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
      { config: { version: said.version ?? 'V1' }, transport_socket: inner },
    );
  const matches = transport['transport_socket_matches'] as (Json & { transport_socket: Json })[] | undefined;
  return matches
    ? { transport_socket_matches: matches.map((m) => ({ ...m, transport_socket: wrap(m.transport_socket) })) }
    : { transport_socket: wrap(transport['transport_socket'] ?? rawBuffer) };
}

function discovery(t: Target, name: string, policy: Policy, labels: Readonly<Record<string, string>> | undefined): Json {
  const { service, port } = t;
  const passthrough = policy.loadBalancer?.simple === 'PASSTHROUGH';
  if (!passthrough && isLookedUp(service, port)) return lookupCluster;
  if (passthrough || service.discovery === 'original' || service.discovery === 'dynamic')
    return { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' };
  if (service.discovery === 'endpoints') return { type: 'EDS', eds_cluster_config: { eds_config: ADS, service_name: name } };
  const single = service.discovery === 'dns-single';
  const all = service.dns.filter((l) => isFor(l, port.number) && selects(labels, l.endpoint.labels ?? {}));
  // Envoy takes several names for one endpoint of this kind; only the first was meant.
  const names = single ? all.slice(0, 1) : all;
  return {
    cluster_type: extension('envoy.clusters.dns', 'envoy.extensions.clusters.dns.v3.DnsCluster', {
      dns_refresh_rate: '60s',
      respect_dns_ttl: true,
      dns_lookup_family: 'V4_ONLY',
      // Envoy wants one name then, and refuses none, too.
      all_addresses_in_single_endpoint: single && names.length === 1,
    }),
    load_assignment: namesToResolve(name, names, port, policy, t.where),
  };
}

function outbound(t: Target, rule: HostPolicy | undefined, tls?: Policy['tls']): Json {
  const { service, port, subset } = t;
  const chosen = rule?.subsets.find((s) => s.name === subset);
  const said = policyOf(rule, chosen, port.number);
  const policy = tls ? { ...said, tls } : said;
  const name = outboundName(port.number, subset, service.host);
  const how = speaks(port.protocol, policy.connectionPool?.http);
  const options = protocolOptions(how, policy, namesByRequest(policy.tls, service));
  return {
    name,
    ...balancer(policy),
    ...discovery(t, name, policy, chosen?.labels),
    connect_timeout: duration(policy.connectionPool?.tcp?.connectTimeout) ?? '10s',
    circuit_breakers: policy.connectionPool || policy.retryBudget ? limits(policy) : noLimits,
    ...(options ? { typed_extension_protocol_options: options } : {}),
    ...ejection(policy.outlierDetection),
    common_lb_config: {
      // A panic would send requests to endpoints that were just found bad.
      ...(policy.outlierDetection ? { healthy_panic_threshold: { value: policy.outlierDetection.minHealthPercent ?? 0 } } : {}),
      ...(sharesFor(policy, t.where) ? { locality_weighted_lb_config: {} } : {}),
    },
    ...keepalive(policy.connectionPool?.tcp),
    ...announced(transport(t, policy, how), policy.proxyProtocol),
    metadata: {
      filter_metadata: {
        [METADATA]: serviceMetadata(service),
        ...(rule ? configMetadata({ kind: 'DestinationRule', ...rule }) : {}),
      },
    },
  };
}

/** The clusters of a service: each port, whole and by subset. */
export function clusterNames(
  service: MeshService,
  rule: HostPolicy | undefined,
): readonly { readonly name: string; readonly port: ServicePort; readonly subset: string }[] {
  return service.ports
    .filter((port) => port.protocol !== 'udp')
    .flatMap((port) =>
      ['', ...(rule?.subsets.map((s) => s.name) ?? [])].map((subset) => ({
        name: outboundName(port.number, subset, service.host),
        port,
        subset,
      })),
    );
}

/** By what stands in place of a subset. */
const SPOKEN: ReadonlyMap<string, { protocol: Protocol; tls: boolean }> = new Map([
  [spokenAs('HTTP'), { protocol: 'http', tls: false }],
  [spokenAs('HTTPS'), { protocol: 'http', tls: true }],
  [spokenAs('GRPC'), { protocol: 'grpc', tls: false }],
  [spokenAs('GRPCS'), { protocol: 'grpc', tls: true }],
]);

/** Whether a cluster is spoken to otherwise than its Service says. */
export function isSpokenAs(subset: string): boolean {
  return SPOKEN.has(subset);
}

/** The cluster of a port that is spoken to otherwise than its Service says; TLS, which is for secrecy alone, is not checked. */
export function spokenCluster(target: Target, rule: HostPolicy | undefined): Json {
  const { protocol, tls } = SPOKEN.get(target.subset)!;
  return outbound({ ...target, port: { ...target.port, protocol } }, rule, tls ? { mode: 'SIMPLE', insecureSkipVerify: true } : undefined);
}

/** The cluster as gateways reach it that pass on mTLS unopened: bytes, to endpoints of its own name, which the hub goes by. */
export function passedCluster(target: Target, rule: HostPolicy | undefined): Json {
  const { service, port, subset } = target;
  const bytes = outbound({ ...target, port: { ...port, protocol: 'tcp' } }, rule, { mode: 'DISABLE' });
  const name = sniOf(port.number, subset, service.host);
  const told = bytes['eds_cluster_config'] ? { eds_cluster_config: { eds_config: ADS, service_name: name } } : {};
  return { ...bytes, ...told, name };
}

export function outboundClusters(
  service: MeshService,
  rule: HostPolicy | undefined,
  identities: readonly string[],
  allMtls: boolean,
  where: Whereabouts,
): { name: string; json: Json }[] {
  return clusterNames(service, rule).map(({ name, port, subset }) => ({
    name,
    json: outbound({ service, port, subset, identities, allMtls, where }, rule),
  }));
}

const localSource: Json = {
  upstream_bind_config: { source_address: { address: INBOUND_SOURCE, port_value: 0 }, socket_options: [markSocket] },
};

/** Where the application is: at the address that the client asked for, unless a Sidecar says it. */
function application(name: string, endpoint = ''): Json {
  const asked = { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', ...localSource };
  const at = (there: Json): Json => ({
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: there } }] }] },
  });
  // A socket with a path has no use for an address to call from.
  if (endpoint.startsWith('unix://')) return at(address(endpoint, 0));
  const [, ip = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(endpoint) ?? [];
  if (!port) return asked;
  if (ip === '0.0.0.0' || ip === '::') return { ...asked, original_dst_lb_config: { upstream_port_override: Number(port) } };
  return { ...at(address(ip, Number(port))), ...localSource };
}

/** From the proxy to its own application. */
export function inboundCluster(port: number, protocol: Protocol, pool: Policy['connectionPool'], endpoint?: string): Json {
  const policy = pool ? { connectionPool: pool } : {};
  const options = protocolOptions(speaks(protocol, undefined), policy);
  return {
    name: inboundName(port),
    ...application(inboundName(port), endpoint),
    connect_timeout: duration(pool?.tcp?.connectTimeout) ?? '10s',
    circuit_breakers: pool ? limits(policy) : noLimits,
    ...(options ? { typed_extension_protocol_options: options } : {}),
    ...keepalive(pool?.tcp),
  };
}

function unknownDestination(name: string): Json {
  return { [METADATA]: { service: name, service_name: name, service_namespace: 'unknown' } };
}

/** Clusters every sidecar has. */
export const staticClusters: readonly Json[] = [
  { name: BLACK_HOLE, type: 'STATIC', connect_timeout: '10s', metadata: { filter_metadata: unknownDestination(BLACK_HOLE) } },
  {
    name: PASSTHROUGH,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '10s',
    circuit_breakers: noLimits,
    typed_extension_protocol_options: httpOptions(BOTH),
    metadata: { filter_metadata: unknownDestination(PASSTHROUGH) },
  },
  {
    name: INBOUND_PASSTHROUGH,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '10s',
    circuit_breakers: noLimits,
    typed_extension_protocol_options: httpOptions(BOTH),
    ...localSource,
  },
];
