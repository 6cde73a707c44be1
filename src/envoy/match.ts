import type { StringMatch } from '../api/index.ts';
import type { PathMatch, RuleMatch } from '../mesh/index.ts';
import { defined, type Json } from './json.ts';
import { JWT_FILTER, JWT_PAYLOAD } from './jwt.ts';

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

const CLAIM = '@request.auth.claims';

/** The claims that `@request.auth.claims.group` or `@request.auth.claims[nested][group]` names; undefined for a header. */
function claimPath(name: string): string[] | undefined {
  if (!name.toLowerCase().startsWith(CLAIM)) return undefined;
  const rest = name.slice(CLAIM.length);
  return rest.startsWith('.') ? rest.slice(1).split('.') : [...rest.matchAll(/\[([^\]]+)\]/g)].map((m) => m[1]!);
}

/** A claim of a token that was checked before: a text, or a list that has it. */
function claimMatcher(path: readonly string[], m: StringMatch | undefined, invert: boolean): Json {
  const string = stringMatcher(m ?? {});
  const value = string
    ? { or_match: { value_matchers: [{ string_match: string }, { list_match: { one_of: { string_match: string } } }] } }
    : { present_match: true };
  return defined({
    filter: JWT_FILTER,
    path: [JWT_PAYLOAD, ...path].map((key) => ({ key })),
    value,
    invert: invert || undefined,
  });
}

function withoutHeader(name: string, m: StringMatch | undefined): Json {
  const string = stringMatcher(m ?? {});
  return string
    ? { name, string_match: string, invert_match: true, treat_missing_header_as_empty: true }
    : { name, present_match: true, invert_match: true };
}

/** The path as Istio means it: a prefix is a prefix of the text, so `/foo` also takes `/foobar`; segments are whole. */
function pathMatcher(uri: PathMatch | undefined): Json {
  if (uri?.exact !== undefined) return { path: uri.exact };
  if (uri?.prefix) return { prefix: uri.prefix };
  if (uri?.segments && uri.segments !== '/') return { path_separated_prefix: uri.segments };
  if (uri?.regex) return { safe_regex: { regex: uri.regex } };
  return { prefix: '/' };
}

/** A `RouteMatch`; without a match, everything. What depends on the client alone is not part of it. */
export function routeMatch(m: RuleMatch | undefined): Json {
  if (!m) return { prefix: '/' };
  const headers = [
    ...Object.entries(m.headers ?? {}).flatMap(([k, v]) => (claimPath(k) ? [] : [headerMatcher(k.toLowerCase(), v)])),
    ...Object.entries(m.withoutHeaders ?? {}).flatMap(([k, v]) => (claimPath(k) ? [] : [withoutHeader(k.toLowerCase(), v)])),
    ...(['method', 'scheme', 'authority'] as const).flatMap((k) => (m[k] ? [headerMatcher(`:${k}`, m[k])] : [])),
  ];
  const claims = [m.headers, m.withoutHeaders].flatMap((map, i) =>
    Object.entries(map ?? {}).flatMap(([k, v]) => {
      const path = claimPath(k);
      return path ? [claimMatcher(path, v, i === 1)] : [];
    }),
  );
  const query = Object.entries(m.queryParams ?? {}).map(([name, v]) => {
    const string = stringMatcher(v);
    return string ? { name, string_match: string } : { name, present_match: true };
  });
  return defined({
    ...pathMatcher(m.uri),
    case_sensitive: m.ignoreUriCase && !m.uri?.regex ? false : undefined,
    headers: headers.length ? headers : undefined,
    query_parameters: query.length ? query : undefined,
    dynamic_metadata: claims.length ? claims : undefined,
  });
}

/** True when nothing can come after it. */
export function catchesAll(match: Json): boolean {
  return match['prefix'] === '/' && Object.keys(match).every((k) => k === 'prefix' || k === 'case_sensitive');
}
