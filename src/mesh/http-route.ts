/** Rules of HTTPRoutes and GRPCRoutes as rules of hosts. */
import type { CorsPolicy, Destination, gatewayApi, HeaderOperations, HTTPRouteDestination } from '../api/index.ts';
import { httpsRedirects } from './location.ts';
import { rankOf, type Ranked } from './route-order.ts';
import type { Owner, Rule, RuleMatch } from './rule.ts';

type Filter = gatewayApi.RouteFilter;

/** The host of a destination that nobody may use; no cluster has this name. */
export const NOWHERE = 'refused.invalid';

export interface RouteContext {
  readonly owner: Owner;
  readonly httpsPort: number | undefined;
  /** Where a reference leads; a destination that does not exist is one as well. */
  resolve(ref: gatewayApi.BackendRef): Destination;
}

/** One entry a match, in the order of the rule, which stands `at` this place. */
export function rulesOfHttp(rule: gatewayApi.RouteRule<gatewayApi.HTTPMatch>, at: string, context: RouteContext): Ranked[] {
  const matches = rule.matches?.length ? rule.matches : [{}];
  return matches.map((m, i) => {
    const written = { by: context.owner, at: rule.matches?.length ? `${at}.matches[${i}]` : at };
    return rankOf(
      m,
      rulesOfMatch(rule, m, context).map((r) => ({ ...r, written })),
    );
  });
}

/** A gRPC method is a path. */
export function httpMatch({ method, headers }: gatewayApi.GRPCMatch): gatewayApi.HTTPMatch {
  const { service, method: name, type = 'Exact' } = method ?? {};
  const more = { method: 'POST', ...(headers ? { headers } : {}) };
  if (!service && !name) return more;
  if (type === 'RegularExpression' || !service)
    return { ...more, path: { type: 'RegularExpression', value: `/${service || '[^/]+'}/${name || '[^/]+'}` } };
  return { ...more, path: name ? { type: 'Exact', value: `/${service}/${name}` } : { type: 'PathPrefix', value: `/${service}` } };
}

const KNOWN: ReadonlySet<string> = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'RequestMirror',
  'CORS',
]);
const OF_BACKENDS: ReadonlySet<string> = new Set(['RequestHeaderModifier', 'ResponseHeaderModifier']);

/** Filters that nothing is known of; a rule with one is answered with 500, since to leave it out could let in what it keeps out. */
export function unknownFilters(rule: gatewayApi.RouteRule<unknown>): string[] {
  const own = (rule.filters ?? []).filter((f) => !KNOWN.has(f.type));
  const below = (rule.backendRefs ?? []).flatMap((b) => (b.filters ?? []).filter((f) => !OF_BACKENDS.has(f.type)));
  return [...own, ...below].map((f) => f.type);
}

function rulesOfMatch(rule: gatewayApi.RouteRule<unknown>, said: gatewayApi.HTTPMatch, context: RouteContext): Rule[] {
  const { owner } = context;
  const match = matchOf(said);
  const filters = rule.filters ?? [];
  if (unknownFilters(rule).length) return [{ owner, match: [match], directResponse: { status: 500 } }];
  const common: Rule = { owner, match: [match], ...headersOf(filters), ...given('corsPolicy', corsOf(filters)) };
  const redirect = filters.find((f) => f.requestRedirect)?.requestRedirect;
  if (redirect) return redirects(redirect, common, match, context);
  const route = (rule.backendRefs ?? []).map((ref): HTTPRouteDestination => {
    const destination = context.resolve(ref);
    return { destination, weight: ref.weight ?? 1, ...headersOf(ref.filters ?? []) };
  });
  const used = route.filter((r) => r.weight! > 0);
  if (!used.length) return [{ ...common, directResponse: { status: 500 } }];
  const { request, backendRequest } = rule.timeouts ?? {};
  return [
    {
      ...common,
      route: used.length === 1 ? used.map(({ weight: _all, ...one }) => one) : used,
      missing: 500,
      ...given('timeout', request),
      ...given('retries', retriesOf(rule.retry, backendRequest)),
      ...given('rewrite', rewriteOf(filters)),
      ...given('mirrors', mirrorsOf(filters, context)),
      ...given('session', sessionOf(rule.sessionPersistence)),
    },
  ];
}

function given<K extends keyof Rule>(key: K, value: Rule[K] | undefined): Pick<Rule, K> {
  return (value === undefined ? {} : { [key]: value }) as Pick<Rule, K>;
}

function matchOf({ path, headers = [], queryParams = [], method }: gatewayApi.HTTPMatch): RuleMatch {
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  const values = (list: readonly gatewayApi.ValueMatch[]): NonNullable<RuleMatch['headers']> => {
    // The first of a name counts.
    const entries = list.toReversed().map((v) => [v.name, v.type === 'RegularExpression' ? { regex: v.value } : { exact: v.value }]);
    return Object.fromEntries(entries) as NonNullable<RuleMatch['headers']>;
  };
  const prefix = value.replace(/\/+$/, '');
  return {
    uri:
      type === 'Exact'
        ? { exact: value }
        : type === 'RegularExpression'
          ? { regex: value }
          : prefix
            ? { segments: prefix }
            : { prefix: '/' },
    ...(headers.length ? { headers: values(headers.map((h) => ({ ...h, name: h.name.toLowerCase() }))) } : {}),
    ...(queryParams.length ? { queryParams: values(queryParams) } : {}),
    ...(method ? { method: { exact: method } } : {}),
  };
}

function headersOf(filters: readonly Filter[]): Pick<Rule, 'headers'> {
  const operations = (m: gatewayApi.HeaderModifier | undefined): HeaderOperations | undefined => {
    // A `%` would begin an expression of Envoy's.
    const pairs = (list: readonly gatewayApi.Header[] = []): Record<string, string> =>
      Object.fromEntries(list.map((h) => [h.name, h.value.replaceAll('%', '%%')]));
    return m && { set: pairs(m.set), add: pairs(m.add), remove: m.remove ?? [] };
  };
  const request = operations(filters.find((f) => f.requestHeaderModifier)?.requestHeaderModifier);
  const response = operations(filters.find((f) => f.responseHeaderModifier)?.responseHeaderModifier);
  return request || response ? { headers: { ...(request ? { request } : {}), ...(response ? { response } : {}) } } : {};
}

function redirects(
  said: NonNullable<Filter['requestRedirect']>,
  common: Rule,
  match: RuleMatch,
  { owner, httpsPort }: RouteContext,
): Rule[] {
  const { scheme, hostname, port, path, statusCode = 302 } = said;
  const to: Rule['redirect'] = {
    redirectCode: statusCode,
    ...(scheme ? { scheme } : {}),
    ...(hostname ? { authority: hostname } : {}),
    ...(port ? { port } : {}),
    ...(path?.replaceFullPath === undefined ? {} : { uri: path.replaceFullPath || '/' }),
    ...(path?.replacePrefixMatch === undefined ? {} : { segments: path.replacePrefixMatch }),
  };
  // Where the machine's port is not 443 a client that names its port is sent to the other one.
  const toHttps =
    scheme === 'https' && !port && !hostname ? httpsRedirects(owner, match, statusCode, httpsPort) : [{ match: [match], redirect: {} }];
  return toHttps.map((rule) => ({ ...common, ...rule, redirect: { ...to, ...rule.redirect } }));
}

function rewriteOf(filters: readonly Filter[]): Rule['rewrite'] {
  const said = filters.find((f) => f.urlRewrite)?.urlRewrite;
  if (!said) return undefined;
  const { hostname, path } = said;
  const full = path?.replaceFullPath;
  return {
    ...(hostname ? { authority: hostname } : {}),
    ...(full === undefined ? {} : { uriRegexRewrite: { match: '^.*$', rewrite: full.replaceAll('\\', '\\\\') || '/' } }),
    ...(path?.replacePrefixMatch === undefined ? {} : { segments: path.replacePrefixMatch }),
  };
}

function mirrorsOf(filters: readonly Filter[], { resolve }: RouteContext): Rule['mirrors'] {
  const found = filters.flatMap(({ requestMirror: m }) => {
    if (!m) return [];
    const { numerator, denominator = 100 } = m.fraction ?? {};
    const value = m.percent ?? (numerator === undefined ? 100 : (numerator / denominator) * 100);
    return [{ destination: resolve(m.backendRef), percentage: { value } }];
  });
  return found.length ? found : undefined;
}

function corsOf(filters: readonly Filter[]): CorsPolicy | undefined {
  const said = filters.find((f) => f.type === 'CORS')?.cors;
  if (!said) return undefined;
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [], allowCredentials, maxAge = 5 } = said;
  return {
    allowOrigins: allowOrigins.map((o) => (o.includes('*') ? { regex: o.replaceAll('.', '\\.').replaceAll('*', '.*') } : { exact: o })),
    allowMethods,
    allowHeaders,
    exposeHeaders,
    maxAge: `${maxAge}s`,
    ...(allowCredentials === undefined ? {} : { allowCredentials }),
  };
}

function retriesOf(retry: gatewayApi.RouteRule<unknown>['retry'], perTry: string | undefined): Rule['retries'] {
  if (!retry && perTry === undefined) return undefined;
  const codes = retry?.codes ?? [];
  return {
    ...(retry ? { attempts: retry.attempts ?? 1 } : {}),
    ...(codes.length ? { retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', ...codes].join(',') } : {}),
    ...(retry?.backoff ? { backoff: retry.backoff } : {}),
    ...(perTry === undefined ? {} : { perTryTimeout: perTry }),
  };
}

function sessionOf(said: gatewayApi.RouteRule<unknown>['sessionPersistence']): Rule['session'] {
  if (!said) return undefined;
  const { type, header, cookie, absoluteTimeout: ttl } = said;
  if (type === 'Header') return header && { header: header.name };
  // What lasts as long as the browser runs has no time of its own.
  return { cookie: cookie?.name ?? 'session', path: cookie?.path ?? '/', ...(ttl && cookie?.lifetimeType === 'Permanent' ? { ttl } : {}) };
}
