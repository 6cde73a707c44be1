/** Which requests a real Envoy tells the control plane of: those that failed, by gRPC as well, or were slow on routes that split. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { createCa, createRoot } from '../../src/ca/index.ts';
import { createTranslator } from '../../src/envoy/index.ts';
import { defaultMeshConfig, proxyOf, snapshotOf } from '../../src/mesh/index.ts';
import { startXds, type LoggedRequest } from '../../src/xds/index.ts';
import { ask, atLoopback, serve } from './envoy-of.edge.ts';
import { istio, podOf, subsets, versioned } from './mesh-objects.ts';
import { freePort, startEnvoy } from './real-envoy.edge.ts';

test('bad requests are told of one by one where a route splits, and no others', { timeout: 60_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'request-log-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const good = await serve(t, (req, res) => {
    const [, status] = /^\/well\/grpc\/(\d+)$/.exec(req.url ?? '') ?? [];
    if (status) res.setHeader('grpc-status', status).setHeader('content-type', 'application/grpc');
    setTimeout(() => res.end('ok'), req.url === '/well/slow' ? 600 : 0);
  });
  const bad = await serve(t, (_req, res) => res.writeHead(500).end());
  const client = podOf('client');
  const to = (subset: string, weight: number): object => ({ destination: { host: 'app', subset }, weight });
  const objects = [
    client,
    ...versioned('app', { versions: { good, bad } }),
    istio('DestinationRule', 'app', { host: 'app', subsets: subsets('good', 'bad') }),
    istio('VirtualService', 'app', {
      hosts: ['app'],
      http: [
        { match: [{ uri: { prefix: '/one' } }], route: [to('bad', 100)] },
        { match: [{ uri: { prefix: '/well' } }], route: [to('good', 100), to('bad', 0)] },
        { route: [to('good', 0), to('bad', 100)] },
      ],
    }),
  ];
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const identity = await ca.issue({ namespace: 'default', serviceAccount: 'default' }, Date.now());
  const translator = createTranslator();
  translator.update(snapshotOf(objects, defaultMeshConfig));
  const proxy = proxyOf(client as Pod)!;
  const logged: LoggedRequest[] = [];
  const xds = await startXds({
    socketPath: join(dir, 'xds.sock'),
    clock: systemClock,
    log: silentLog,
    resolve: (n) => ({ proxyId: n.id }),
    secrets: async (_id, name) => (name === 'ROOTCA' ? { kind: 'trust', caPem: ca.rootCertPem } : { kind: 'identity', ...identity }),
    onLogged: (request) => logged.push(request),
  });
  t.after(() => xds.close());
  const port = await freePort();
  const clusters = { 'outbound|80|good|app.default.svc.cluster.local': good, 'outbound|80|bad|app.default.svc.cluster.local': bad };
  xds.publish('client', atLoopback(translator.resources(proxy), { listeners: { '0.0.0.0_80': port }, clusters }));
  const envoy = await startEnvoy('client', join(dir, 'xds.sock'));
  t.after(() => envoy.stop());

  const asked = async (path: string, id: string): Promise<number> =>
    (await ask(port, 'app', { path, headers: { 'x-request-id': id } })).status;
  for (const end = Date.now() + 10_000; (await asked('/well', 'warm').catch(() => 0)) !== 200;)
    if (Date.now() > end) assert.fail(await envoy.admin('/config_dump?resource=dynamic_listeners'));
  const began = Date.now();
  assert.deepEqual([await asked('/one', 'one'), await asked('/well', 'well'), await asked('/all?secret=1', 'all')], [500, 200, 500]);
  assert.equal(await asked('/well/slow', 'slow'), 200);
  for (const end = Date.now() + 10_000; logged.length < 2; await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(Date.now() < end, 'nothing was told');
  const [{ time, durationMs, ...request }, slow] = logged as [LoggedRequest, LoggedRequest];
  assert.deepEqual(
    [request, logged.length],
    [
      {
        cluster: 'outbound|80|bad|app.default.svc.cluster.local',
        id: 'all',
        method: 'GET',
        path: '/all',
        status: 500,
        grpcStatus: undefined,
        detail: 'via_upstream',
      },
      2,
    ],
  );
  assert.deepEqual([slow.id, slow.status], ['slow', 200]);
  assert.ok(slow.durationMs >= 590 && durationMs < slow.durationMs, `${durationMs}, ${slow.durationMs}`);
  // What is the fault of the client is not told of.
  const grpc = { 'content-type': 'application/grpc' };
  for (const status of ['0', '5', '13'])
    await ask(port, 'app', { path: `/well/grpc/${status}`, headers: { ...grpc, 'x-request-id': `grpc-${status}` } });
  await ask(port, 'app', { path: '/well/grpc/13', headers: { 'x-request-id': 'no gRPC' } });
  for (const end = Date.now() + 10_000; logged.length < 3; await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(Date.now() < end, 'a failure of gRPC was not told of');
  assert.deepEqual(
    logged.slice(2).map((r) => [r.id, r.status, r.grpcStatus]),
    [['grpc-13', 200, 13]],
  );
  assert.ok(time >= began - 1000 && time <= Date.now() + 1000, String(time));
});
