import { parseDuration } from '../base/index.ts';
import type { CorsPolicy, StringMatch } from '../api/index.ts';
import { any, defined, type Json } from './json.ts';

function origin(m: StringMatch): Json {
  if (m.regex !== undefined) return { safe_regex: { regex: m.regex } };
  return m.prefix !== undefined ? { prefix: m.prefix } : { exact: m.exact ?? '' };
}

export function corsConfig(cors: CorsPolicy | undefined): Json {
  if (!cors) return {};
  const origins = [
    ...(cors.allowOrigins ?? []).map(origin),
    ...(cors.allowOrigin ?? []).map((o) => (o === '*' ? { safe_regex: { regex: '.*' } } : { exact: o })),
  ];
  const maxAge = cors.maxAge === undefined ? undefined : parseDuration(cors.maxAge);
  return {
    'envoy.filters.http.cors': any(
      'envoy.extensions.filters.http.cors.v3.CorsPolicy',
      defined({
        allow_origin_string_match: origins.length ? origins : undefined,
        allow_methods: cors.allowMethods?.join(','),
        allow_headers: cors.allowHeaders?.join(','),
        expose_headers: cors.exposeHeaders?.join(','),
        max_age: maxAge === undefined ? undefined : String(Math.round(maxAge / 1000)),
        allow_credentials: cors.allowCredentials,
        forward_not_matching_preflights: cors.unmatchedPreflights !== 'IGNORE',
      }),
    ),
  };
}
