import type { JwtRule } from '../api/index.ts';
import { any, defined, extension, type Json } from './json.ts';

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
  const providers = providersOf(rules, 'origins', routed);
  return providers.length
    ? [
        extension(JWT_FILTER, CONFIG, {
          providers: Object.fromEntries(providers),
          rules: [{ match: { prefix: '/' }, requires: requirement(providers) }],
          bypass_cors_preflight: true,
        }),
      ]
    : [];
}

const CONFIG = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
const ATTACHED = 'mesh.attached_tokens';

/** The filter that checks tokens for single Gateways, by the name of each; it asks for none but on routes that name one. */
export function attachedTokens(byGateway: ReadonlyMap<string, readonly JwtRule[]>): Json[] {
  const all = [...byGateway].map(([gateway, rules]) => ({ gateway, providers: providersOf(rules, gateway, true) }));
  const checking = all.filter((g) => g.providers.length);
  return checking.length
    ? [
        extension(ATTACHED, CONFIG, {
          providers: Object.fromEntries(checking.flatMap((g) => g.providers)),
          requirement_map: Object.fromEntries(checking.map((g) => [g.gateway, requirement(g.providers)])),
          bypass_cors_preflight: true,
        }),
      ]
    : [];
}

/** What routes of a Gateway say to that filter. */
export function attachedTokensOf(gateway: string, rules: readonly JwtRule[]): Json {
  const name = 'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig';
  return rules.some((r) => r.issuer) ? { [ATTACHED]: any(name, { requirement_name: gateway }) } : {};
}

function providersOf(rules: readonly JwtRule[], prefix: string, routed: boolean): [string, Json][] {
  return rules.filter((r) => r.issuer).map((rule, i) => [`${prefix}-${i}`, provider(rule, routed)]);
}

/** One of the tokens, or none at all. */
function requirement(providers: readonly [string, Json][]): Json {
  const names = providers.map(([name]) => ({ provider_name: name }));
  const missing = { allow_missing: {} };
  return names.length === 1
    ? { requires_any: { requirements: [names[0], missing] } }
    : {
        requires_any: {
          requirements: [
            ...names,
            { requires_all: { requirements: names.map((n) => ({ requires_any: { requirements: [n, missing] } })) } },
          ],
        },
      };
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
