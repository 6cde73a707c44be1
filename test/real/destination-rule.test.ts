/** DestinationRules at a sidecar, row by row: whom the real Envoy asks, and how it speaks to them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../../src/api/index.ts';
import { silentLog, systemClock } from '../../src/base/index.ts';
import { createCa, createRoot } from '../../src/ca/index.ts';
import { createTranslator } from '../../src/envoy/index.ts';
import { defaultMeshConfig, proxyOf, snapshotOf } from '../../src/mesh/index.ts';
import { startXds } from '../../src/xds/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { bytesOver, greeter } from './bytes.edge.ts';
import { ask, atLoopback, echo, envoyOf, serve, type Answered, type Ask, type EnvoyOf } from './envoy-of.edge.ts';
import { istio, podOf, subsets, versioned } from './mesh-objects.ts';
import { HeldBack } from './narrow.ts';
import { freePort, startEnvoy } from './real-envoy.edge.ts';

const run = (t: TestContext, objects: readonly KubeObject[], labels = {}): Promise<EnvoyOf> =>
  envoyOf(t, { objects: [podOf('client', labels), ...objects], pod: 'default/client' });
const rule = (host: string, trafficPolicy: object, more: object = {}): KubeObject =>
  istio('DestinationRule', host, { host, trafficPolicy, ...more });
const nameIn = ({ status, body }: Answered): string => (status === 200 ? (JSON.parse(body) as { name: string }).name : String(status));

test('balancers: in turn, at random, by a header, a cookie, a query parameter, an address', { timeout: 60_000 }, async (t) => {
  const versions: Record<string, number> = {};
  for (const v of ['a', 'b', 'c', 'd']) versions[v] = await serve(t, echo(v));
  const hashed = (key: object, more: object = {}): object => ({ loadBalancer: { consistentHash: { ...key, ...more } } });
  const policies: Record<string, object> = {
    turn: { loadBalancer: { simple: 'ROUND_ROBIN' } },
    random: { loadBalancer: { simple: 'RANDOM' } },
    least: { loadBalancer: { simple: 'LEAST_REQUEST' } },
    header: hashed({ httpHeaderName: 'x-user' }),
    maglev: hashed({ httpHeaderName: 'x-user' }, { maglev: { tableSize: 1009 } }),
    query: hashed({ httpQueryParameterName: 'user' }),
    cookie: hashed({ httpCookie: { name: 'user', ttl: '60s', path: '/' } }),
    address: hashed({ useSourceIp: true }),
  };
  const envoy = await run(
    t,
    Object.entries(policies).flatMap(([name, policy]) => [...versioned(name, { versions }), rule(name, policy)]),
  );
  const seen = async (host: string, n: number, more: (i: number) => Ask = () => ({})): Promise<string[]> => {
    const names = [];
    for (let i = 0; i < n; i++) names.push(nameIn(await ask(envoy.port(80), host, more(i))));
    return names;
  };
  const kinds = (names: readonly string[]): number => new Set(names).size;
  const counts = Object.values(Object.groupBy(await seen('turn', 40), (name) => name)).map((all) => all!.length);
  assert.deepEqual(counts, [10, 10, 10, 10]);
  for (const host of ['random', 'least']) assert.equal(kinds(await seen(host, 60)), 4, host);
  const stays: Record<string, (user: string) => Ask> = {
    header: (user) => ({ headers: { 'x-user': user } }),
    maglev: (user) => ({ headers: { 'x-user': user } }),
    query: (user) => ({ path: `/?user=${user}` }),
    cookie: (user) => ({ headers: { cookie: `user=${user}` } }),
  };
  for (const [host, as] of Object.entries(stays)) {
    assert.equal(kinds(await seen(host, 10, () => as('carol'))), 1, host);
    assert.ok(kinds(await seen(host, 30, (i) => as(`user${i}`))) > 1, `${host}: others are elsewhere`);
  }
  assert.equal(kinds(await seen('address', 20)), 1);
  const [cookie = ''] = (await ask(envoy.port(80), 'cookie')).headers['set-cookie'] ?? [];
  assert.match(cookie, /^user=.*Max-Age=60.*Path=\//i, 'who has no cookie is given one');
});

test(
  'connection pools: too many are refused, connections are given up; ports and subsets over the whole',
  { timeout: 60_000 },
  async (t) => {
    let sockets = 0;
    const held = new HeldBack();
    const listener: RequestListener = (req, res) => {
      if (req.url === '/wait') held.hold(() => res.end());
      else res.end('{"name":"app"}');
    };
    const server = createHttp({ keepAliveTimeout: 60_000 }, listener);
    server.on('connection', () => sockets++);
    const port = await serve(t, server);
    const one = { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } };
    const fresh = { connectionPool: { http: { maxRequestsPerConnection: 1 } } };
    const service = (name: string, ports?: Record<string, number>): KubeObject[] =>
      versioned(name, { versions: { v1: port }, ...(ports ? { ports } : {}) });
    const envoy = await run(t, [
      ...service('kept'),
      ...service('fresh'),
      rule('fresh', fresh),
      ...service('narrow'),
      rule('narrow', one),
      ...service('ports', { http: 80, 'http-b': 81 }),
      rule('ports', { portLevelSettings: [{ port: { number: 81 }, ...fresh }] }),
      ...service('subset'),
      rule('subset', {}, { subsets: [{ ...subsets('v1')[0], trafficPolicy: fresh }] }),
      istio('VirtualService', 'subset', { hosts: ['subset'], http: [{ route: [{ destination: { host: 'subset', subset: 'v1' } }] }] }),
    ]);
    const socketsFor = async (host: string, at = 80): Promise<number> => {
      const before = sockets;
      for (let i = 0; i < 5; i++) assert.equal((await ask(envoy.port(at), host)).status, 200);
      return sockets - before;
    };
    const opened = [
      await socketsFor('kept'),
      await socketsFor('fresh'),
      await socketsFor('ports'),
      await socketsFor('ports', 81),
      await socketsFor('subset'),
    ];
    assert.deepEqual(opened, [1, 5, 1, 5, 5]);

    const refused = await held.overflow(() => ask(envoy.port(80), 'narrow', { path: '/wait' }));
    assert.deepEqual([refused.status, refused.headers['x-envoy-overloaded']], [503, 'true']);
  },
);

test('TLS to servers: SIMPLE, MUTUAL, DISABLE; whose certificate it must be', { timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tls-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [bank, carol] = [await selfSigned('bank.example'), await selfSigned('carol')];
  const file = (name: string, pem: string): string => {
    writeFileSync(join(dir, name), pem);
    return join(dir, name);
  };
  const [ca, cert, key] = [file('ca', bank.cert), file('cert', carol.cert), file('key', carol.key)];
  const app: RequestListener = (req, res) => {
    const { servername } = req.socket as TLSSocket & { servername?: string };
    const peer = (req.socket as TLSSocket).getPeerCertificate?.().subject?.['CN'];
    res.end(JSON.stringify({ name: `${servername || 'plain'} ${String(peer ?? 'nobody')}` }));
  };
  const tls = await serve(
    t,
    createHttps({ cert: bank.cert, key: bank.key, ca: carol.cert, requestCert: true, rejectUnauthorized: false }, app),
  );
  const plain = await serve(t, app);
  const rows: Record<string, readonly [port: number, tls: object, answer: string]> = {
    simple: [tls, { mode: 'SIMPLE', caCertificates: ca, sni: 'bank.example', subjectAltNames: ['bank.example'] }, 'bank.example nobody'],
    'other-name': [tls, { mode: 'SIMPLE', caCertificates: ca, sni: 'a.example', subjectAltNames: ['bank.example'] }, 'a.example nobody'],
    misnamed: [tls, { mode: 'SIMPLE', caCertificates: ca, sni: 'bank.example', subjectAltNames: ['other.example'] }, '503'],
    'by-sni': [tls, { mode: 'SIMPLE', caCertificates: ca, sni: 'bank.example' }, 'bank.example nobody'],
    'by-host': [tls, { mode: 'SIMPLE', caCertificates: ca }, '503'],
    untrusted: [tls, { mode: 'SIMPLE', sni: 'bank.example', subjectAltNames: ['bank.example'] }, '503'],
    unchecked: [tls, { mode: 'SIMPLE', insecureSkipVerify: true, sni: 'b.example' }, 'b.example nobody'],
    mutual: [
      tls,
      {
        mode: 'MUTUAL',
        caCertificates: ca,
        clientCertificate: cert,
        privateKey: key,
        sni: 'bank.example',
        subjectAltNames: ['bank.example'],
      },
      'bank.example carol',
    ],
    disabled: [plain, { mode: 'DISABLE' }, 'plain nobody'],
    'text-to-tls': [tls, { mode: 'DISABLE' }, '503'],
  };
  const envoy = await run(
    t,
    Object.entries(rows).flatMap(([name, [port, settings]]) => [
      ...versioned(name, { versions: { v1: port } }),
      rule(name, { tls: settings }),
    ]),
  );
  for (const [name, [, , answer]] of Object.entries(rows)) {
    const answered = nameIn(await ask(envoy.port(80), name));
    // Node answers plain text on a TLS port with 400, or ends the connection.
    assert.equal(name === 'text-to-tls' && answered === '400' ? '503' : answered, answer, name);
  }
});

test(
  'whose rule holds: of the client, of the service, of the root; for those it selects and is exported to',
  { timeout: 60_000 },
  async (t) => {
    const port = await serve(t, echo('app'));
    const refusing = { tls: { mode: 'SIMPLE', insecureSkipVerify: true } };
    const service = (name: string): KubeObject[] => versioned(name, { versions: { v1: port }, namespace: 'shop' });
    const of = (namespace: string, host: string, trafficPolicy: object, more: object = {}, age = 0): KubeObject =>
      istio('DestinationRule', `${host}-${age}`, { host: `${host}.shop.svc.cluster.local`, trafficPolicy, ...more }, namespace, age);
    const objects = [
      ...['plain', 'theirs', 'ours', 'root', 'hidden', 'selected'].flatMap(service),
      of('shop', 'theirs', refusing),
      of('shop', 'ours', refusing),
      of('default', 'ours', {}),
      of('istio-system', 'root', refusing),
      of('shop', 'hidden', refusing, { exportTo: ['.'] }),
      of('default', 'selected', refusing, { workloadSelector: { matchLabels: { tier: 'front' } } }, 1),
      of('default', 'selected', {}, {}, 0),
    ];
    const statuses = async (labels: object): Promise<Record<string, number>> => {
      const envoy = await run(t, objects, labels);
      const found: Record<string, number> = {};
      for (const name of ['plain', 'theirs', 'ours', 'root', 'hidden', 'selected'])
        found[name] = (await ask(envoy.port(80), `${name}.shop`)).status;
      return found;
    };
    const others = { plain: 200, theirs: 503, ours: 200, root: 503, hidden: 200 };
    assert.deepEqual(await statuses({ tier: 'front' }), { ...others, selected: 503 });
    assert.deepEqual(await statuses({ tier: 'back' }), { ...others, selected: 200 });
  },
);

test('bytes: through an HTTP proxy, and with the PROXY protocol before them', { timeout: 60_000 }, async (t) => {
  const asked: string[] = [];
  const db = await greeter(t, 'db');
  const proxy = createHttp();
  proxy.on('connect', (req, socket) => {
    asked.push(String(req.url));
    const up = connect(db, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(up).pipe(socket);
    });
    for (const s of [up, socket]) s.on('error', () => undefined);
  });
  const tunnel = await serve(t, proxy);
  const announced = await greeter(t, 'told');
  const entry = (name: string, number: number, port: number): KubeObject =>
    istio('ServiceEntry', name, {
      hosts: [`${name}.example`],
      addresses: ['127.0.0.1'],
      resolution: 'STATIC',
      ports: [{ number, name: 'tcp', protocol: 'TCP', targetPort: port }],
      endpoints: [{ address: '127.0.0.1' }],
    });
  const envoy = await run(t, [
    entry('through', 9001, tunnel),
    rule('through.example', { tunnel: { protocol: 'CONNECT', targetHost: 'db.internal', targetPort: 5432 } }),
    entry('announced', 9002, announced),
    rule('announced.example', { proxyProtocol: { version: 'V1' } }),
  ]);
  assert.equal(await bytesOver({ port: envoy.port(9001) }, 'hello'), 'db: hello');
  assert.deepEqual(asked, ['db.internal:5432']);
  assert.match(await bytesOver({ port: envoy.port(9002) }, 'hello'), /^told: PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n/);
});

test('a retry budget: of so many requests under way only a share is tried again', { timeout: 60_000 }, async (t) => {
  const attempts: Record<string, number> = {};
  const port = await serve(t, (req, res) => {
    attempts[req.headers.host!] = (attempts[req.headers.host!] ?? 0) + 1;
    res.writeHead(503).end();
  });
  const retries = { attempts: 3, retryOn: '5xx', backoff: '1ms' };
  const names = ['free', 'none', 'few'];
  const envoy = await run(t, [
    ...names.flatMap((name) => [
      ...versioned(name, { versions: { v1: port } }),
      istio('VirtualService', name, { hosts: [name], http: [{ retries, route: [{ destination: { host: name } }] }] }),
    ]),
    rule('none', { retryBudget: { percent: 0, minRetryConcurrency: 0 } }),
    rule('few', { retryBudget: { percent: 100, minRetryConcurrency: 1 } }),
  ]);
  for (const name of names) assert.equal((await ask(envoy.port(80), name)).status, 503);
  assert.deepEqual(attempts, { free: 4, none: 1, few: 4 });
  assert.match(await envoy.admin('/stats?filter=outbound.80..none.*upstream_rq_retry_overflow'), /: [1-9]/);
});

test('warm-up: an endpoint that is new gets few requests at first', { timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'warm-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [old, fresh, port] = [await serve(t, echo('old')), await serve(t, echo('new')), await freePort()];
  const client = podOf('client');
  const translator = createTranslator();
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const identity = await ca.issue({ namespace: 'default', serviceAccount: 'client' }, Date.now());
  const xds = await startXds({
    socketPath: join(dir, 'xds.sock'),
    clock: systemClock,
    log: silentLog,
    resolve: (n) => ({ proxyId: n.id }),
    secrets: async (_id, name) => (name === 'ROOTCA' ? { kind: 'trust', caPem: ca.rootCertPem } : { kind: 'identity', ...identity }),
  });
  t.after(() => xds.close());
  const warmup = (name: string, loadBalancer: object): KubeObject =>
    rule(name, { loadBalancer: { simple: 'ROUND_ROBIN', ...loadBalancer } });
  const publish = (versions: Record<string, number>): void => {
    const services = ['warm', 'cold'].flatMap((name) => versioned(name, { versions }));
    const rules = [warmup('warm', { warmup: { duration: '3600s', minimumPercent: 0 } }), warmup('cold', {})];
    translator.update(snapshotOf([client, ...services, ...rules], defaultMeshConfig));
    xds.publish('client', atLoopback(translator.resources(proxyOf(client as Pod)!), { listeners: { '0.0.0.0_80': port } }));
  };
  publish({ v1: old });
  const envoy = await startEnvoy('client', join(dir, 'xds.sock'));
  t.after(() => envoy.stop());
  const asked = async (host: string): Promise<string> => nameIn(await ask(port, host));
  const until = async (what: string, is: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 10_000; !(await is().catch(() => false)); await pause(20))
      assert.ok(Date.now() < end, `not so within 10 s: ${what}`);
  };
  await until('the first endpoint answers', async () => (await asked('warm')) === 'old' && (await asked('cold')) === 'old');
  // Shares follow ages here: the older one is to be older by far.
  await pause(2000);
  publish({ v1: old, v2: fresh });
  await until('the second one is known', async () => (await asked('cold')) === 'new');
  const counts: Record<string, number> = { warm: 0, cold: 0 };
  const n = 60;
  for (let i = 0; i < n; i++) for (const host of ['warm', 'cold']) if ((await asked(host)) === 'new') counts[host]!++;
  assert.equal(counts['cold'], n / 2);
  assert.ok(counts['warm']! < n / 3, `${counts['warm']} of ${n} went to the endpoint that was new`);
});
