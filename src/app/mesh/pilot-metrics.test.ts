import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TypeUrl, type ProxyResources } from '../../envoy/index.ts';
import type { ProxyState } from '../../xds/index.ts';
import { createPilotMetrics } from './pilot-metrics.ts';

const none = new Map<never, never>();
const held: ProxyResources = { listeners: none, clusters: none, endpoints: none, routes: none, virtualHosts: none };
const sync = {
  cluster: 'synced',
  endpoint: 'synced',
  listener: 'synced',
  route: 'synced',
  virtualHost: 'synced',
  secret: 'synced',
} as const;

test('pushes by type, how long proxies take, and what they refuse', () => {
  const conflicts = () => ({ inbound: 1, tcpOverTcp: 2, tcpOverHttp: 3 });
  let state: ProxyState = { connected: true, published: 2, acked: 1, sync, rejections: [] };
  const metrics = createPilotMetrics({ version: '1', proxies: () => [state], services: () => 7, virtualServices: () => 2, conflicts });
  const route = { typeUrl: TypeUrl.route, name: '80', version: '1', bytes: new Uint8Array() };
  const next = { ...held, routes: new Map([['80', route]]) };
  metrics.published('p', 1, undefined, next, -50, 0);
  metrics.published('p', 2, next, { ...next, clusters: new Map([['c', { ...route, typeUrl: TypeUrl.cluster }]]) }, 100, 100);
  metrics.answered('p', { ...state, acked: 0 }, 150);
  metrics.answered('p', state, 400);
  state = { ...state, acked: 2, rejections: [{ typeUrl: TypeUrl.route, name: '80', version: '1', message: 'no' }] };
  metrics.answered('p', state, 500);
  metrics.answered('p', state, 600);
  metrics.changed('VirtualService', 'updated');
  const lines = new Set(metrics.text().split('\n'));
  for (const line of [
    'pilot_xds{version="1"} 1',
    'pilot_services 7',
    'pilot_xds_pushes{type="rds"} 1',
    'pilot_xds_pushes{type="cds"} 1',
    'pilot_proxy_convergence_time_bucket{le="0.5"} 1',
    'pilot_proxy_convergence_time_count 1',
    'pilot_proxy_convergence_time_sum 0.4',
    'pilot_total_xds_rejects 1',
    'pilot_xds_push_time_bucket{type="rds",le="0.01"} 0',
    'pilot_xds_push_time_sum{type="rds"} 0.05',
    'pilot_conflict_inbound_listener 1',
    'pilot_conflict_outbound_listener_tcp_over_current_tcp 2',
    'pilot_conflict_outbound_listener_tcp_over_current_http 3',
    'pilot_xds_rds_reject 1',
    'pilot_k8s_cfg_events{type="VirtualService",event="update"} 1',
  ])
    assert.ok(lines.has(line), `${line}\n${metrics.text()}`);
});
