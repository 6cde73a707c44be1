import type { HTTPRetry } from '../api/index.ts';
import { any, duration, type Json } from './json.ts';

/** What is safe to try again on any route. */
const RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

const previousHosts: Json = {
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'),
    },
  ],
  host_selection_retry_max_attempts: '5',
};

/** Two retries where nothing is said; with consistent hashing the same host may be asked again. */
export function retryPolicy(retries: HTTPRetry | undefined, hashed: boolean): Json {
  const attempts = retries ? (retries.attempts ?? 2) : 2;
  if (attempts <= 0) return {};
  const words = (retries?.retryOn || RETRY_ON).split(',').map((w) => w.trim());
  const codes = words.filter((w) => /^\d{3}$/.test(w)).map(Number);
  const conditions = words.filter((w) => w && !/^\d{3}$/.test(w));
  if (codes.length && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes');
  const perTry = duration(retries?.perTryTimeout);
  const backoff = duration(retries?.backoff);
  return {
    retry_policy: {
      retry_on: conditions.join(','),
      num_retries: attempts,
      ...(codes.length ? { retriable_status_codes: codes } : {}),
      ...(perTry && perTry !== '0s' ? { per_try_timeout: perTry } : {}),
      ...(backoff && backoff !== '0s' ? { retry_back_off: { base_interval: backoff } } : {}),
      ...(hashed || retries?.retryIgnorePreviousHosts === false ? {} : previousHosts),
      ...(retries?.retryRemoteLocalities
        ? {
            retry_priority: {
              name: 'envoy.retry_priorities.previous_priorities',
              typed_config: any('envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', { update_frequency: 2 }),
            },
          }
        : {}),
    },
  };
}

/** For requests that never reached the application: the connection broke under them. */
export const inboundRetry: Json = { retry_policy: { retry_on: 'reset-before-request', num_retries: 2 } };
