/** Where logs and spans of proxies can go: `extensionProviders` of the mesh's configuration, as far as they are about that. */
import { fieldsOf, textOf, textsOf, type Fields } from './fields.ts';

/** A log of requests and connections. */
export type LogProvider = { readonly name: string } & (
  | {
      readonly to: 'file';
      readonly path: string;
      /** A line as text, or one of JSON by its fields; Istio's line when neither is given. */
      readonly text?: string;
      readonly labels?: Readonly<Record<string, unknown>>;
    }
  | { readonly to: 'http-als' | 'tcp-als' | 'otel'; readonly host: string; readonly port: number; readonly logName: string }
);

/** A collector of spans. */
export interface Tracer {
  readonly name: string;
  readonly speaks: 'zipkin' | 'opentelemetry';
  readonly host: string;
  readonly port: number;
  /** Of Zipkin's API. */
  readonly path: string;
}

/** What there is, and which of it holds where nobody says anything. */
export interface ReportProviders {
  readonly logs: readonly LogProvider[];
  readonly tracers: readonly Tracer[];
  readonly defaultLogs: readonly string[];
  readonly defaultTracers: readonly string[];
  /** Of requests that are traced, in percent. */
  readonly sampling: number;
}

/** The log that every mesh has, and the only place of metrics. */
export const ENVOY_LOG = 'envoy';
export const PROMETHEUS = 'prometheus';

/** Istio's, in percent. */
const SAMPLING = 1;

export const noProviders: ReportProviders = {
  logs: [{ name: ENVOY_LOG, to: 'file', path: '/dev/stdout' }],
  tracers: [],
  defaultLogs: [],
  defaultTracers: [],
  sampling: SAMPLING,
};

/** Entries that cannot be understood are left out: who names one is told that there is none. */
export function reportProvidersIn(mesh: Fields): ReportProviders {
  const file = textOf(mesh['accessLogFile']);
  const written = textOf(mesh['accessLogFormat']);
  const json = mesh['accessLogEncoding'] === 'JSON';
  const format = json ? { labels: jsonOf(written) ?? {} } : written ? { text: written } : {};
  const providers = (Array.isArray(mesh['extensionProviders']) ? mesh['extensionProviders'] : []).map(fieldsOf);
  const defaults = fieldsOf(mesh['defaultProviders']);
  const proxy = fieldsOf(fieldsOf(mesh['defaultConfig'])['tracing']);
  const sampling = Number(proxy['sampling'] ?? SAMPLING);
  const defaultLogs = textsOf(defaults['accessLogging']);
  return {
    logs: [...providers.flatMap(logOf), { name: ENVOY_LOG, to: 'file', path: file ?? '/dev/stdout', ...format }],
    tracers: providers.flatMap(tracerOf),
    defaultLogs: defaultLogs.length || !file ? defaultLogs : [ENVOY_LOG],
    defaultTracers: textsOf(defaults['tracing']),
    sampling: sampling >= 0 && sampling <= 100 ? sampling : SAMPLING,
  };
}

function jsonOf(text: string | undefined): Fields | undefined {
  try {
    return text ? fieldsOf(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

function logOf(provider: Fields): LogProvider[] {
  const name = textOf(provider['name']);
  if (!name) return [];
  if (provider['envoyFileAccessLog']) {
    const said = fieldsOf(provider['envoyFileAccessLog']);
    const { text, labels } = fieldsOf(said['logFormat']);
    const format = textOf(text) ? { text: textOf(text)! } : labels ? { labels: fieldsOf(labels) } : {};
    return [{ name, to: 'file', path: textOf(said['path']) ?? '/dev/stdout', ...format }];
  }
  const ways = { envoyHttpAls: 'http-als', envoyTcpAls: 'tcp-als', envoyOtelAls: 'otel' } as const;
  const way = Object.keys(ways).find((key) => provider[key]) as keyof typeof ways | undefined;
  const there = way && addressOf(fieldsOf(provider[way]));
  return there ? [{ name, to: ways[way], ...there, logName: textOf(fieldsOf(provider[way])['logName']) ?? name }] : [];
}

function tracerOf(provider: Fields): Tracer[] {
  const name = textOf(provider['name']);
  const speaks = (['zipkin', 'opentelemetry'] as const).find((key) => provider[key]);
  const said = fieldsOf(speaks && provider[speaks]);
  const there = addressOf(said);
  return name && speaks && there ? [{ name, speaks, ...there, path: textOf(said['path']) ?? '/api/v2/spans' }] : [];
}

/** A host of the mesh, without its namespace before it. */
function addressOf(said: Fields): { host: string; port: number } | undefined {
  const host = textOf(said['service']);
  const port = Number(said['port']);
  return host && Number.isInteger(port) && port > 0 && port < 65_536 ? { host: host.slice(host.indexOf('/') + 1), port } : undefined;
}
