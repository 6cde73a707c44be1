/** What the proxy of a pod holds and how it fares, as it says itself. */
import { systemClock } from '../../base/index.ts';
import type { Json } from '../../envoy/index.ts';
import type { InstancePaths } from '../instance/paths.ts';
import { askProxy, podNamed } from './proxy-admin.edge.ts';
import { bootstrapOf, clusterRows, endpointRows, listenerRows, routeRows, secretRows, type DumpRow } from './proxy-dump.ts';

const DUMP = '/config_dump';

const SHOWN = {
  clusters: { path: DUMP, rows: clusterRows },
  listeners: { path: DUMP, rows: listenerRows },
  routes: { path: DUMP, rows: routeRows },
  endpoints: { path: '/clusters?format=json', rows: endpointRows },
  secrets: { path: DUMP, rows: (dump: Json) => secretRows(dump, systemClock.now()) },
} as const;

export type ProxyTable = keyof typeof SHOWN;
export const PROXY_TABLES = Object.keys(SHOWN) as readonly ProxyTable[];

/** The pod that is meant, as {@link podNamed} takes it. */
export interface ProxyQuestion {
  readonly pod: string;
  readonly namespace: string;
}

export async function proxyTable(paths: InstancePaths, { pod, namespace }: ProxyQuestion, table: ProxyTable): Promise<DumpRow[]> {
  const { path, rows } = SHOWN[table];
  return rows(JSON.parse(await askProxy(paths, await podNamed(paths, pod, namespace), path)) as Json);
}

export async function proxyBootstrap(paths: InstancePaths, { pod, namespace }: ProxyQuestion): Promise<Json> {
  return bootstrapOf(JSON.parse(await askProxy(paths, await podNamed(paths, pod, namespace), DUMP)) as Json);
}

/** Levels of the proxy's loggers, after `set` (`debug`, or `rbac:debug,jwt:trace`) where it is given; as Envoy lists them. */
export async function proxyLog(paths: InstancePaths, { pod, namespace }: ProxyQuestion, set?: string): Promise<string> {
  const meant = await podNamed(paths, pod, namespace);
  const query = set === undefined ? '' : set.includes(':') ? `?paths=${encodeURIComponent(set)}` : `?level=${encodeURIComponent(set)}`;
  return askProxy(paths, meant, `/logging${query}`, 'POST');
}
