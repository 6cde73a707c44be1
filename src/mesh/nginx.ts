/** The annotations by which Ingress objects set up the NGINX ingress controller, in terms of rules. */
import type { CorsPolicy } from '../api/index.ts';
import { AnnotationReader, type Odd } from './annotations.ts';
import { basicAuth, guardedElsewhere, sourceRanges, type BasicAuth } from './nginx-access.ts';
import type { BackendProtocol, Rule } from './rule.ts';

const PREFIX = 'nginx.ingress.kubernetes.io/';

export const annotationPath = (name: string): string => `metadata.annotations["${PREFIX}${name}"]`;

/** Where requests of a canary come from: a header or cookie decides, else the weight. */
export interface CanarySettings {
  readonly header?: string;
  readonly headerValue?: string;
  readonly headerPattern?: string;
  readonly cookie?: string;
  readonly weight: number;
  readonly total: number;
}

export interface NginxSettings {
  readonly canary?: CanarySettings;
  readonly useRegex: boolean;
  readonly rewriteTarget?: string;
  /** Plain HTTP is redirected to HTTPS: always, where the host has a certificate, or never. */
  readonly toHttps: 'always' | 'tls' | 'never';
  readonly appRoot?: string;
  readonly redirect?: { readonly to: string; readonly code: number };
  /** Absent where the Service says it. */
  readonly backendProtocol?: BackendProtocol;
  /** Other names of its hosts. */
  readonly aliases: readonly string[];
  readonly basicAuth?: BasicAuth;
  /** Something guards the paths that cannot be asked here, so that nobody is let in. */
  readonly closed: boolean;
  /** What goes into every rule. */
  readonly rule: Pick<
    Rule,
    'idleTimeout' | 'maxBody' | 'session' | 'limit' | 'corsPolicy' | 'rewrite' | 'retries' | 'headers' | 'addresses'
  >;
}

const CORS = {
  methods: ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'],
  headers: [
    'DNT',
    'Keep-Alive',
    'User-Agent',
    'X-Requested-With',
    'If-Modified-Since',
    'Cache-Control',
    'Content-Type',
    'Range',
    'Authorization',
  ],
  maxAge: 1_728_000,
};
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Envoy holds bodies in memory up to the limit, so that it cannot be any. */
const MAX_BODY = 2 ** 32 - 1;

/** What the annotations of one Ingress say, and those of them that say nothing to us. */
export function nginxSettings(annotations: Readonly<Record<string, string>>): { settings: NginxSettings; odd: readonly Odd[] } {
  const reader = new AnnotationReader(annotations, PREFIX);
  const code = (name: string, usual: number): number => {
    const said = reader.number(name);
    if (said === undefined || REDIRECTS.has(said)) return said ?? usual;
    reader.note(name, `${said} is no redirect.`, 'Use 301, 302, 303, 307 or 308.');
    return usual;
  };
  const permanent = reader.text('permanent-redirect');
  const temporal = reader.text('temporal-redirect');
  const [permanentCode, temporalCode] = [code('permanent-redirect-code', 301), code('temporal-redirect-code', 302)];
  const canary = reader.flag('canary') ? canarySettings(reader) : undefined;
  const [force, tls] = [reader.flag('force-ssl-redirect'), reader.flag('ssl-redirect')];
  const settings: NginxSettings = {
    ...(canary ? { canary } : {}),
    useRegex: reader.flag('use-regex') ?? false,
    ...given('rewriteTarget', reader.text('rewrite-target')),
    toHttps: force ? 'always' : tls === false ? 'never' : 'tls',
    ...given('appRoot', reader.text('app-root')),
    ...(permanent
      ? { redirect: { to: permanent, code: permanentCode } }
      : temporal
        ? { redirect: { to: temporal, code: temporalCode } }
        : {}),
    ...given('backendProtocol', reader.oneOf<BackendProtocol>('backend-protocol', ['HTTP', 'HTTPS', 'GRPC', 'GRPCS'])),
    aliases: aliases(reader),
    ...given('basicAuth', basicAuth(reader)),
    closed: guardedElsewhere(reader),
    rule: {
      ...timeouts(reader),
      ...given('maxBody', bodySize(reader)),
      ...given('session', session(reader)),
      ...given('limit', limit(reader)),
      ...given('corsPolicy', cors(reader)),
      ...given('rewrite', authority(reader.text('upstream-vhost'))),
      ...given('headers', forwardedPrefix(reader.text('x-forwarded-prefix'))),
      ...given('addresses', sourceRanges(reader)),
    },
  };
  return { settings, odd: reader.rest() };
}

function given<K extends string, V>(key: K, value: V | undefined): { [k in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [k in K]?: V };
}

function authority(host: string | undefined): Rule['rewrite'] {
  return host ? { authority: host } : undefined;
}

function forwardedPrefix(prefix: string | undefined): Rule['headers'] {
  // A `%` would begin an expression of Envoy's.
  return prefix ? { request: { set: { 'x-forwarded-prefix': prefix.replaceAll('%', '%%') } } } : undefined;
}

function aliases(reader: AnnotationReader): string[] {
  const all = reader.list('server-alias') ?? [];
  const regexes = all.filter((a) => a.startsWith('~'));
  if (regexes.length)
    reader.note('server-alias', `${regexes.join(', ')}: regexes are no host names here.`, 'Write each host, or *.domain.');
  return all.filter((a) => !a.startsWith('~')).map((a) => a.toLowerCase());
}

function canarySettings(reader: AnnotationReader): CanarySettings {
  const total = reader.number('canary-weight-total') ?? 100;
  const weight = reader.number('canary-weight') ?? 0;
  if (weight > total) reader.note('canary-weight', `${weight} is more than all, which is ${total}.`, `Use 0 to ${total}.`);
  const header = reader.text('canary-by-header');
  const [value, pattern] = [reader.text('canary-by-header-value'), reader.text('canary-by-header-pattern')];
  for (const [name, said] of [
    ['canary-by-header-value', value],
    ['canary-by-header-pattern', pattern],
  ] as const)
    if (said !== undefined && !header) reader.note(name, 'no header is named.', 'Name it in canary-by-header.');
  if (value !== undefined && pattern !== undefined)
    reader.note('canary-by-header-pattern', 'canary-by-header-value decides alone.', 'Remove one of the two.');
  return {
    ...given('header', header),
    ...given('headerValue', header ? value : undefined),
    ...given('headerPattern', header && value === undefined ? pattern : undefined),
    ...given('cookie', reader.text('canary-by-cookie')),
    weight: Math.min(weight, total),
    total,
  };
}

/** NGINX limits how long it waits for the next bytes, in each direction; Envoy has one clock for both. */
function timeouts(reader: AnnotationReader): Pick<Rule, 'idleTimeout'> {
  const said = ['proxy-read-timeout', 'proxy-send-timeout'].flatMap((name) => reader.seconds(name) ?? []);
  return said.length ? { idleTimeout: `${Math.max(...said)}s` } : {};
}

function bodySize(reader: AnnotationReader): number | undefined {
  const text = reader.text('proxy-body-size');
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
  if (digits === undefined) {
    reader.note('proxy-body-size', `"${text}" is no size.`, 'Write it as in 512k or 8m; 0 means any.');
    return undefined;
  }
  const bytes = Number(digits) * UNITS[unit.toLowerCase()]!;
  return bytes > 0 ? Math.min(bytes, MAX_BODY) : undefined;
}

function session(reader: AnnotationReader): Rule['session'] {
  const affinity = reader.oneOf('affinity', ['cookie']);
  const cookie = reader.text('session-cookie-name') ?? 'INGRESSCOOKIE';
  const path = reader.text('session-cookie-path') ?? '/';
  const ttl = reader.seconds('session-cookie-max-age') ?? reader.seconds('session-cookie-expires');
  // The cookie alone decides, as under persistent; balanced, which moves clients when there are more endpoints, is not told apart.
  reader.oneOf('affinity-mode', ['persistent', 'balanced']);
  return affinity ? { cookie, path, ...(ttl ? { ttl: `${ttl}s` } : {}) } : undefined;
}

function limit(reader: AnnotationReader): Rule['limit'] {
  const [second, minute] = [reader.number('limit-rps'), reader.number('limit-rpm')];
  const times = reader.number('limit-burst-multiplier') ?? 5;
  const requests = second ?? minute;
  if (!requests) return undefined;
  return { requests, burst: Math.max(1, Math.round(requests * times)), per: second ? '1s' : '1m' };
}

function cors(reader: AnnotationReader): CorsPolicy | undefined {
  const enabled = reader.flag('enable-cors');
  const origins = reader.list('cors-allow-origin') ?? ['*'];
  const policy: CorsPolicy = {
    allowOrigins: origins.map((o) =>
      o === '*' ? { regex: '.*' } : o.includes('*') ? { regex: o.replaceAll('.', '\\.').replaceAll('*', '[A-Za-z0-9-]+') } : { exact: o },
    ),
    allowMethods: reader.list('cors-allow-methods') ?? CORS.methods,
    allowHeaders: reader.list('cors-allow-headers') ?? CORS.headers,
    allowCredentials: reader.flag('cors-allow-credentials') ?? true,
    maxAge: `${reader.seconds('cors-max-age') ?? CORS.maxAge}s`,
    ...given('exposeHeaders', reader.list('cors-expose-headers')),
    unmatchedPreflights: 'FORWARD',
  };
  return enabled ? policy : undefined;
}
