/** Filters of gateways that do nothing but on routes that set them up; always there, so that setting one up is a change of routes alone. */
import type { Rule } from '../mesh/index.ts';
import { any, defined, duration, extension, type Json } from './json.ts';

const BUFFER = 'envoy.filters.http.buffer';
const LIMIT = 'envoy.filters.http.local_ratelimit';
const SESSION = 'envoy.filters.http.stateful_session';

const all = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

/** In the order in which requests meet them. */
export const idleFilters: readonly Json[] = [
  extension(LIMIT, 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'http_local_rate_limiter' }),
  extension(BUFFER, 'envoy.extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: 1 }),
  extension(SESSION, 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession'),
].map((filter) => ({ ...filter, disabled: true }));

/** What a rule asks of them. */
export function routeFilters({ limit, maxBody, session }: Rule): Json {
  return {
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
              session_state: extension(
                'envoy.http.stateful_session.cookie',
                'envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState',
                { cookie: defined({ name: session.cookie, path: session.path, ttl: duration(session.ttl) }) },
              ),
            },
          }),
        }
      : {}),
  };
}
