import { UNKNOWN, type MeshService, type MetricChange, type Workload } from '../mesh/index.ts';
import { any, extension, type Json } from './json.ts';

/** Where endpoints and clusters carry what the client's metrics say of the destination. */
export const METADATA = 'mesh';
/** The request header by which a client's proxy says who it is; servers take it off, and believe it only under mTLS. */
export const PEER_HEADER = 'x-mesh-peer';
const PEER_METADATA = 'mesh.peer';

type Tag = { readonly name: string; readonly value: string; /** May come out empty: then `unknown`. */ readonly maybe?: true };

/** A rule of a tag: what happens where its value is so. */
function rule(predicate: Json, name: string, transform: Json): Json {
  const action = extension(name, 'envoy.extensions.matching.actions.transform_stat.v3.TransformStat', transform);
  return { matcher_list: { matchers: [{ predicate, on_match: { action } }] } };
}

function valueIs(value_match: Json): Json {
  const input = extension('value', 'envoy.extensions.matching.common_inputs.stats.v3.StatTagValueInput');
  return { single_predicate: { input, value_match } };
}

/** A rule of a tag whose value is this, or none of these (words): it becomes `value`. */
export function when(found: { readonly is: string } | { readonly not: readonly string[] }, value: string): Json {
  const predicate =
    'is' in found ? valueIs({ exact: found.is }) : { not_matcher: valueIs({ safe_regex: { google_re2: {}, regex: found.not.join('|') } }) };
  return rule(predicate, 'instead', { update_tag: { new_tag_value: value } });
}

const whenEmptyUnknown = rule(valueIs({ exact: '' }), 'unknown', { update_tag: { new_tag_value: UNKNOWN } });
/** The request is not counted where this tag has no value. */
export const whenEmptyUncounted = rule(valueIs({ exact: '' }), 'uncounted', { drop_stat: {} });

function literal(name: string, value: string): Tag {
  return { name, value: value.replaceAll('%', '%%') };
}

function formatted(name: string, value: string): Tag {
  return { name, value, maybe: true };
}

/** The labels of one side: `source_*` or `destination_*`. */
function side(prefix: string, of: (field: keyof Workload) => string, make: (name: string, value: string) => Tag): Tag[] {
  return [
    make(`${prefix}_workload`, of('name')),
    make(`${prefix}_workload_namespace`, of('namespace')),
    make(`${prefix}_app`, of('app')),
    make(`${prefix}_version`, of('version')),
    make(`${prefix}_canonical_service`, of('canonicalName')),
    make(`${prefix}_canonical_revision`, of('canonicalRevision')),
  ];
}

/** As `METADATA` of an endpoint. */
export function workloadMetadata(w: Workload): Json {
  return {
    name: w.name,
    namespace: w.namespace,
    app: w.app,
    version: w.version,
    canonicalName: w.canonicalName,
    canonicalRevision: w.canonicalRevision,
  };
}

/** As `METADATA` of a cluster. */
export function serviceMetadata(service: Pick<MeshService, 'host' | 'name' | 'namespace'>): Json {
  return { service: service.host, service_name: service.name, service_namespace: service.namespace };
}

/** How the proxy of a workload counts what it sends out. */
export function clientTags(own: Workload, protocol: string): readonly Tag[] {
  return [
    literal('reporter', 'source'),
    ...side('source', (f) => own[f], literal),
    formatted('source_principal', '%UPSTREAM_LOCAL_URI_SAN%'),
    ...side('destination', (f) => `%UPSTREAM_METADATA(${METADATA}:${f})%`, formatted),
    formatted('destination_principal', '%UPSTREAM_PEER_URI_SAN%'),
    formatted('destination_service', `%CLUSTER_METADATA(${METADATA}:service)%`),
    formatted('destination_service_name', `%CLUSTER_METADATA(${METADATA}:service_name)%`),
    formatted('destination_service_namespace', `%CLUSTER_METADATA(${METADATA}:service_namespace)%`),
    literal('request_protocol', protocol),
    // Istio's sidecars do not know it on the client's side either, and dashboards count on that.
    literal('connection_security_policy', UNKNOWN),
  ];
}

/** How the proxy of a workload counts what comes in; who sent it is known under mTLS only. */
export function serverTags(
  own: Workload,
  service: Pick<MeshService, 'host' | 'name' | 'namespace'>,
  protocol: string,
  mtls: boolean,
): readonly Tag[] {
  const peer =
    mtls && protocol !== 'tcp'
      ? side('source', (f) => `%DYNAMIC_METADATA(${PEER_METADATA}:${f})%`, formatted)
      : side('source', () => UNKNOWN, literal);
  return [
    literal('reporter', 'destination'),
    ...peer,
    mtls ? formatted('source_principal', '%DOWNSTREAM_PEER_URI_SAN%') : literal('source_principal', UNKNOWN),
    ...side('destination', (f) => own[f], literal),
    mtls ? formatted('destination_principal', '%DOWNSTREAM_LOCAL_URI_SAN%') : literal('destination_principal', UNKNOWN),
    literal('destination_service', service.host),
    literal('destination_service_name', service.name),
    literal('destination_service_namespace', service.namespace),
    literal('request_protocol', protocol),
    literal('connection_security_policy', mtls ? 'mutual_tls' : 'none'),
  ];
}

/** What is other than usual, by Istio's names of metrics. */
export type MetricChanges = Readonly<Record<string, MetricChange>>;

const NAMES: Readonly<Record<string, string>> = {
  requests_total: 'REQUEST_COUNT',
  request_duration_milliseconds: 'REQUEST_DURATION',
  tcp_connections_opened_total: 'TCP_OPENED_CONNECTIONS',
  tcp_connections_closed_total: 'TCP_CLOSED_CONNECTIONS',
  tcp_sent_bytes_total: 'TCP_SENT_BYTES',
  tcp_received_bytes_total: 'TCP_RECEIVED_BYTES',
};

/** The statistic with what users changed of its labels; none where they do not want it. */
function wanted(name: string, tags: readonly Tag[], changes: MetricChanges): Json[] {
  const { disabled, tags: own = {} } = changes[NAMES[name]!] ?? {};
  if (disabled) return [];
  const more = Object.entries(own).flatMap(([label, value]) => (value === null ? [] : [formatted(label, `%CEL(${value})%`)]));
  return [stat(name, [...tags.filter((t) => !Object.hasOwn(own, t.name)), ...more])];
}

function stat(name: string, tags: readonly Tag[]): Json {
  return {
    name,
    tags: tags.map((t) => ({ name: t.name, value_format: t.value, ...(t.maybe ? { rules: whenEmptyUnknown } : {}) })),
  };
}

interface Counting {
  /** What names begin with. */
  readonly prefix?: string;
  readonly counters?: readonly Json[];
  readonly histograms?: readonly Json[];
}

/** Counts as configured; no logger where nothing is left to count. */
export function statsLogger({ prefix = 'istio', counters = [], histograms = [] }: Counting): Json[] {
  if (!counters.length && !histograms.length) return [];
  return [
    extension('envoy.access_loggers.stats', 'envoy.extensions.access_loggers.stats.v3.Config', {
      stats_scope: { prefix },
      ...(counters.length ? { counters } : {}),
      ...(histograms.length ? { histograms } : {}),
    }),
  ];
}

/** `istio_requests_total` and `istio_request_duration_milliseconds`, counted by Envoy at the end of each request. */
export function httpMetrics(tags: readonly Tag[], grpc: boolean, changes: MetricChanges = {}): Json[] {
  const all = [
    ...tags,
    { name: 'response_code', value: '%RESPONSE_CODE%' },
    { name: 'response_flags', value: '%RESPONSE_FLAGS%' },
    ...(grpc ? [{ name: 'grpc_response_status', value: '%GRPC_STATUS_NUMBER%' }] : []),
  ];
  return statsLogger({
    counters: wanted('requests_total', all, changes).map((s) => ({ stat: s, value_fixed: '1' })),
    histograms: wanted('request_duration_milliseconds', all, changes).map((s) => ({
      stat: s,
      unit: 'Milliseconds',
      value_format: '%DURATION%',
    })),
  });
}

/** What routes that split their requests over several destinations carry in `METADATA`: which route it is. */
export const SPLIT = 'split';
const SPLIT_DURATION = 'split_request_duration_microseconds';

/** For the bootstrap: a canary's durations are compared by edges a quarter apart, from 1 ms to half a minute. */
export const splitHistogramBuckets: Json = {
  match: { contains: SPLIT_DURATION },
  buckets: Array.from({ length: 48 }, (_, i) => Math.round(10 * 1.25 ** i) * 100),
};

/**
 * `istio_split_requests_total` and `istio_split_request_duration_microseconds`: requests of routes that split, and of no others, by
 * where they went. So versions can be compared by requests that chance alone gave to one or the other.
 */
export function splitMetrics(): Json[] {
  const tags = [
    { name: 'split', value_format: `%METADATA(ROUTE:${METADATA}:${SPLIT})%`, rules: whenEmptyUncounted },
    ...(['service_name', 'service_namespace'] as const).map((field) => ({
      name: `destination_${field}`,
      value_format: `%CLUSTER_METADATA(${METADATA}:${field})%`,
      rules: whenEmptyUnknown,
    })),
  ];
  const outcome = [
    { name: 'response_code', value_format: '%RESPONSE_CODE%' },
    { name: 'grpc_response_status', value_format: '%GRPC_STATUS_NUMBER%' },
  ];
  return statsLogger({
    counters: [{ stat: { name: 'split_requests_total', tags: [...tags, ...outcome] }, value_fixed: '1' }],
    histograms: [{ stat: { name: SPLIT_DURATION, tags }, unit: 'Microseconds', value_format: '%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%' }],
  });
}

function onLog(type: string, loggers: readonly Json[]): Json[] {
  return loggers.map((logger) => ({ ...logger, filter: { log_type_filter: { types: [type] } } }));
}

/** `istio_tcp_*`: connections when they open, bytes when they close. */
export function tcpMetrics(tags: readonly Tag[], changes: MetricChanges = {}): Json[] {
  const all = [...tags, { name: 'response_flags', value: '%RESPONSE_FLAGS%' }];
  const count = (name: string, by: Json): Json[] => wanted(name, all, changes).map((s) => ({ stat: s, ...by }));
  return [
    ...onLog('TcpUpstreamConnected', statsLogger({ counters: count('tcp_connections_opened_total', { value_fixed: '1' }) })),
    ...onLog(
      'TcpConnectionEnd',
      statsLogger({
        counters: [
          ...count('tcp_connections_closed_total', { value_fixed: '1' }),
          ...count('tcp_sent_bytes_total', { value_format: '%BYTES_SENT%' }),
          ...count('tcp_received_bytes_total', { value_format: '%BYTES_RECEIVED%' }),
        ],
      }),
    ),
  ];
}

const PEER_FIELDS = ['name', 'namespace', 'app', 'version', 'canonicalName', 'canonicalRevision'] as const;
const HEADER_MUTATION = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';

/** The client says who it is, whatever the application said. */
export function sayPeer(own: Workload): Json {
  const value = PEER_FIELDS.map((f) => own[f]).join('|');
  return extension('mesh.peer', HEADER_MUTATION, {
    mutations: {
      request_mutations: [{ append: { header: { key: PEER_HEADER, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } }],
    },
  });
}

/** The server keeps what the client said, for its metrics, and takes it off the request. */
export function learnPeer(mtls: boolean): Json {
  if (!mtls) return extension('mesh.peer', HEADER_MUTATION, { mutations: { request_mutations: [{ remove: PEER_HEADER }] } });
  const regex = `^${PEER_FIELDS.map(() => '([^|]*)').join('\\|')}$`;
  return {
    name: 'mesh.peer',
    typed_config: any('envoy.extensions.filters.http.header_to_metadata.v3.Config', {
      request_rules: PEER_FIELDS.map((key, i) => ({
        header: PEER_HEADER,
        on_header_present: {
          metadata_namespace: PEER_METADATA,
          key,
          type: 'STRING',
          regex_value_rewrite: { pattern: { regex }, substitution: `\\${i + 1}` },
        },
        remove: i === PEER_FIELDS.length - 1,
      })),
    }),
  };
}

export type { Tag };
