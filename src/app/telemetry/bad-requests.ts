/** The last requests to each service that failed or were slow, so that a decision on a canary can name some. Pure, and bounded. */
import { GRPC_FAULTS, GRPC_STATUSES, type CanaryBadRequest } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import type { RequestLog } from '../../delivery/index.ts';
import type { LoggedRequest } from '../../xds/index.ts';

/** Services remembered; of more, those that were told of last. */
const SERVICES = 256;
/** Requests kept of each that failed, and as many that were only slow. */
const KEPT = 5;
/** Characters kept of what others wrote. */
const LONGEST = 200;

export interface BadRequests extends RequestLog {
  note(request: LoggedRequest): void;
}

interface Last {
  readonly failed: readonly LoggedRequest[];
  readonly slow: readonly LoggedRequest[];
}

export function rememberBad(): BadRequests {
  const byService = new Map<string, Last>();
  return {
    note(request) {
      const service = serviceIn(request.cluster);
      // Without an id there is nothing to look for in logs and traces.
      if (!service || !request.id) return;
      const last = byService.get(service) ?? { failed: [], slow: [] };
      const kind = isFailed(request) ? 'failed' : 'slow';
      byService.delete(service);
      byService.set(service, { ...last, [kind]: [...last[kind], request].slice(-KEPT) });
      if (byService.size > SERVICES) byService.delete(byService.keys().next().value!);
    },
    bad(service, since, slowMs) {
      const { failed = [], slow = [] } = byService.get(service) ?? {};
      const recent = [...failed, ...slow.filter((r) => r.durationMs >= slowMs)].filter((r) => r.time >= since);
      return recent.slice(0, KEPT).map(shown);
    },
  };
}

/** The failure of gRPC, which has a good status of HTTP; undefined when it is none. */
const grpcFault = ({ grpcStatus }: LoggedRequest): string | undefined => GRPC_FAULTS.find((f) => f === GRPC_STATUSES[grpcStatus ?? 0]);

const isFailed = (request: LoggedRequest): boolean => request.status === 0 || request.status >= 500 || grpcFault(request) !== undefined;

/** `podinfo-canary.test` of `outbound|9898||podinfo-canary.test.svc.cluster.local`. */
function serviceIn(cluster: string): string | undefined {
  return /^outbound\|\d+\|[^|]*\|([^.|]+\.[^.|]+)\.svc\./.exec(cluster)?.[1];
}

function shown(logged: LoggedRequest): CanaryBadRequest {
  const { id, time, method, path, status, detail, durationMs: ms } = logged;
  const cut = (text: string): string => text.slice(0, LONGEST);
  const grpc = grpcFault(logged);
  return {
    id: cut(id),
    time: rfc3339(time),
    request: cut(`${method} ${path}`),
    status,
    ...(grpc ? { grpc } : {}),
    ...(detail ? { detail: cut(detail) } : {}),
    ms,
  };
}
