import { GRPC_STATUSES, type HTTPFault, type Percent } from '../api/index.ts';
import { any, duration, type Json } from './json.ts';

/** Envoy counts in millionths; thousandths of a percent are not lost. */
export function fraction(percent: Percent): Json {
  return { numerator: Math.min(1_000_000, Math.max(0, Math.round((percent.value ?? 0) * 10_000))), denominator: 'MILLION' };
}

/** A delay without a percentage never happens, an abort without one always does. */
export function faultConfig(fault: HTTPFault | undefined): Json {
  const delay = duration(fault?.delay?.fixedDelay);
  const delayed = fault?.delay?.percentage ?? (fault?.delay?.percent === undefined ? undefined : { value: fault.delay.percent });
  const abort = fault?.abort;
  const code = GRPC_STATUSES.indexOf(abort?.grpcStatus ?? '');
  const parts: Json = {
    ...(delay && delay !== '0s' ? { delay: { fixed_delay: delay, percentage: fraction(delayed ?? { value: 0 }) } } : {}),
    ...(abort && (abort.httpStatus || code >= 0)
      ? {
          abort: {
            ...(abort.httpStatus ? { http_status: abort.httpStatus } : { grpc_status: code }),
            percentage: fraction(abort.percentage ?? { value: 100 }),
          },
        }
      : {}),
  };
  return Object.keys(parts).length ? { 'envoy.filters.http.fault': any('envoy.extensions.filters.http.fault.v3.HTTPFault', parts) } : {};
}
