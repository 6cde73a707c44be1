/**
 * Every certificate of a mesh is replaced again and again under steady load, and no request notices: of the workloads at both ends of
 * mTLS, by a CA whose certificates live for seconds, and of a host at the gateway, by another Secret. Connections are given up after a
 * few requests, so that there are handshakes all the time, and certificates expire while the load goes on.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { createCa, createIdentities, createRoot } from '../../src/ca/index.ts';
import type { Identity } from '../../src/ca/identity.ts';
import { createTranslator } from '../../src/envoy/index.ts';
import { proxyOf, snapshotOf, type Proxy } from '../../src/mesh/index.ts';
import { startXds, type SecretMaterial, type Xds } from '../../src/xds/index.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { selfSigned } from '../support/certificate.ts';
import { atLoopback, echo, gatewayObjects, objectsOf, serve, serviceAt } from './envoy-of.edge.ts';
import { freePort, startEnvoy, type RealEnvoy } from './real-envoy.edge.ts';

const LIFE_MS = 6000;
/** Certificates are renewed when three eighths of their life are over: enough for five of each. */
const LOAD_MS = 13_000;
const HOST = 'shop.example.com';
const GATEWAY = 'istio-ingressgateway-0.istio-system';

test('all certificates rotate under load: no request fails', { timeout: 120_000 }, async (t) => {
  const [app, inbound, plain, tls, outbound] = [
    await serve(t, echo('app')),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const objects = meshOf(inbound);
  const translator = createTranslator();
  assert.deepEqual(translator.update(snapshotOf(objects)), []);

  const root = await createRoot('cluster.local', Date.now());
  const ca = await createCa({ root, trustDomain: 'cluster.local', now: Date.now(), workloadLifeMs: LIFE_MS });
  const serials = new Map<string, Set<string>>();
  const identities = createIdentities({
    issue: async (identity, now) => {
      const issued = await ca.issue(identity, now);
      const own = serials.get(identity.serviceAccount) ?? new Set();
      serials.set(identity.serviceAccount, own.add(new X509Certificate(issued.certChainPem).serialNumber));
      return issued;
    },
    clock: systemClock,
    log: silentLog,
  });
  t.after(() => identities.close());

  const dir = mkdtempSync(join(tmpdir(), 'rotation-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const proxies = new Map(objects.flatMap((o) => proxyOf((o.kind === 'Pod' ? o : {}) as Pod) ?? []).map((p) => [p.id, p]));
  let edge = await selfSigned(HOST);
  const secrets = async (id: string, name: string): Promise<SecretMaterial | undefined> => {
    if (name === 'ROOTCA') return { kind: 'trust', caPem: ca.rootCertPem };
    if (name !== 'default') return { kind: 'identity', certChainPem: edge.cert, keyPem: edge.key };
    const { namespace, serviceAccount } = proxies.get(id)!;
    return { kind: 'identity', ...(await identities.certificate({ namespace, serviceAccount } satisfies Identity)) };
  };
  const socketPath = join(dir, 'xds.sock');
  const xds = await startXds({ socketPath, clock: systemClock, log: silentLog, resolve: (n) => ({ proxyId: n.id }), secrets });
  t.after(() => xds.close());
  identities.onRenewed(() => xds.secretsChanged());

  const start = async (id: string, at: Parameters<typeof atLoopback>[1]): Promise<RealEnvoy> => {
    xds.publish(id, atLoopback(translator.resources(proxies.get(id)!), at));
    const envoy = await startEnvoy(id, socketPath);
    t.after(() => envoy.stop());
    await settled(xds, proxies.get(id)!);
    return envoy;
  };
  const server = await start('app.default', { listeners: { virtualInbound: inbound }, clusters: { [`inbound|${inbound}||`]: app } });
  await start(GATEWAY, { listeners: { '0.0.0.0_8080': plain, '0.0.0.0_8443': tls } });
  await start('client.default', { listeners: { '0.0.0.0_80': outbound } });

  const load = new Load();
  const until = Date.now() + LOAD_MS;
  const kept = new HttpAgent({ keepAlive: true });
  const keptTls = new HttpsAgent({ keepAlive: true });
  const clients = [
    load.run('gateway', until, () => ask(false, plain, HOST, kept)),
    load.run('gateway, a connection each', until, () => ask(false, plain, HOST)),
    load.run('gateway, TLS', until, () => ask(true, tls, HOST, keptTls)),
    load.run('gateway, TLS, a connection each', until, () => ask(true, tls, HOST)),
    load.run('sidecar', until, () => ask(false, outbound, 'app', kept)),
    load.run('sidecar, a connection each', until, () => ask(false, outbound, 'app')),
  ];
  const seen = new Set<string>();
  for (let i = 1; i <= 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, LOAD_MS / 5));
    edge = await selfSigned(HOST);
    xds.secretsChanged();
    seen.add(new X509Certificate(edge.cert).serialNumber);
  }
  await Promise.all(clients);
  kept.destroy();
  keptTls.destroy();

  const handshakes = Number(/ssl\.handshake: (\d+)/.exec(await server.admin('/stats?filter=listener.*ssl.handshake'))?.[1]);
  const rotated = Object.fromEntries([...serials].map(([account, all]) => [account, all.size]));
  t.diagnostic(
    JSON.stringify({ requests: load.requests, failed: load.failures.length, certificates: rotated, ofTheHost: 1 + seen.size, handshakes }),
  );
  assert.deepEqual(load.failures, []);
  for (const [what, n] of Object.entries(load.requests)) assert.ok(n > 50, `only ${n} requests by ${what}`);
  for (const account of ['app', 'client', 'istio-ingressgateway-service-account'])
    assert.ok((rotated[account] ?? 0) > 3, `${account} had ${rotated[account]} certificates`);
  assert.equal(seen.size, 4);
  assert.ok(handshakes > 100, `${handshakes} handshakes`);
});

/** The gateway, a client and an application that takes mTLS alone. */
function meshOf(inbound: number): KubeObject[] {
  const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${name}, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: ${name}, containers: [{ name: app }, { name: istio-proxy, args: [proxy, sidecar] }] }
status: { podIP: 127.0.0.1 }
`;
  const [service, slice] = serviceAt('app', inbound) as [KubeObject & { spec: object }, KubeObject & { endpoints: object[] }];
  const ports = [{ name: 'http', port: 80, targetPort: inbound }];
  const behind: object[] = [
    { ...service, spec: { ...service.spec, selector: { app: 'app' }, ports } },
    { ...slice, endpoints: slice.endpoints.map((e) => ({ ...e, targetRef: { kind: 'Pod', namespace: 'default', name: 'app' } })) },
  ];
  return [
    ...gatewayObjects().filter((o) => o.kind !== 'Gateway'),
    ...behind,
    ...objectsOf(
      [
        pod('app'),
        pod('client'),
        `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`,
        `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: app, namespace: default }
spec: { host: app, trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 5 } } } }
`,
        `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: [${HOST}] }
    - { port: { number: 443, name: https, protocol: HTTPS }, hosts: [${HOST}], tls: { mode: SIMPLE, credentialName: shop } }
`,
        `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop, namespace: default }
spec: { hosts: [${HOST}], gateways: [shop], http: [{ route: [{ destination: { host: app } }] }] }
`,
      ].join('---\n'),
    ),
  ];
}

/** Requests one after another, by several clients, and what failed of them. */
class Load {
  readonly requests: Record<string, number> = {};
  readonly failures: string[] = [];

  async run(what: string, until: number, once: () => Promise<number>): Promise<void> {
    while (Date.now() < until) {
      const status = await once().catch(String);
      this.requests[what] = (this.requests[what] ?? 0) + 1;
      if (status !== 200) this.failures.push(`${what}: ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function ask(tls: boolean, port: number, host: string, agent: HttpAgent | false = false): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, headers: { host }, agent, timeout: 10_000 };
    const request = tls ? httpsRequest({ ...options, servername: host, rejectUnauthorized: false }) : httpRequest(options);
    request.on('response', (response) => response.on('end', () => resolve(response.statusCode ?? 0)).resume());
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.on('error', reject);
    request.end();
  });
}

/** Waits until the proxy took what was published for it. */
async function settled(xds: Xds, { id }: Proxy): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const state = xds.state(id);
    if (state.connected && state.acked === state.published) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${id} did not take its configuration: ${JSON.stringify(xds.state(id))}`);
}
