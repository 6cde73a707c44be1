import type { Destination, HeaderOperations, Headers, HTTPRoute, LoadBalancer } from '../api/index.ts';
import { unsoundParts, type Rule, type RuleMatch, type Rules } from '../mesh/index.ts';
import { corsConfig } from './cors.ts';
import { faultConfig, fraction } from './fault.ts';
import { configMetadata, defined, duration, type Json } from './json.ts';
import { ingressMetadata } from './ingress-metrics.ts';
import { catchesAll, routeMatch } from './match.ts';
import { METADATA, SPLIT } from './metrics.ts';
import { inboundRetry, retryPolicy } from './retry.ts';
import { routeFilters } from './route-filters.ts';

/** For whom routes are made, and how names of destinations become clusters. */
export interface RouteContext {
  /** `mesh`, or the Gateways whose server this is. */
  readonly gateways: readonly string[];
  /** The port clients name: of the service, or of the Gateway's server. */
  readonly port: number;
  readonly client: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** What every route sets up of filters that idle otherwise. */
  readonly filters?: Json;
  resolve(destination: Destination): { readonly cluster: string; readonly hash: LoadBalancer['consistentHash'] };
}

/**
 * No limit but the one a gRPC client sets itself. Never beside a `timeout`: where there is a maximum for streams, Envoy
 * heeds no other.
 */
export const NO_TIMEOUT: Json = { timeout: '0s', max_stream_duration: { grpc_timeout_header_max: '0s' } };

/** Why a match can never hold for this client at this port, both of which are known when routes are made; undefined when it can. */
export function unconcerned(m: RuleMatch, ctx: Omit<RouteContext, 'resolve'>, rules: Rules): string | undefined {
  if (m.port && m.port !== ctx.port) return `port ${m.port}: the request is to port ${ctx.port}`;
  if (m.gateways?.length) {
    const named = m.gateways.some((g) => ctx.gateways.includes(g === 'mesh' || g.includes('/') ? g : `${rules.namespace}/${g}`));
    return named ? undefined : `gateways ${m.gateways.join(', ')}: the request goes through ${ctx.gateways.join(', ')}`;
  }
  if (m.sourceNamespace && m.sourceNamespace !== ctx.client.namespace)
    return `sourceNamespace ${m.sourceNamespace}: the client is in ${ctx.client.namespace}`;
  const lacking = Object.entries(m.sourceLabels ?? {}).find(([k, v]) => ctx.client.labels[k] !== v);
  return lacking && `sourceLabels ${lacking.join('=')}: the client has ${ctx.client.labels[lacking[0]] ?? 'none'}`;
}

/** Where a route comes from: its rule among those of `rules`, and its match in that. */
export interface Origin {
  readonly rules: Rules;
  readonly at: readonly [rule: number, match: number];
}

const origins = new WeakMap<Json, Origin>();

/** Undefined for routes that nobody wrote. */
export function originOf(route: Json): Origin | undefined {
  return origins.get(route);
}

/** The routes of one VirtualService for one host, in its order, up to the first that takes everything. */
export function routesOf(rules: Rules, ctx: RouteContext): Json[] {
  const routes: Json[] = [];
  for (const [i, http] of (rules.spec.http ?? []).entries()) {
    if (unsoundParts(http).length) continue;
    const matches = http.match?.length ? http.match : [undefined];
    for (const [j, m] of matches.entries()) {
      if (m && unconcerned(m, ctx, rules)) continue;
      const match = routeMatch(m);
      const action = routeAction(http, m, ctx);
      if (!action) continue;
      const route: Json = {
        ...(http.name ? { name: m?.name ? `${http.name}.${m.name}` : http.name } : {}),
        match,
        ...action,
        metadata: {
          filter_metadata: {
            ...configMetadata(http.owner ?? { kind: 'VirtualService', namespace: rules.namespace, name: rules.name }),
            ...counted(http, rules, i, ctx),
          },
        },
        ...(m?.statPrefix ? { stat_prefix: m.statPrefix } : {}),
      };
      origins.set(route, { rules, at: [i, j] });
      routes.push(route);
      if (catchesAll(match)) return routes;
    }
  }
  return routes;
}

/** What metrics say of the requests of a rule, where they say more than of all others. */
function counted(http: Rule, rules: Rules, i: number, { resolve }: RouteContext): Json {
  const own = {
    ...((http.route?.length ?? 0) > 1 ? { [SPLIT]: splitOf(http, rules, i) } : {}),
    ...ingressMetadata(http, (to) => resolve(to).cluster),
  };
  return Object.keys(own).length ? { [METADATA]: own } : {};
}

/** Which rule it is that splits, the same on every host. */
function splitOf({ written }: Rule, rules: Rules, i: number): string {
  const { namespace, name } = written?.by ?? rules;
  return `${namespace}/${name}/${written?.at ?? i}`;
}

function routeAction(http: Rule, m: RuleMatch | undefined, ctx: RouteContext): Json | undefined {
  const filters: Json = { ...faultConfig(http.fault), ...corsConfig(http.corsPolicy), ...routeFilters(http), ...ctx.filters };
  const common = { ...headerOperations(http.headers), ...(Object.keys(filters).length ? { typed_per_filter_config: filters } : {}) };
  if (http.redirect) return { ...common, redirect: redirect(http.redirect, m, ctx.port) };
  if (http.directResponse) return { ...common, direct_response: directResponse(http.directResponse) };
  if (!http.route?.length) return undefined;
  return { ...common, route: forward(http, m, ctx) };
}

function forward(http: Rule, m: RuleMatch | undefined, ctx: RouteContext): Json {
  const all = http.route ?? [];
  const used = all.length > 1 ? all.filter((r) => (r.weight ?? 0) > 0) : all;
  const resolved = used.map((r) => ({ ...r, ...ctx.resolve(r.destination) }));
  const hashes = [...new Set(resolved.flatMap((r) => (r.hash ? [r.hash] : [])))];
  const [first] = resolved;
  const authority =
    http.rewrite?.authority ?? hostOf(http.headers?.request) ?? (resolved.length === 1 ? hostOf(first?.headers?.request) : undefined);
  const timeout = duration(http.timeout);
  const target: Json =
    resolved.length > 1 || first?.headers
      ? {
          weighted_clusters: {
            clusters: resolved.map((r) => ({
              name: r.cluster,
              weight: resolved.length > 1 ? r.weight : 1,
              ...headerOperations(r.headers),
              ...(resolved.length > 1 && hostOf(r.headers?.request) && !authority
                ? { host_rewrite_literal: hostOf(r.headers?.request) }
                : {}),
            })),
          },
        }
      : { cluster: first?.cluster ?? 'BlackHoleCluster' };
  return {
    ...target,
    ...(http.missing ? { cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' } : {}),
    ...(timeout && parseFloat(timeout) > 0 ? { timeout } : NO_TIMEOUT),
    ...(http.idleTimeout ? { idle_timeout: duration(http.idleTimeout) } : {}),
    ...retryPolicy(http.retries, hashes.length > 0),
    ...(hashes.length ? { hash_policy: hashes.map(hashPolicy) } : {}),
    ...(authority ? { host_rewrite_literal: authority } : {}),
    ...pathRewrite(http, m),
    ...mirrors(http, ctx),
  };
}

/** Everything to one cluster, as without a VirtualService. */
export function plainRoute(cluster: string, hash: LoadBalancer['consistentHash']): Json {
  return {
    name: 'default',
    match: { prefix: '/' },
    route: {
      cluster,
      ...NO_TIMEOUT,
      ...retryPolicy(undefined, hash !== undefined),
      ...(hash ? { hash_policy: [hashPolicy(hash)] } : {}),
    },
  };
}

/** From the server's proxy to its application. */
export function inboundRoute(cluster: string, grpc: boolean): Json {
  return {
    name: 'default',
    match: { prefix: '/' },
    route: { cluster, ...NO_TIMEOUT, ...(grpc ? {} : inboundRetry) },
  };
}

function hashPolicy(hash: NonNullable<LoadBalancer['consistentHash']>): Json {
  if (hash.httpHeaderName) return { header: { header_name: hash.httpHeaderName } };
  if (hash.httpCookie) {
    const { name, path, ttl, attributes } = hash.httpCookie;
    return { cookie: defined({ name, path, ttl: duration(ttl), attributes: attributes?.length ? attributes : undefined }) };
  }
  return hash.httpQueryParameterName
    ? { query_parameter: { name: hash.httpQueryParameterName } }
    : { connection_properties: { source_ip: true } };
}

function pathRewrite(http: Rule, m: RuleMatch | undefined): Json {
  const { uri, uriRegexRewrite: regex, segments } = http.rewrite ?? {};
  if (segments !== undefined) return segmentsRewrite(m?.uri?.segments ?? '/', segments);
  if (regex?.match) return { regex_rewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite ?? '' } };
  if (!uri) return {};
  if (m?.uri?.regex) return { regex_rewrite: { pattern: { regex: m.uri.regex }, substitution: uri } };
  return { prefix_rewrite: uri };
}

/** Whole segments in place of others: neither `//` nor the loss of a `/` where one of them is the root. */
function segmentsRewrite(matched: string, written: string): Json {
  const [from, to] = [matched, written].map((p) => p.replace(/\/+$/, '')) as [string, string];
  if (from && to) return { prefix_rewrite: to };
  const quoted = from.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { regex_rewrite: { pattern: { regex: `^${quoted}/*` }, substitution: `${to.replaceAll('\\', '\\\\')}/` } };
}

/** No percentage means all requests; 0 means none. */
function mirrors(http: Rule, ctx: RouteContext): Json {
  const legacy = http.mirrorPercentage ?? percentOf(http.mirrorPercent ?? http.mirror_percent);
  const wanted = [...(http.mirror ? [{ destination: http.mirror, percentage: legacy }] : []), ...(http.mirrors ?? [])];
  const policies = wanted
    .filter((w) => w.percentage === undefined || (w.percentage.value ?? 0) > 0)
    .map((w) => ({
      cluster: ctx.resolve(w.destination).cluster,
      runtime_fraction: { default_value: fraction(w.percentage ?? { value: 100 }) },
      trace_sampled: false,
    }));
  return policies.length ? { request_mirror_policies: policies } : {};
}

function percentOf(value: number | undefined): { value: number } | undefined {
  return value === undefined ? undefined : { value };
}

const CODES: Readonly<Record<number, string>> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
};

function redirect(r: NonNullable<Rule['redirect']>, m: RuleMatch | undefined, port: number): Json {
  const derived = r.derivePort === 'FROM_REQUEST_PORT' ? port : undefined;
  const usual = r.scheme === 'https' ? 443 : 80;
  return defined({
    host_redirect: r.authority || undefined,
    scheme_redirect: r.scheme || undefined,
    port_redirect: r.port ?? (derived === usual ? undefined : derived),
    ...(r.segments === undefined ? {} : segmentsRewrite(m?.uri?.segments ?? '/', r.segments)),
    ...(r.uri ? (r.uri.startsWith('%PREFIX()%') && m?.uri?.prefix ? { prefix_rewrite: r.uri.slice(10) } : { path_redirect: r.uri }) : {}),
    ...(r.prefixRewrite && !r.uri ? { prefix_rewrite: r.prefixRewrite } : {}),
    response_code: CODES[r.redirectCode ?? 301] ?? 'MOVED_PERMANENTLY',
  });
}

function directResponse(d: NonNullable<HTTPRoute['directResponse']>): Json {
  const { string, bytes } = d.body ?? {};
  const body = string !== undefined ? { inline_string: string } : bytes !== undefined ? { inline_bytes: bytes } : undefined;
  return { status: d.status, ...(body ? { body } : {}) };
}

function hostOf(ops: HeaderOperations | undefined): string | undefined {
  for (const [k, v] of Object.entries(ops?.set ?? {})) if (['host', ':authority'].includes(k.toLowerCase())) return v;
  return undefined;
}

function isPlain(name: string): boolean {
  return !name.startsWith(':') && name.toLowerCase() !== 'host';
}

function toAdd(ops: HeaderOperations | undefined): Json[] {
  const entries = (map: Record<string, string> | undefined, action: string): Json[] =>
    Object.entries(map ?? {})
      .filter(([k]) => isPlain(k))
      .map(([key, value]) => ({ header: { key, value }, append_action: action }));
  return [...entries(ops?.set, 'OVERWRITE_IF_EXISTS_OR_ADD'), ...entries(ops?.add, 'APPEND_IF_EXISTS_OR_ADD')];
}

function headerOperations(headers: Headers | undefined): Json {
  const orNone = <T>(list: readonly T[]): readonly T[] | undefined => (list.length ? list : undefined);
  return defined({
    request_headers_to_add: orNone(toAdd(headers?.request)),
    request_headers_to_remove: orNone((headers?.request?.remove ?? []).filter(isPlain)),
    response_headers_to_add: orNone(toAdd(headers?.response)),
    response_headers_to_remove: orNone(headers?.response?.remove ?? []),
  });
}
