/** The last failed requests by the service that they were sent to, so that a decision on a canary can name some. Pure, and bounded. */
import type { CanaryFailedRequest } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import type { RequestLog } from '../../delivery/index.ts';
import type { LoggedRequest } from '../../xds/index.ts';

/** Services remembered; of more, those that failed last. */
const SERVICES = 256;
/** Requests kept of each. */
const KEPT = 5;
/** Characters kept of what others wrote. */
const LONGEST = 200;

export interface FailedRequests extends RequestLog {
  note(request: LoggedRequest): void;
}

export function rememberFailed(): FailedRequests {
  const byService = new Map<string, readonly LoggedRequest[]>();
  return {
    note(request) {
      const service = serviceIn(request.cluster);
      // Without an id there is nothing to look for in logs and traces.
      if (!service || !request.id) return;
      const last = [...(byService.get(service) ?? []), request].slice(-KEPT);
      byService.delete(service);
      byService.set(service, last);
      if (byService.size > SERVICES) byService.delete(byService.keys().next().value!);
    },
    failed: (service, since) => (byService.get(service) ?? []).filter((r) => r.time >= since).map(shown),
  };
}

/** `podinfo-canary.test` of `outbound|9898||podinfo-canary.test.svc.cluster.local`. */
function serviceIn(cluster: string): string | undefined {
  return /^outbound\|\d+\|[^|]*\|([^.|]+\.[^.|]+)\.svc\./.exec(cluster)?.[1];
}

function shown({ id, time, method, path, status, detail }: LoggedRequest): CanaryFailedRequest {
  const cut = (text: string): string => text.slice(0, LONGEST);
  return { id: cut(id), time: rfc3339(time), request: cut(`${method} ${path}`), status, ...(detail ? { detail: cut(detail) } : {}) };
}
