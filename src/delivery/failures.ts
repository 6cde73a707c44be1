/** Requests that failed at the canary, as far as decisions name some. Pure. */
import type { Canary, CanaryFailedRequest } from '../api/index.ts';
import { beganAt } from './history.ts';
import { canaryName } from './names.ts';
import type { RequestLog } from './ports.ts';
import type { Settings } from './settings.ts';

/** Those since the decision before, in the release under way. */
export function failuresOf(
  { status = {} }: Canary,
  { apex, namespace }: Settings,
  log: RequestLog | undefined,
): readonly CanaryFailedRequest[] {
  const began = beganAt(status);
  if (!log || began === undefined) return [];
  const before = Date.parse(status.evidence?.at(-1)?.time ?? '') || 0;
  return log.failed(`${canaryName(apex)}.${namespace}`, Math.max(began, before));
}

/** In a few words. */
export function failureText({ id, request, status, detail }: CanaryFailedRequest): string {
  return `${id}: ${request} ${status || 'without an answer'}${detail ? ` (${detail})` : ''}`;
}
