/** Filters of gateways that do nothing but on routes that set them up; always there, so that setting one up is a change of routes alone. */
import type { Rule } from '../mesh/index.ts';
import { addressBlock } from './address-block.ts';
import { any, defined, duration, extension, type Json } from './json.ts';

const BUFFER = 'envoy.filters.http.buffer';
const LIMIT = 'envoy.filters.http.local_ratelimit';
const ADDRESSES = 'mesh.source_addresses';
const USERS = 'envoy.filters.http.basic_auth';
const SESSION = 'envoy.filters.http.stateful_session';

/** Envoy wants one user; nobody has this password, as it is no digest of any. */
const NOBODY = 'nobody:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=';

const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

/** In the order in which requests meet them. */
export const idleFilters: readonly Json[] = [
  // Its name is not that of the filter of AuthorizationPolicies, which routes must leave alone.
  extension(ADDRESSES, 'envoy.extensions.filters.http.rbac.v3.RBAC'),
  extension(USERS, 'envoy.extensions.filters.http.basic_auth.v3.BasicAuth', { users: { inline_string: NOBODY } }),
  extension(LIMIT, 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'http_local_rate_limiter' }),
  extension(BUFFER, 'envoy.extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 1 }),
  extension(SESSION, 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession'),
].map((filter) => ({ ...filter, disabled: true }));

/** What a rule asks of them. */
export function routeFilters({ limit, maxBody, session, addresses, users }: Rule): Json {
  return {
    ...(addresses
      ? { [ADDRESSES]: any('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: { rules: allowance(addresses) } }) }
      : {}),
    ...(users
      ? {
          [USERS]: any(
            'envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute',
            defined({ users: { inline_string: users.lines }, realm: users.realm }),
          ),
        }
      : {}),
    ...(limit
      ? {
          [LIMIT]: any('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
            stat_prefix: 'http_local_rate_limiter',
            status: { code: 'ServiceUnavailable' },
            token_bucket: { max_tokens: limit.burst, tokens_per_fill: limit.requests, fill_interval: duration(limit.per) },
            filter_enabled: all,
            filter_enforced: all,
          }),
        }
      : {}),
    ...(maxBody
      ? { [BUFFER]: any('envoy.extensions.filters.http.buffer.v3.BufferPerRoute', { buffer: { max_request_bytes: maxBody } }) }
      : {}),
    ...(session
      ? {
          [SESSION]: any('envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute', {
            stateful_session: {
              session_state: sessionState(session),
            },
          }),
        }
      : {}),
  };
}

function sessionState(session: NonNullable<Rule['session']>): Json {
  return 'header' in session
    ? extension('envoy.http.stateful_session.header', 'envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState', {
        name: session.header,
      })
    : extension('envoy.http.stateful_session.cookie', 'envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState', {
        cookie: defined({ name: session.cookie, path: session.path, ttl: duration(session.ttl) }),
      });
}

/** Who comes from one of the blocks, and from none of the others. */
function allowance({ allowed, denied }: NonNullable<Rule['addresses']>): Json {
  const from = (blocks: readonly string[]): Json[] => blocks.map((b) => addressBlock('remote_ip', b));
  const principals = [
    ...(allowed ? [{ or_ids: { ids: from(allowed) } }] : []),
    ...(denied ? [{ not_id: { or_ids: { ids: from(denied) } } }] : []),
  ];
  if (allowed?.length === 0) return { action: 'ALLOW' };
  return { action: 'ALLOW', policies: { addresses: { permissions: [{ any: true }], principals: [{ and_ids: { ids: principals } }] } } };
}
