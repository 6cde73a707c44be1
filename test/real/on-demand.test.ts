import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { createCa, createRoot } from '../../src/ca/index.ts';
import { createTranslator, TypeUrl, type Json, type ProxyResources } from '../../src/envoy/index.ts';
import { decode } from '../../src/envoy/encode.ts';
import { defaultMeshConfig, snapshotOf, type Proxy } from '../../src/mesh/index.ts';
import { startXds, type Xds } from '../../src/xds/index.ts';
import { freePort, resourceOf, startEnvoy } from './real-envoy.edge.ts';

const SIZE = 60;
const PROXY: Proxy = {
  id: 'web.default',
  kind: 'sidecar',
  namespace: 'default',
  pod: 'web',
  ip: '10.244.0.9',
  labels: { app: 'web' },
  serviceAccount: 'default',
  workload: 'web',
};
const config = { ...defaultMeshConfig, outboundTrafficPolicy: 'REGISTRY_ONLY' } as const;

function service(name: string, ports: Readonly<Record<string, number>>): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80 }] },
    },
    ...Object.entries(ports).map(([version, port]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-${version}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port, protocol: 'TCP' }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    })),
  ];
}

function rules(name: string, hosts: string[], to: Readonly<Record<string, number>>): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { hosts, http: [{ route: Object.entries(to).map(([host, weight]) => ({ destination: { host }, weight })) }] },
  };
}

async function upstream(t: TestContext, says: string): Promise<number> {
  const server = createServer((_req, res) => res.end(says)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The listener of port 80 on a port that the test can reach, instead of behind a redirect. */
function reachable(resources: ProxyResources, port: number): ProxyResources {
  const json: Json = decode(TypeUrl.listener, resources.listeners.get('0.0.0.0_80')!.bytes);
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const { bind_to_port: _unbound, ...rest } = json;
  return { ...resources, listeners: new Map([['web', resourceOf(TypeUrl.listener, 'web', { ...rest, address, name: 'web' })]]) };
}

test('a sidecar of a large mesh asks for what it uses, holds only that, and follows its changes', { timeout: 60_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'on-demand-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const [a, b, port] = [await upstream(t, 'a'), await upstream(t, 'b'), await freePort()];
  const socketPath = join(dir, 'xds.sock');
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const identity = await ca.issue({ namespace: 'default', serviceAccount: 'default' }, Date.now());
  const objects = new Map<string, object[]>([
    ...Array.from({ length: SIZE }, (_, i): [string, object[]] => [`svc-${i}`, service(`svc-${i}`, i % 2 ? { b } : { a })]),
    ['split', [rules('split', ['svc-0'], { 'svc-0': 100, 'svc-1': 0 })]],
    ['wild', [rules('wild', ['*.wild.test'], { 'svc-1': 1 })]],
    ['exact', [rules('exact', ['exact.wild.test'], { 'svc-2': 1 })]],
  ]);
  let translator = createTranslator({ onDemandAbove: SIZE - 1 });
  let xds: Xds;
  const publish = (asked: ReadonlySet<string>, when?: 'now'): unknown =>
    xds.publish(PROXY.id, reachable(translator.resources(PROXY, asked), port), when);
  const changed = (): void => {
    translator.update(snapshotOf([...objects.values()].flat() as KubeObject[], config));
    publish(xds.asked(PROXY.id));
  };
  const start = async (): Promise<void> => {
    xds = await startXds({
      socketPath,
      clock: systemClock,
      log: silentLog,
      resolve: (n) => ({ proxyId: n.id }),
      secrets: async (_id, name) => (name === 'ROOTCA' ? { kind: 'trust', caPem: ca.rootCertPem } : { kind: 'identity', ...identity }),
    });
    xds.onAsk((_id, asked) => publish(asked, 'now'));
    changed();
  };
  await start();
  t.after(() => xds.close());
  const envoy = await startEnvoy(PROXY.id, socketPath);
  t.after(() => envoy.stop());
  const ask = (host: string): Promise<string> => call(port, host);
  const clusters = async (): Promise<string[]> =>
    [...(await envoy.admin('/clusters')).matchAll(/^(outbound\S*?)::observability_name/gm)].map((m) => m[1]!).sort();
  const stat = async (name: string): Promise<number> => Number(/: (\d+)/.exec(await envoy.admin(`/stats?filter=${name}$`))?.[1] ?? NaN);
  await until(async () => (await ask('svc-0')) === '200 a');

  await t.test('only what was asked for is held', async () => {
    assert.deepEqual(await clusters(), ['outbound|80||svc-0.default.svc.cluster.local', 'outbound|80||svc-1.default.svc.cluster.local']);
  });

  await t.test('by every name, with a port, in any case; the most specific rules win', async () => {
    const table = { 'svc-0.default': 'a', 'svc-0.default.svc.cluster.local:80': 'a', 'SVC-3.default.svc': 'b', '10.96.1.1': 'a' };
    for (const [host, body] of Object.entries({ ...table, 'x.wild.test': 'b', 'exact.wild.test': 'a', 'y.z.wild.test': 'b' }))
      assert.equal(await ask(host), `200 ${body}`, host);
  });

  await t.test('many first requests at once are all held and answered', async () => {
    const hosts = Array.from({ length: 40 }, (_, i) => `svc-${i % 20}.default`);
    assert.deepEqual([...new Set(await Promise.all(hosts.map(ask)))].sort(), ['200 a', '200 b']);
  });

  await t.test('a name of nobody is refused as the policy says; one that would stand for all is not taken', async () => {
    assert.match(await ask('nobody.test'), /^502/);
    assert.match(await ask('*'), /^404/);
    assert.match(await ask('*.default'), /^404/);
    assert.equal(await ask('svc-0'), '200 a');
  });

  await t.test('a service that comes later takes the name that was asked for; one that goes gives it up', async () => {
    assert.match(await ask('late'), /^502/);
    objects.set('late', service('late', { b }));
    changed();
    await until(async () => (await ask('late')) === '200 b');
    objects.delete('late');
    changed();
    await until(async () => (await ask('late')).startsWith('502'));
  });

  await t.test('a weight is one virtual host on the wire', async () => {
    const before = await stat('vhds.80.update_success');
    objects.set('split', [rules('split', ['svc-0'], { 'svc-0': 0, 'svc-1': 100 })]);
    const earlier = translator.resources(PROXY, xds.asked(PROXY.id));
    changed();
    const now = translator.resources(PROXY, xds.asked(PROXY.id));
    assert.equal(now.clusters, earlier.clusters);
    assert.equal(now.routes, earlier.routes);
    assert.ok(
      [...now.virtualHosts].filter(([name, r]) => earlier.virtualHosts.get(name) !== r).every(([name]) => /svc-0|10\.96\.1\.1/.test(name)),
    );
    await until(async () => (await ask('svc-0')) === '200 b');
    assert.equal(await stat('vhds.80.update_rejected'), 0);
    assert.ok((await stat('vhds.80.update_success')) > before);
  });

  await t.test('a new control plane learns what was asked from the proxy: no request fails, nothing is sent again', async () => {
    const success = 'cluster_manager.cds.update_success';
    const before = await stat(success);
    const failures: string[] = [];
    const asking = { on: true };
    const client = (async () => {
      while (asking.on) {
        const answer = await ask('svc-5').catch(String);
        if (answer !== '200 b') failures.push(answer);
      }
    })();
    await xds.close();
    translator = createTranslator({ onDemandAbove: SIZE - 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await start();
    await until(async () => xds.asked(PROXY.id).has('80/svc-5'));
    assert.equal(await ask('svc-7.default.svc'), '200 b');
    objects.set('split', [rules('split', ['svc-0'], { 'svc-0': 100, 'svc-1': 0 })]);
    changed();
    await until(async () => (await ask('svc-0')) === '200 a');
    // Past the time after which clusters that nobody needs are taken away.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    asking.on = false;
    await client;
    assert.deepEqual(failures, []);
    assert.ok((await clusters()).length > 10);
    // One for the host that was new.
    assert.ok((await stat(success)) - before <= 1, `${await stat(success)} after ${before}`);
  });
});

function call(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path: '/', agent: false, timeout: 5000, headers: { host } }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('end', () => resolve(`${res.statusCode} ${body}`));
    });
    req.on('timeout', () => req.destroy(new Error('no answer within 5 s')));
    req.on('error', reject);
    req.end();
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (await condition().catch(() => false)) return;
    assert.ok(Date.now() < deadline, `not so within 10 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
