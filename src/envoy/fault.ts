import type { HTTPFault, Percent } from '../api/index.ts';
import { any, duration, type Json } from './json.ts';

const GRPC: Readonly<Record<string, number>> = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

/** Envoy counts in millionths; thousandths of a percent are not lost. */
export function fraction(percent: Percent): Json {
  return { numerator: Math.min(1_000_000, Math.max(0, Math.round((percent.value ?? 0) * 10_000))), denominator: 'MILLION' };
}

/** A delay without a percentage never happens, an abort without one always does. */
export function faultConfig(fault: HTTPFault | undefined): Json {
  const delay = duration(fault?.delay?.fixedDelay);
  const delayed = fault?.delay?.percentage ?? (fault?.delay?.percent === undefined ? undefined : { value: fault.delay.percent });
  const abort = fault?.abort;
  const code = abort?.grpcStatus === undefined ? undefined : GRPC[abort.grpcStatus];
  const parts: Json = {
    ...(delay && delay !== '0s' ? { delay: { fixed_delay: delay, percentage: fraction(delayed ?? { value: 0 }) } } : {}),
    ...(abort && (abort.httpStatus || code !== undefined)
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
