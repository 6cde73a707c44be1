/** What the mesh's part of the control plane counts, under the names that Istio's dashboards read. */
import { createMetrics, measureProcess } from '../../base/index.ts';
import type { ProxyResources } from '../../envoy/index.ts';
import type { Conflicts } from '../../mesh/index.ts';
import type { ProxyState } from '../../xds/index.ts';

/** Seconds; as istiod's. */
const BUCKETS = [0.1, 0.5, 1, 3, 5, 10, 20, 30];
/** Seconds, of work. */
const PUSH_BUCKETS = [0.01, 0.1, 1, 3, 5, 10, 20, 30];
const TYPES: readonly (readonly [keyof ProxyResources, string])[] = [
  ['clusters', 'cds'],
  ['endpoints', 'eds'],
  ['listeners', 'lds'],
  ['routes', 'rds'],
  ['virtualHosts', 'vhds'],
];
const REFUSED: readonly (readonly [name: string, type: string])[] = [
  ['cds', 'Cluster'],
  ['eds', 'ClusterLoadAssignment'],
  ['lds', 'Listener'],
  ['rds', 'RouteConfiguration'],
];
const EVENTS = { added: 'add', updated: 'update', deleted: 'delete' } as const;

/** What is looked up when it is asked for. */
export interface PilotGauges {
  readonly version: string;
  proxies(): readonly ProxyState[];
  services(): number;
  virtualServices(): number;
  conflicts(): Conflicts;
}

export interface PilotMetrics {
  /** A proxy is to hold something else: its publication `number`, made from `began` to `now`, in milliseconds. */
  published(proxy: string, number: number, before: ProxyResources | undefined, after: ProxyResources, began: number, now: number): void;
  /** A proxy has answered. */
  answered(proxy: string, state: ProxyState, now: number): void;
  forget(proxy: string): void;
  /** An object came, changed or went. */
  changed(kind: string, event: keyof typeof EVENTS): void;
  /** In Prometheus' text format. */
  text(): string;
}

export function createPilotMetrics({ version, proxies, services, virtualServices, conflicts }: PilotGauges): PilotMetrics {
  const metrics = createMetrics();
  const one = (name: string, help: string, read: () => number): void => metrics.gauge(name, help, [], () => [[[], read()]]);
  const connected = (): ProxyState[] => proxies().filter((p) => p.connected);

  metrics.gauge('istio_build', 'What runs.', ['component', 'tag'], () => [[['pilot', version], 1]]);
  metrics.gauge('pilot_xds', 'Proxies that are connected.', ['version'], () => [[[version], connected().length]]);
  one('pilot_services', 'Services that are known.', services);
  one('pilot_virt_services', 'VirtualServices that are known.', virtualServices);
  one('pilot_conflict_inbound_listener', 'Ports of pods that Services call by different protocols.', () => conflicts().inbound);
  one('pilot_conflict_outbound_listener_tcp_over_current_tcp', 'Ports of bytes that others have, too.', () => conflicts().tcpOverTcp);
  one('pilot_conflict_outbound_listener_tcp_over_current_http', 'Ports of bytes where HTTP is spoken.', () => conflicts().tcpOverHttp);
  one('pilot_conflict_outbound_listener_http_over_current_tcp', 'HTTP keeps every port that it is spoken on.', () => 0);
  for (const [name, type] of REFUSED)
    one(`pilot_xds_${name}_reject`, `Refused by proxies now: ${type}.`, () => {
      const refused = connected().flatMap((p) => p.rejections);
      return refused.filter((r) => r.typeUrl.endsWith(`.${type}`)).length;
    });
  const pushes = metrics.counter('pilot_xds_pushes', 'What proxies were sent anew.', ['type']);
  const worked = metrics.histogram('pilot_xds_push_time', 'What it takes to make and send a push, in seconds.', ['type'], PUSH_BUCKETS);
  const rejects = metrics.counter('pilot_total_xds_rejects', 'Refusals by proxies.', []);
  rejects([], 0);
  const events = metrics.counter('pilot_k8s_cfg_events', 'Changes of objects.', ['type', 'event']);
  const converged = metrics.histogram('pilot_proxy_convergence_time', 'From a change to the answer of a proxy, in seconds.', [], BUCKETS);
  measureProcess(metrics);

  /** The oldest publication that each proxy has not answered. */
  const open = new Map<string, { readonly number: number; readonly at: number }>();
  const refused = new Map<string, number>();

  return {
    published(proxy, number, before, after, began, now) {
      for (const [field, type] of TYPES) {
        if (before ? before[field] === after[field] : !after[field].size) continue;
        pushes([type]);
        worked([type], (now - began) / 1000);
      }
      if (!open.has(proxy)) open.set(proxy, { number, at: now });
    },
    answered(proxy, { rejections, acked }, now) {
      rejects([], Math.max(0, rejections.length - (refused.get(proxy) ?? 0)));
      refused.set(proxy, rejections.length);
      const waiting = open.get(proxy);
      if (!waiting || acked < waiting.number) return;
      open.delete(proxy);
      converged([], (now - waiting.at) / 1000);
    },
    forget(proxy) {
      open.delete(proxy);
      refused.delete(proxy);
    },
    changed: (kind, event) => events([kind, EVENTS[event]]),
    text: () => Buffer.concat([...metrics.text()]).toString(),
  };
}
