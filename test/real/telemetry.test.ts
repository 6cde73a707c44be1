import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { TypeUrl } from '../../src/envoy/index.ts';
import { httpMetrics } from '../../src/envoy/metrics.ts';
import { startTelemetry } from '../../src/telemetry/index.ts';
import { startXds } from '../../src/xds/index.ts';
import { freePort, get, resourceOf, startEnvoy } from './real-envoy.edge.ts';

test('requests through a real Envoy are counted, from the first one on, under the names of Istio', { timeout: 60_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'telemetry-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const web = createServer((_req, res) => res.end('ok')).listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => web.close());
  const port = await freePort();
  const tags = [
    { name: 'reporter', value: 'destination' },
    { name: 'destination_workload', value: 'web' },
  ];
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: (web.address() as AddressInfo).port } } };
  const http = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'web',
    access_log: httpMetrics(tags, false),
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'web' } }] }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }],
  };
  const xds = await startXds({
    socketPath: join(dir, 'xds.sock'),
    clock: systemClock,
    log: silentLog,
    resolve: (n) => ({ proxyId: n.id }),
    secrets: async () => undefined,
  });
  t.after(() => xds.close());
  xds.publish('web', {
    clusters: new Map([
      [
        'web',
        resourceOf(TypeUrl.cluster, 'web', {
          name: 'web',
          type: 'STATIC',
          load_assignment: { cluster_name: 'web', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        }),
      ],
    ]),
    listeners: new Map([
      [
        'web',
        resourceOf(TypeUrl.listener, 'web', {
          name: 'web',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [{ filters: [{ name: 'http', typed_config: http }] }],
        }),
      ],
    ]),
    endpoints: new Map(),
    routes: new Map(),
    virtualHosts: new Map(),
  });
  const envoy = await startEnvoy('web', join(dir, 'xds.sock'));
  t.after(() => envoy.stop());
  const telemetry = await startTelemetry({ clock: systemClock, log: silentLog, port: 0, intervalMs: 200 });
  t.after(() => telemetry.close());
  telemetry.setTargets([{ id: 'web', adminSocket: envoy.adminSocket, labels: { pod: 'web-1' } }]);
  const value = async (expr: string): Promise<number | undefined> => {
    const result = await telemetry.query(expr);
    return result.type === 'vector' ? result.samples[0]?.value : undefined;
  };
  const reaches = async (expr: string, enough: (v: number) => boolean): Promise<void> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const v = await value(expr);
      if (v !== undefined && enough(v)) return;
      assert.ok(Date.now() < deadline, `${expr} is ${v}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await reaches('envoy_server_live', (v) => v === 1);
  // The listener may come a moment later.
  await get({ port, path: '/' }).catch(() => get({ port, path: '/' }));
  for (let i = 0; i < 9; i++) assert.equal((await get({ port, path: '/' })).status, 200);
  await reaches(
    'sum(increase(istio_requests_total{reporter="destination",destination_workload="web",response_code="200",pod="web-1"}[1m]))',
    (v) => Math.abs(v - 10) < 0.5,
  );
  await reaches(
    'histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{destination_workload="web"}[1m])) by (le))',
    (v) => v > 0,
  );
  await reaches('envoy_listener_manager_lds_update_success', (v) => v === 1);
});
