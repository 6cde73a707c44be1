/** Where the keys are by which tokens of an issuer are checked. */
import type { JwtRule, RequestAuthentication } from '../api/index.ts';
import { parseDuration } from '../base/index.ts';
import { memo } from './memo.ts';

/** By source. */
export type KeySets = ReadonlyMap<string, KeySet>;

/** What came of fetching. Keys stay for as long as no others can be had; then both are there. */
export interface KeySet {
  /** A JSON Web Key Set. */
  readonly keys?: string;
  /** Why the last attempt failed. */
  readonly error?: string;
}

/** The URL of a key set; or, for an issuer that names it in its OpenID configuration, that one's. */
export interface KeySource {
  readonly url: string;
  readonly discovery: boolean;
  /** How long an answer may take, where the rule says it. */
  readonly timeoutMs?: number;
}

/** Where the keys of a rule are to be fetched; undefined where they are written in the rule, or are nowhere. */
export function keySourceOf({ jwks, jwksUri, jwks_uri: old, issuer, timeout }: JwtRule): KeySource | undefined {
  if (jwks) return undefined;
  const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout);
  const limit = timeoutMs ? { timeoutMs } : {};
  const url = jwksUri ?? old;
  if (url) return { url, discovery: false, ...limit };
  return issuer && /^https?:\/\//.test(issuer)
    ? { url: `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, discovery: true, ...limit }
    : undefined;
}

/** All that is to be fetched, by URL. */
export function keySourcesOf(requests: Iterable<RequestAuthentication>): ReadonlyMap<string, KeySource> {
  const found = [...requests].flatMap((r) => (r.spec?.jwtRules ?? []).flatMap((rule) => keySourceOf(rule) ?? []));
  return new Map(found.map((source) => [source.url, source]));
}

/** The rule with the keys that were fetched for it. */
export const withKeys = memo((rule: JwtRule, keys: string | undefined): JwtRule => (keys === undefined ? rule : { ...rule, jwks: keys }));
