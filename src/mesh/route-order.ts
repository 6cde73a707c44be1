import type { gatewayApi } from '../api/index.ts';
import type { Rule } from './rule.ts';

/** Rules of one match of a route, and all by which it comes before or after others. */
export interface Ranked {
  readonly rules: readonly Rule[];
  readonly path: { readonly type: 'Exact' | 'RegularExpression' | 'PathPrefix'; readonly length: number };
  readonly method: boolean;
  readonly headers: number;
  readonly queryParams: number;
}

const RANK = { Exact: 2, RegularExpression: 1, PathPrefix: 0 } as const;

/**
 * Sorts the most specific match first: the kind of path, its length, a method, the number of headers, then of query parameters.
 * What is equal in all of these stays in its order: the older route first, then the earlier rule. The standard leaves the place
 * of regexes open; before prefixes they can be reached beside a `/`.
 */
export function bySpecificMatch(a: Ranked, b: Ranked): number {
  return (
    RANK[b.path.type] - RANK[a.path.type] ||
    b.path.length - a.path.length ||
    Number(b.method) - Number(a.method) ||
    b.headers - a.headers ||
    b.queryParams - a.queryParams
  );
}

export function rankOf(match: gatewayApi.HTTPMatch, rules: readonly Rule[]): Ranked {
  const { path, method, headers = [], queryParams = [] } = match;
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  return {
    rules,
    // A slash at the end of a prefix means nothing.
    path: { type, length: (type === 'PathPrefix' ? value.replace(/\/+$/, '') : value).length },
    method: method !== undefined,
    headers: headers.length,
    queryParams: queryParams.length,
  };
}
