import { hasSubresource, type Catalog } from '../../api/index.ts';
import type { Clock, Metrics } from '../../base/index.ts';
import { isWatch } from './query.ts';
import type { RequestInfo } from './request-info.ts';

/** One request, from when it was understood. */
export interface Measured {
  done(code: number): void;
}

/** Under the names and labels of the real server, so that dashboards for it show this one. */
const BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 15, 30, 60];
const WHAT = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
/** Subresources whose requests last as long as somebody listens. */
const STREAMS: ReadonlySet<string> = new Set(['attach', 'exec', 'portforward', 'proxy']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

export type Measure = (method: string, info: RequestInfo, query: URLSearchParams) => Measured;

/** Measures requests: how many of each kind there were, how long they took, how many streams are open. */
export function measureRequests(metrics: Metrics, catalog: Catalog, clock: Clock): Measure {
  const total = metrics.counter('apiserver_request_total', 'Requests that were answered.', [...WHAT, 'code']);
  const duration = metrics.histogram('apiserver_request_duration_seconds', 'Time from request to answer; not of streams.', WHAT, BOUNDS);
  const open = new Map<string, { readonly values: readonly string[]; count: number }>();
  metrics.gauge('apiserver_longrunning_requests', 'Watches and other streams that are open.', WHAT, () =>
    [...open.values()].map(({ values, count }) => [values, count] as const),
  );

  return (method, info, query) => {
    const values = labelsOf(method, info, query, catalog);
    const streams = values[0] === 'WATCH' || values[0] === 'CONNECT' || (info.type === 'resource' && info.subresource === 'log');
    const key = values.join();
    const started = clock.now();
    const stream = streams ? (open.get(key) ?? { values, count: 0 }) : undefined;
    if (stream) {
      stream.count++;
      open.set(key, stream);
    }
    return {
      done(code) {
        total([...values, String(code)]);
        if (stream) stream.count--;
        else duration(values, (clock.now() - started) / 1000);
      },
    };
  };
}

function labelsOf(method: string, info: RequestInfo, query: URLSearchParams, catalog: Catalog): string[] {
  const component = 'apiserver';
  const verb = method === 'HEAD' ? 'GET' : METHODS.has(method) ? method : 'other';
  const nothing = [verb, '', '', '', '', '', component];
  // What nobody serves is anybody's to name: it is counted under no name.
  if (info.type !== 'resource') return nothing;
  const { group, version, plural, subresource, name, namespace } = info;
  const served = catalog.find(group, version, plural);
  if (!served || (subresource !== undefined && !hasSubresource(served, subresource))) return nothing;
  const scope = name !== undefined ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster';
  return [verbOf(verb, info, query), group, version, plural, subresource ?? '', scope, component];
}

function verbOf(
  method: string,
  { name, subresource }: { name: string | undefined; subresource: string | undefined },
  query: URLSearchParams,
): string {
  if (subresource !== undefined && STREAMS.has(subresource)) return 'CONNECT';
  if (method === 'GET') return isWatch(query) ? 'WATCH' : name === undefined ? 'LIST' : 'GET';
  return method === 'DELETE' && name === undefined ? 'DELETECOLLECTION' : method;
}
