import type { HTTPMatchRequest, StringMatch } from '../api/index.ts';
import { defined, type Json } from './json.ts';

function stringMatcher(m: StringMatch): Json | undefined {
  if (m.exact !== undefined) return { exact: m.exact };
  if (m.prefix) return { prefix: m.prefix };
  if (m.regex && m.regex !== '*') return { safe_regex: { regex: m.regex } };
  return undefined;
}

function headerMatcher(name: string, m: StringMatch | undefined): Json {
  const string = stringMatcher(m ?? {});
  return string ? { name, string_match: string } : { name, present_match: true };
}

function withoutHeader(name: string, m: StringMatch | undefined): Json {
  const string = stringMatcher(m ?? {});
  return string
    ? { name, string_match: string, invert_match: true, treat_missing_header_as_empty: true }
    : { name, present_match: true, invert_match: true };
}

/** The path as Istio means it: a prefix is a prefix of the text, so `/foo` also takes `/foobar`. */
function pathMatcher(uri: StringMatch | undefined): Json {
  if (uri?.exact !== undefined) return { path: uri.exact };
  if (uri?.prefix) return { prefix: uri.prefix };
  if (uri?.regex) return { safe_regex: { regex: uri.regex } };
  return { prefix: '/' };
}

/** A `RouteMatch`; without a match, everything. What depends on the client alone is not part of it. */
export function routeMatch(m: HTTPMatchRequest | undefined): Json {
  if (!m) return { prefix: '/' };
  const headers = [
    ...Object.entries(m.headers ?? {}).map(([k, v]) => headerMatcher(k.toLowerCase(), v)),
    ...Object.entries(m.withoutHeaders ?? {}).map(([k, v]) => withoutHeader(k.toLowerCase(), v)),
    ...(['method', 'scheme', 'authority'] as const).flatMap((k) => (m[k] ? [headerMatcher(`:${k}`, m[k])] : [])),
  ];
  const query = Object.entries(m.queryParams ?? {}).map(([name, v]) => {
    const string = stringMatcher(v);
    return string ? { name, string_match: string } : { name, present_match: true };
  });
  return defined({
    ...pathMatcher(m.uri),
    case_sensitive: m.ignoreUriCase && !m.uri?.regex ? false : undefined,
    headers: headers.length ? headers : undefined,
    query_parameters: query.length ? query : undefined,
  });
}

/** True when nothing can come after it. */
export function catchesAll(match: Json): boolean {
  return match['prefix'] === '/' && match['headers'] === undefined && match['query_parameters'] === undefined;
}
