/** Requests that went badly at the canary, as far as decisions name some. Pure. */
import type { Canary, CanaryBadRequest } from '../api/index.ts';
import { DURATION } from './builtin-metrics.ts';
import { beganAt } from './history.ts';
import { canaryName } from './names.ts';
import type { RequestLog } from './ports.ts';
import type { Settings } from './settings.ts';

/** Those since the decision before, in the release under way. Slow is what request-duration does not allow. */
export function badRequestsOf(
  { status = {} }: Canary,
  { apex, namespace, metrics }: Settings,
  log: RequestLog | undefined,
): readonly CanaryBadRequest[] {
  const began = beganAt(status);
  if (!log || began === undefined) return [];
  const duration = metrics.find((m) => m.name === DURATION);
  const allowed = duration?.thresholdRange?.max ?? duration?.threshold;
  const before = Date.parse(status.evidence?.at(-1)?.time ?? '') || 0;
  return log.bad(`${canaryName(apex)}.${namespace}`, Math.max(began, before), allowed ?? Infinity);
}

/** In a few words. */
export function badRequestText({ id, request, status, grpc, detail, ms }: CanaryBadRequest): string {
  return `${id}: ${request} ${grpc ? `gRPC ${grpc}` : status || 'without an answer'}${detail ? ` (${detail})` : ''}${ms ? ` after ${ms} ms` : ''}`;
}
