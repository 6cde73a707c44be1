import type { JwtRule } from '../api/index.ts';
import { defined, extension, type Json } from './json.ts';

export const JWT_FILTER = 'envoy.filters.http.jwt_authn';
/** Where a checked token's claims are, in the metadata of the filter. */
export const JWT_PAYLOAD = 'payload';

/**
 * A key of which nobody kept the private half: the keys of this rule could not be had, so every token that claims to be of this
 * issuer is refused, and a request without one still passes, as it would with the keys.
 */
const NO_KEYS = JSON.stringify({
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      alg: 'ES256',
      x: '-dJ-AW9EJWqYmLc0w7JvLOehSHHM4ibRgCF5k43sk-0',
      y: '6tkZT2VaBuJlfVxwoF5lZaaDYTaqcLCRWEkjjw9x6rM',
    },
  ],
});

/**
 * Checks the tokens that requests bring: one that does not hold is answered with 401, a request without any passes. `routed` where
 * routes may be chosen by claims.
 */
export function jwtFilter(rules: readonly JwtRule[], routed = false): Json[] {
  const usable = rules.filter((r) => r.issuer);
  if (!usable.length) return [];
  const providers = usable.map((rule, i): [string, Json] => [`origins-${i}`, provider(rule, routed)]);
  const names = providers.map(([name]) => ({ provider_name: name }));
  const missing = { allow_missing: {} };
  const requires =
    names.length === 1
      ? { requires_any: { requirements: [names[0], missing] } }
      : {
          requires_any: {
            requirements: [
              ...names,
              { requires_all: { requirements: names.map((n) => ({ requires_any: { requirements: [n, missing] } })) } },
            ],
          },
        };
  return [
    extension(JWT_FILTER, 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', {
      providers: Object.fromEntries(providers),
      rules: [{ match: { prefix: '/' }, requires }],
      bypass_cors_preflight: true,
    }),
  ];
}

function hasKeys(text: string | undefined): boolean {
  try {
    const keys = (JSON.parse(text ?? '') as { keys?: unknown } | null)?.keys;
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}

/** Claims that are lists of words in every token. */
const WORDS = ['scope', 'permission'];

function provider(rule: JwtRule, routed: boolean): Json {
  return defined({
    issuer: rule.issuer,
    audiences: rule.audiences?.length ? rule.audiences : undefined,
    local_jwks: { inline_string: hasKeys(rule.jwks) ? rule.jwks : NO_KEYS },
    forward: rule.forwardOriginalToken || undefined,
    from_headers: rule.fromHeaders?.map((h) => ({ name: h.name, ...(h.prefix ? { value_prefix: h.prefix } : {}) })),
    from_params: rule.fromParams,
    from_cookies: rule.fromCookies,
    forward_payload_header: rule.outputPayloadToHeader || undefined,
    claim_to_headers: rule.outputClaimToHeaders?.map((c) => ({ header_name: c.header, claim_name: c.claim })),
    payload_in_metadata: JWT_PAYLOAD,
    // A policy that asks for one word of such a claim finds it among the others.
    normalize_payload_in_metadata: { space_delimited_claims: [...new Set([...WORDS, ...(rule.spaceDelimitedClaims ?? [])])] },
    // Routes may ask for claims, and were chosen before there were any.
    clear_route_cache: routed || undefined,
  });
}
