/** A route as it is sent to Envoy, read back for people. */
import { RE2JS } from 're2js';
import type { SeenRequest } from './evaluate.ts';
import type { ChosenRoute } from './explain-types.ts';
import type { Json } from './json.ts';
import { placeOf } from './explain-place.ts';
import { originOf } from './route.ts';

const REDIRECTS: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');

/** What the route does, but for where to. */
export function chosen(route: Json): ChosenRoute {
  const origin = originOf(route);
  const place = origin && placeOf(origin.rules, ...origin.at);
  const from = place ? { from: `${place.object} ${place.path}` } : {};
  const base = { ...from, ...faults(route) };
  const redirect = route['redirect'] as Json | undefined;
  if (redirect) {
    const to = ['scheme_redirect', 'host_redirect', 'port_redirect', 'path_redirect', 'prefix_rewrite']
      .filter((k) => redirect[k] !== undefined)
      .map((k) => `${k.split('_', 1)[0]} ${text(redirect[k])}`)
      .join(', ');
    const status = REDIRECTS[text(redirect['response_code'])] ?? 301;
    return { ...base, does: 'redirect', says: `redirects (${status}) to ${to}`, status };
  }
  const response = route['direct_response'] as Json | undefined;
  if (response) {
    const status = Number(response['status']);
    return { ...base, does: 'respond', says: `answers ${status} by itself`, status };
  }
  const action = route['route'] as Json;
  const retry = action['retry_policy'] as Json | undefined;
  const mirrors = (action['request_mirror_policies'] as { cluster: string }[] | undefined)?.map((m) => m.cluster);
  const timeout = action['timeout'];
  const rewrite = rewritten(action);
  return {
    ...base,
    does: 'forward',
    says: 'forwards',
    ...(typeof timeout === 'string' && timeout !== '0s' ? { timeout } : {}),
    ...(retry
      ? {
          retries: {
            attempts: Number(retry['num_retries']),
            on: text(retry['retry_on']),
            ...(retry['per_try_timeout'] === undefined ? {} : { perTryTimeout: text(retry['per_try_timeout']) }),
          },
        }
      : {}),
    ...(rewrite ? { rewrite } : {}),
    ...(mirrors?.length ? { mirrors } : {}),
  };
}

function faults(route: Json): Pick<ChosenRoute, 'delay' | 'abort'> {
  const config = (route['typed_per_filter_config'] as Json | undefined)?.['envoy.filters.http.fault'] as Json | undefined;
  const percent = (of: Json): number => Number((of['percentage'] as Json | undefined)?.['numerator'] ?? 0) / 10_000;
  const delay = config?.['delay'] as Json | undefined;
  const abort = config?.['abort'] as Json | undefined;
  return {
    ...(delay ? { delay: { time: text(delay['fixed_delay']), percent: percent(delay) } } : {}),
    // A gRPC status comes with HTTP 200.
    ...(abort ? { abort: { status: Number(abort['http_status'] ?? 200), percent: percent(abort) } } : {}),
  };
}

function rewritten(action: Json): string | undefined {
  const parts = [
    action['host_rewrite_literal'] === undefined ? [] : [`host ${text(action['host_rewrite_literal'])}`],
    action['prefix_rewrite'] === undefined ? [] : [`what matched of the path to ${text(action['prefix_rewrite'])}`],
    action['regex_rewrite'] === undefined ? [] : ['the path by regex'],
  ].flat();
  return parts.length ? parts.join(', ') : undefined;
}

/** The clusters of a route with their weights. */
export function clustersOf(route: Json): readonly { readonly name: string; readonly weight: number }[] {
  const action = route['route'] as Json | undefined;
  const weighted = (action?.['weighted_clusters'] as { clusters: { name: string; weight: number }[] } | undefined)?.clusters;
  if (weighted) return weighted;
  return typeof action?.['cluster'] === 'string' ? [{ name: action['cluster'], weight: 1 }] : [];
}

/** The request as the route sends it on. */
export function sentOn(request: SeenRequest, route: Json): SeenRequest {
  const action = (route['route'] ?? {}) as Json;
  const match = route['match'] as Json;
  const headers = { ...request.headers };
  for (const name of (route['request_headers_to_remove'] as string[] | undefined) ?? []) delete headers[name.toLowerCase()];
  for (const { header, append_action: how } of (route['request_headers_to_add'] as
    | { header: { key: string; value: string }; append_action: string }[]
    | undefined) ?? []) {
    const name = header.key.toLowerCase();
    const before = headers[name];
    headers[name] = how.startsWith('APPEND') && before !== undefined ? `${before},${header.value}` : header.value;
  }
  const [path = '', query] = request.path.split('?', 2);
  const onward = newPath(path, match, action);
  return {
    ...request,
    headers,
    path: query === undefined ? onward : `${onward}?${query}`,
    authority: text(action['host_rewrite_literal']) || request.authority,
  };
}

function newPath(path: string, match: Json, action: Json): string {
  const to = action['prefix_rewrite'];
  if (typeof to === 'string') {
    const matched = match['prefix'] ?? match['path'] ?? match['path_separated_prefix'];
    return typeof matched === 'string' ? to + path.slice(matched.length) : path;
  }
  const regex = action['regex_rewrite'] as { pattern: { regex: string }; substitution: string } | undefined;
  if (!regex) return path;
  // RE2 writes groups as \1, RE2JS as $1.
  const substitution = regex.substitution.replaceAll('$', String.raw`\$`).replaceAll(/\\(\d)/g, '$$$1');
  return RE2JS.compile(regex.pattern.regex).matcher(path).replaceAll(substitution);
}
