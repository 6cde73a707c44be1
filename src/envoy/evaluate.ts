/** What matchers, as they are sent to Envoy, say of a request; and in words of the objects they were made from, why. */
import { RE2JS } from 're2js';
import { memo } from '../mesh/index.ts';
import type { Json } from './json.ts';

/** A request as a route or a policy sees it. */
export interface SeenRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** As the client says it, with a port where it names one. */
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Verdict {
  readonly holds: boolean;
  /** What decided: the part that fits, or the first one that does not. */
  readonly why: string;
}

export const yes = (why: string): Verdict => ({ holds: true, why });
export const no = (why: string): Verdict => ({ holds: false, why });

const compiled = memo((holder: { readonly regex: string }) => RE2JS.compile(holder.regex));

/** A `StringMatcher`. */
export function textHolds(matcher: Json, value: string): Verdict {
  const fold = matcher['ignore_case'] === true ? (s: string) => s.toLowerCase() : (s: string) => s;
  const [kind, said] = Object.entries(matcher).find(([k]) => k !== 'ignore_case') ?? ['exact', ''];
  const written = typeof said === 'string' ? said : '';
  const text = fold(written);
  const own = fold(value);
  switch (kind) {
    case 'exact':
      return { holds: own === text, why: `exact "${written}"` };
    case 'prefix':
      return { holds: own.startsWith(text), why: `prefix "${written}"` };
    case 'suffix':
      return { holds: own.endsWith(text), why: `suffix "${written}"` };
    case 'contains':
      return { holds: own.includes(text), why: `contains "${written}"` };
    case 'safe_regex': {
      const regex = said as { regex: string };
      return { holds: compiled(regex).matcher(value).matches(), why: `regex "${regex.regex}"` };
    }
    default:
      return no(`${kind}, which only the proxy can tell`);
  }
}

const PSEUDO: Readonly<Record<string, (r: SeenRequest) => string>> = {
  ':method': (r) => r.method,
  ':scheme': (r) => r.scheme,
  ':authority': (r) => r.authority,
  ':path': (r) => r.path,
};

/** A `HeaderMatcher`. */
export function headerHolds(matcher: Json, request: SeenRequest): Verdict {
  const name = String(matcher['name']);
  const value = PSEUDO[name]?.(request) ?? request.headers[name.toLowerCase()];
  const inverted = matcher['invert_match'] === true;
  const field = name.startsWith(':') ? name.slice(1) : `${inverted ? 'withoutHeaders' : 'headers'}[${name}]`;
  const has = value === undefined ? 'the request has none' : `the request has "${value}"`;
  const string = matcher['string_match'] as Json | undefined;
  if (!string) return { holds: (value !== undefined) !== inverted, why: `${field} ${inverted ? 'absent' : 'present'}: ${has}` };
  if (value === undefined && matcher['treat_missing_header_as_empty'] !== true) {
    return no(`${field} ${textHolds(string, '').why}: ${has}`);
  }
  const found = textHolds(string, value ?? '');
  return { holds: found.holds !== inverted, why: `${field} ${inverted ? 'not ' : ''}${found.why}: ${has}` };
}

function pathHolds(match: Json, request: SeenRequest): Verdict {
  const path = request.path.split(/[?#]/, 1)[0]!;
  const fold = match['case_sensitive'] === false ? { ignore_case: true } : {};
  const has = `the path is "${path}"`;
  for (const [field, kind] of [
    ['path', 'exact'],
    ['prefix', 'prefix'],
    ['safe_regex', 'safe_regex'],
  ] as const) {
    if (match[field] === undefined) continue;
    const found = textHolds({ [kind]: match[field], ...fold }, path);
    return { holds: found.holds, why: `uri ${found.why}: ${has}` };
  }
  const separated = match['path_separated_prefix'];
  if (typeof separated === 'string') {
    return { holds: path === separated || path.startsWith(`${separated}/`), why: `path prefix "${separated}": ${has}` };
  }
  return no('a path that only the proxy can tell');
}

function queryHolds(matcher: Json, request: SeenRequest): Verdict {
  const name = String(matcher['name']);
  const value = new URLSearchParams(request.path.split('?', 2)[1] ?? '').get(name);
  const field = `queryParams[${name}]`;
  const has = value === null ? 'the request has none' : `the request has "${value}"`;
  const string = matcher['string_match'] as Json | undefined;
  if (!string || value === null) return { holds: value !== null, why: `${field}: ${has}` };
  const found = textHolds(string, value);
  return { holds: found.holds, why: `${field} ${found.why}: ${has}` };
}

/** A `RouteMatch`. */
export function routeHolds(match: Json, request: SeenRequest): Verdict {
  const parts = [
    pathHolds(match, request),
    ...((match['headers'] as Json[] | undefined) ?? []).map((h) => headerHolds(h, request)),
    ...((match['query_parameters'] as Json[] | undefined) ?? []).map((q) => queryHolds(q, request)),
  ];
  const failed = parts.find((p) => !p.holds);
  if (failed) return failed;
  const said = parts.filter((p) => !p.why.startsWith('uri prefix "/":'));
  return yes(said.map((p) => p.why).join('; ') || 'takes every request');
}
