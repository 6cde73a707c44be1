/** What a proxy reports of its workload: metrics, logs and spans, as Telemetry objects ask for them. */
import {
  workloadOfProxy,
  type Logged,
  type LogProvider,
  type MeshService,
  type Model,
  type Proxy,
  type Reporter,
  type Told,
  type Traced,
} from '../mesh/index.ts';
import { outboundName } from './cluster.ts';
import { any, defined, extension, type Json } from './json.ts';
import { clientTags, httpMetrics, serverTags, tcpMetrics } from './metrics.ts';

type Side = keyof NonNullable<Reporter['told']>;
type Spoken = 'http' | 'grpc' | 'tcp';

/** Istio's line. */
const LINE = [
  '[%START_TIME%]',
  '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"',
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%',
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"',
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%"',
  '"%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n',
].join(' ');

/** The same as JSON, by Istio's names of its fields. */
const FIELDS: Json = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  route_name: '%ROUTE_NAME%',
};

/** The workload, and what its proxy tells of it, as far as it knows the clusters to tell. */
export function reporterOf(model: Model, proxy: Proxy, has: (cluster: string) => boolean): Reporter {
  const workload = workloadOfProxy(proxy);
  const told = model.telemetries.told(proxy.namespace, proxy.labels);
  if (!told) return workload;
  const there = (p: LogProvider | Traced['provider']): boolean => !('host' in p) || has(collectorCluster(p));
  const reachable = ({ logs, metrics, tracing }: Told): Told => ({
    logs: logs.filter((l) => there(l.provider)),
    metrics,
    ...(tracing && there(tracing.provider) ? { tracing } : {}),
  });
  return { ...workload, told: { client: reachable(told.client), server: reachable(told.server) } };
}

/** Loggers of what a workload sends out. */
export function clientReports(own: Reporter, protocol: Spoken): Json[] {
  const tags = clientTags(own, protocol);
  const changes = own.told?.client.metrics;
  return [
    ...(protocol === 'tcp' ? tcpMetrics(tags, changes) : httpMetrics(tags, protocol === 'grpc', changes)),
    ...logsOf(own, 'client', protocol),
  ];
}

/** Loggers of what comes in for a workload. */
export function serverReports(
  own: Reporter,
  service: Pick<MeshService, 'host' | 'name' | 'namespace'>,
  protocol: Spoken,
  mtls: boolean,
): Json[] {
  const tags = serverTags(own, service, protocol, mtls);
  const changes = own.told?.server.metrics;
  return [
    ...(protocol === 'tcp' ? tcpMetrics(tags, changes) : httpMetrics(tags, protocol === 'grpc', changes)),
    ...logsOf(own, 'server', protocol),
  ];
}

function logsOf({ told }: Reporter, side: Side, protocol: Spoken): Json[] {
  return (told?.[side].logs ?? []).flatMap((logged) => {
    const log = loggerOf(logged.provider, protocol);
    return log ? [{ ...log, ...filterOf(logged, protocol) }] : [];
  });
}

const EXPRESSION = 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter';

function filterOf({ filter }: Logged, protocol: Spoken): Json {
  const filters = [
    // Metrics want to hear of connections that open, too.
    ...(protocol === 'tcp' ? [{ log_type_filter: { types: ['TcpConnectionEnd'] } }] : []),
    ...(filter === undefined
      ? []
      : [{ extension_filter: extension('envoy.access_loggers.extension_filters.cel', EXPRESSION, { expression: filter }) }]),
  ];
  const [one, two] = filters;
  return one ? { filter: two ? { and_filter: { filters } } : one } : {};
}

/** By name these cannot be opened where they are sockets. */
const STREAMS: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/dev/stdout': ['envoy.access_loggers.stdout', 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog'],
  '/dev/stderr': ['envoy.access_loggers.stderr', 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog'],
};

function loggerOf(provider: LogProvider, protocol: Spoken): Json | undefined {
  switch (provider.to) {
    case 'file': {
      const log_format = formatOf(provider);
      const [name, type] = STREAMS[provider.path] ?? [];
      return name && type
        ? extension(name, type, { log_format })
        : extension('envoy.access_loggers.file', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', {
            path: provider.path,
            log_format,
          });
    }
    case 'otel':
      return extension(
        'envoy.access_loggers.open_telemetry',
        'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
        {
          common_config: grpcLog(provider),
          disable_builtin_labels: true,
          body: { string_value: LINE },
          attributes: { values: [{ key: 'protocol', value: { string_value: '%PROTOCOL%' } }] },
        },
      );
    case 'http-als':
      if (protocol === 'tcp') return undefined;
      return extension('envoy.access_loggers.http_grpc', 'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
        common_config: grpcLog(provider),
      });
    case 'tcp-als':
      if (protocol !== 'tcp') return undefined;
      return extension('envoy.access_loggers.tcp_grpc', 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
        common_config: grpcLog(provider),
      });
  }
}

function formatOf({ text, labels }: Extract<LogProvider, { to: 'file' }>): Json {
  if (labels) return { json_format: Object.keys(labels).length ? labels : FIELDS };
  return { text_format_source: { inline_string: text === undefined ? LINE : text.endsWith('\n') ? text : `${text}\n` } };
}

interface Collector {
  readonly host: string;
  readonly port: number;
}

const collectorCluster = ({ host, port }: Collector): string => outboundName(port, '', host);

function grpcLog(provider: Collector & { readonly logName: string }): Json {
  return {
    log_name: provider.logName,
    transport_api_version: 'V3',
    grpc_service: { envoy_grpc: { cluster_name: collectorCluster(provider), authority: `${provider.host}:${provider.port}` } },
  };
}

/** For the manager of a side's requests; undefined where nothing is traced. */
export function tracingOf({ told, name, namespace }: Reporter, side: Side): Json | undefined {
  const traced = told?.[side].tracing;
  if (!traced) return undefined;
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: traced.sampling },
    overall_sampling: { value: 100 },
    custom_tags: customTags(traced),
    provider: tracerOf(traced, `${name}.${namespace}`),
  };
}

function tracerOf({ provider }: Traced, service: string): Json {
  const { host, port, path } = provider;
  const cluster = collectorCluster(provider);
  if (provider.speaks === 'opentelemetry') {
    const grpc = { envoy_grpc: { cluster_name: cluster, authority: `${host}:${port}` }, timeout: '10s' };
    const config = any('envoy.config.trace.v3.OpenTelemetryConfig', { service_name: service, grpc_service: grpc });
    return { name: 'envoy.tracers.opentelemetry', typed_config: config };
  }
  return {
    name: 'envoy.tracers.zipkin',
    typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
      collector_cluster: cluster,
      collector_endpoint: path,
      collector_endpoint_version: 'HTTP_JSON',
      collector_hostname: `${host}:${port}`,
      trace_id_128bit: true,
      shared_span_context: false,
    }),
  };
}

function customTags({ tags }: Traced): Json[] {
  return Object.entries(tags).flatMap(([tag, { literal, environment, header }]): Json[] => {
    if (literal?.value) return [{ tag, literal: { value: literal.value } }];
    if (environment?.name) return [{ tag, environment: defined({ name: environment.name, default_value: environment.defaultValue }) }];
    return header?.name ? [{ tag, request_header: defined({ name: header.name, default_value: header.defaultValue }) }] : [];
  });
}

/** Where logs and spans of the proxy go. */
export function clustersToReport({ told }: Reporter): readonly string[] {
  const of = ({ logs, tracing }: Told): readonly (LogProvider | Traced['provider'])[] => [
    ...logs.map((l) => l.provider),
    ...(tracing ? [tracing.provider] : []),
  ];
  const all = told ? [...of(told.client), ...of(told.server)] : [];
  return [...new Set(all.flatMap((p) => ('host' in p ? [collectorCluster(p)] : [])))];
}
