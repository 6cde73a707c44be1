import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { test, type TestContext } from 'node:test';
import { createCa, createRoot, type Ca } from '../../src/ca/index.ts';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from '../../src/envoy/index.ts';
import { startXds, type ProxyState, type Xds, type XdsOptions } from '../../src/xds/index.ts';
import { freePort, get, resourceOf, startEnvoy } from './real-envoy.edge.ts';

const PROXY = 'web.test';
const ads = { ads: {}, resource_api_version: 'V3' };

function cluster(name: string, connectTimeout = '1s'): EnvoyResource {
  return resourceOf(TypeUrl.cluster, name, { name, type: 'EDS', eds_cluster_config: { eds_config: ads }, connect_timeout: connectTimeout });
}

function endpoint(name: string, port: number): EnvoyResource {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return resourceOf(TypeUrl.endpoint, name, { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] });
}

function route(weights: Record<string, number>): EnvoyResource {
  const clusters = Object.entries(weights).map(([name, weight]) => ({ name, weight }));
  const routes = [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters } } }];
  return resourceOf(TypeUrl.route, 'web', { name: 'web', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] });
}

const http = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const downstreamTls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

function listener(name: string, port: number, mtls = false): EnvoyResource {
  const typed_config = {
    '@type': http,
    stat_prefix: name,
    rds: { route_config_name: 'web', config_source: ads },
    http_filters: [{ name: 'router', typed_config: { '@type': router } }],
  };
  const tls = {
    '@type': downstreamTls,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: ads }],
      validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: ads },
    },
  };
  const chain = { filters: [{ name: 'http', typed_config }], ...(mtls ? { transport_socket: { name: 'tls', typed_config: tls } } : {}) };
  return resourceOf(TypeUrl.listener, name, {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [chain],
  });
}

const byName = (...resources: EnvoyResource[]): Map<string, EnvoyResource> => new Map(resources.map((r) => [r.name, r]));

async function upstream(t: TestContext, body: string): Promise<number> {
  const server = createServer((_req, res) => res.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Waits until the proxy took its newest publication. */
function settled(xds: Xds): Promise<ProxyState> {
  return new Promise((resolve, reject) => {
    const failure = setTimeout(() => reject(new Error(`the proxy did not settle: ${JSON.stringify(xds.state(PROXY))}`)), 10_000);
    const check = (): void => {
      const state = xds.state(PROXY);
      if (state.acked !== state.published) return;
      clearTimeout(failure);
      off();
      resolve(state);
    };
    const off = xds.onAck(check);
    check();
  });
}

test(
  'a real Envoy takes its configuration, follows changes, refuses what is bad and outlives the control plane',
  { timeout: 60_000 },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'xds-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const [v1, v2, port, tlsPort] = [await upstream(t, 'v1'), await upstream(t, 'v2'), await freePort(), await freePort()];
    const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
    const identity = { namespace: 'test', serviceAccount: 'web' };
    let issued = 0;
    const options: XdsOptions = {
      socketPath: join(dir, 'xds.sock'),
      clock: systemClock,
      log: silentLog,
      resolve: (node) => (node.id === PROXY ? { proxyId: node.id } : { reject: `unknown proxy ${node.id}` }),
      secrets: async (_proxyId, name) => {
        if (name === 'ROOTCA') return { kind: 'trust', caPem: ca.rootCertPem };
        issued++;
        return { kind: 'identity', ...(await ca.issue(identity, Date.now())) };
      },
    };
    const base: ProxyResources = {
      clusters: byName(cluster('v1'), cluster('v2')),
      endpoints: byName(endpoint('v1', v1), endpoint('v2', v2)),
      listeners: byName(listener('plain', port), listener('mtls', tlsPort, true)),
      routes: byName(route({ v1: 100, v2: 0 })),
      virtualHosts: new Map(),
    };
    let xds = await startXds(options);
    t.after(() => xds.close());
    xds.publish(PROXY, base);
    const envoy = await startEnvoy(PROXY, options.socketPath);
    t.after(() => envoy.stop());
    await settled(xds);
    const answer = (): Promise<string> => get({ port, path: '/' }).then((r) => `${r.status} ${r.body}`);
    await until(async () => (await answer()) === '200 v1');

    await t.test('a weight', async () => {
      xds.publish(PROXY, { ...base, routes: byName(route({ v1: 0, v2: 100 })) });
      await settled(xds);
      assert.equal(await answer(), '200 v2');
    });

    await t.test('a cluster that changes while its endpoints do not', async () => {
      xds.publish(PROXY, { ...base, clusters: byName(cluster('v1', '2s'), cluster('v2', '2s')) });
      await settled(xds);
      assert.match(await envoy.admin('/stats?filter=cluster_manager.warming_clusters'), /: 0/);
      assert.equal(await answer(), '200 v1');
    });

    await t.test('mTLS with certificates over SDS, renewed without a new stream', async () => {
      const first = await peerSerial(ca, tlsPort);
      xds.secretsChanged(PROXY);
      await until(async () => (await peerSerial(ca, tlsPort)) !== first);
      assert.equal(issued, 2);
    });

    await t.test('a bad resource is reported and the good ones of the same change are taken', async () => {
      const bad = resourceOf(TypeUrl.listener, 'bad', { name: 'bad' });
      xds.publish(PROXY, {
        ...base,
        clusters: byName(cluster('v1'), cluster('v2'), cluster('v3')),
        endpoints: byName(endpoint('v1', v1), endpoint('v2', v2), endpoint('v3', v2)),
        listeners: new Map([...base.listeners, ['bad', bad]]),
        routes: byName(route({ v3: 100 })),
      });
      const { rejections } = await settled(xds);
      assert.deepEqual(
        rejections.map((r) => r.name),
        ['bad'],
      );
      assert.match(rejections[0]!.message, /bad/);
      assert.equal(await answer(), '200 v2');
    });

    await t.test('the control plane is replaced: no request fails, nothing known is sent again, changes arrive', async () => {
      xds.publish(PROXY, base);
      await settled(xds);
      const counters = async (): Promise<number> =>
        sum(await envoy.admin('/stats?filter=(listener_manager.lds|cluster_manager.cds|rds.web)\\.update_success'));
      const before = await counters();
      const failures: string[] = [];
      const asking = { on: true };
      const client = (async () => {
        while (asking.on) {
          const a = await answer().catch(String);
          if (!a.startsWith('200')) failures.push(a);
        }
      })();
      await xds.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
      xds = await startXds(options);
      xds.publish(PROXY, base);
      await settled(xds);
      assert.equal(await counters(), before);
      xds.publish(PROXY, { ...base, routes: byName(route({ v2: 100 })) });
      await settled(xds);
      assert.equal(await answer(), '200 v2');
      asking.on = false;
      await client;
      assert.deepEqual(failures, []);
    });
  },
);

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (await condition().catch(() => false)) return;
    assert.ok(Date.now() < deadline, `not so within 10 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Speaks mTLS as another workload of the mesh; the serial number of the certificate that Envoy shows. */
async function peerSerial(ca: Ca, port: number): Promise<string> {
  const mine = await ca.issue({ namespace: 'test', serviceAccount: 'client' }, Date.now());
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: ca.rootCertPem,
    cert: mine.certChainPem,
    key: mine.keyPem,
    checkServerIdentity: () => undefined,
  });
  try {
    await once(socket, 'secureConnect');
    const peer = socket.getPeerCertificate();
    assert.equal(peer.subjectaltname, 'URI:spiffe://cluster.local/ns/test/sa/web');
    return peer.serialNumber;
  } finally {
    socket.destroy();
  }
}

function sum(stats: string): number {
  return [...stats.matchAll(/: (\d+)$/gm)].reduce((total, m) => total + Number(m[1]), 0);
}
