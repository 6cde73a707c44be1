/** What two workloads say to each other through both of their proxies: gRPC, WebSocket, HTTP/2; and who is known to whom by what. */
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { test } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import type { IssuedCertificate } from '../../src/ca/index.ts';
import { bytesOver, greeter } from './bytes.edge.ts';
import { ask, echo, serve } from './envoy-of.edge.ts';
import { callUnary, converse, grpcClient, grpcServer } from './grpc.edge.ts';
import { istio } from './mesh-objects.ts';
import { twoSidecars } from './two-sidecars.ts';
import { overWebSocket, repeater } from './web-socket.edge.ts';

const UNAVAILABLE = 14;
const RESOURCE_EXHAUSTED = 8;

test(
  'gRPC: answers and conversations, deadlines, statuses that are tried again, rules for single methods',
  { timeout: 60_000 },
  async (t) => {
    const attempts: Record<string, number> = {};
    const failing =
      (code: number, times: number) =>
      (asked: Buffer): Buffer => {
        const attempt = (attempts[String(asked)] = (attempts[String(asked)] ?? 0) + 1);
        if (attempt > times) return Buffer.from(`attempt ${attempt}`);
        throw { code, details: 'not now' };
      };
    const port = await grpcServer(t, {
      unary: {
        '/shop.Shop/Echo': (asked, metadata) => Buffer.from(`${String(asked)} ${metadata.get('x-team').join()}`),
        '/shop.Shop/Flaky': failing(UNAVAILABLE, 2),
        '/shop.Shop/Down': failing(UNAVAILABLE, 9),
        '/shop.Shop/Full': failing(RESOURCE_EXHAUSTED, 1),
        '/shop.Shop/Retried': failing(RESOURCE_EXHAUSTED, 1),
        '/shop.Shop/Silent': () => new Promise<Buffer>(() => undefined),
      },
      streams: { '/shop.Shop/Chat': (said) => (said ? Buffer.from(`you said ${said.toString()}`) : Buffer.from('bye')) },
    });
    const method = (name: string): object[] => [{ uri: { exact: `/shop.Shop/${name}` } }];
    const route = [{ destination: { host: 'shop' } }];
    const { client, server } = await twoSidecars(t, { shop: { portName: 'grpc', number: 80, port } }, [
      istio('VirtualService', 'shop', {
        hosts: ['shop'],
        http: [
          { match: method('Retried'), retries: { attempts: 1, retryOn: 'resource-exhausted', backoff: '1ms' }, route },
          { match: method('Broken'), fault: { abort: { grpcStatus: 'DATA_LOSS', percentage: { value: 100 } } }, route },
          { headers: { request: { set: { 'x-team': 'blue' } } }, route },
        ],
      }),
    ]);
    const shop = grpcClient(t, client.port(80), 'shop');
    const call = (name: string): Promise<string | number> => callUnary(shop, `/shop.Shop/${name}`, name);
    assert.equal(await call('Echo'), 'Echo blue');
    assert.deepEqual(await converse(shop, '/shop.Shop/Chat', ['a', 'b', 'c']), ['you said a', 'you said b', 'you said c', 'bye']);
    assert.deepEqual([await call('Flaky'), attempts['Flaky']], ['attempt 3', 3], 'without a word of anybody');
    assert.deepEqual([await call('Down'), attempts['Down']], [UNAVAILABLE, 3]);
    assert.deepEqual([await call('Full'), attempts['Full']], [RESOURCE_EXHAUSTED, 1]);
    assert.deepEqual([await call('Retried'), attempts['Retried']], ['attempt 2', 2]);
    assert.equal(await call('Broken'), 15);
    assert.equal(await call('Missing'), 12, 'the application answers for itself');

    // The proxy ends what its client gives a time: this client would wait for ever.
    const session = connectHttp2(`http://127.0.0.1:${client.port(80)}`);
    t.after(() => session.destroy());
    const status = await new Promise<unknown>((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/shop.Shop/Silent',
        ':authority': 'shop',
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': '200m',
      });
      stream.on('response', (headers) => resolve(headers['grpc-status']));
      stream.on('error', reject);
      stream.setTimeout(10_000, () => reject(new Error('no answer within 10 s')));
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
    });
    assert.equal(status, '4');
    assert.match(await server.admin('/stats?filter=ssl.handshake'), /ssl\.handshake: [1-9]/, 'it went over mTLS');
  },
);

test('WebSocket and HTTP/2: upgrades pass both proxies; between them is spoken what the rule says', { timeout: 60_000 }, async (t) => {
  const versions = await serve(t, (req, res) => void res.end(req.httpVersion));
  const pool = (name: string, http: object): KubeObject =>
    istio('DestinationRule', name, { host: name, trafficPolicy: { connectionPool: { http } } });
  const apps = {
    sockets: { portName: 'http', number: 80, port: await serve(t, repeater()) },
    plain: { portName: 'http', number: 80, port: versions },
    raised: { portName: 'http', number: 80, port: versions },
    kept: { portName: 'http', number: 80, port: versions },
  };
  const { client, server } = await twoSidecars(t, apps, [
    pool('raised', { h2UpgradePolicy: 'UPGRADE' }),
    pool('kept', { h2UpgradePolicy: 'DO_NOT_UPGRADE' }),
  ]);
  assert.equal(await overWebSocket(client.port(80), 'sockets', 'hello'), 'you said hello');

  const over2 = async (): Promise<number> => {
    const stats = await server.admin('/stats?filter=http.inbound_.*downstream_rq_http2_total');
    return [...stats.matchAll(/: (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  };
  const raised: Record<string, number> = {};
  for (const host of ['plain', 'kept', 'raised']) {
    const before = await over2();
    const answer = await ask(client.port(80), host);
    assert.deepEqual([answer.status, answer.body], [200, '1.1'], `${host}: the application is spoken to as its port says`);
    raised[host] = (await over2()) - before;
  }
  assert.deepEqual(raised, { plain: 0, kept: 0, raised: 1 });
});

test('policies by who asks and what is asked: every field of from and to, over mTLS and in plain text', { timeout: 60_000 }, async (t) => {
  const app = await serve(t, echo('app'));
  const db = await greeter(t, 'db');
  const only = { selector: { matchLabels: { app: 'server' } } };
  const policy = (name: string, spec: object, namespace = 'default'): KubeObject =>
    Object({ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name, namespace }, spec });
  /** By path: from whom it is taken. */
  const sources: Record<string, object> = {
    '/principals': { principals: ['cluster.local/ns/default/sa/alice'] },
    '/not-principals': { notPrincipals: ['cluster.local/ns/default/sa/alice'] },
    '/prefix': { principals: ['cluster.local/ns/other/*'] },
    '/suffix': { principals: ['*/sa/alice'] },
    '/anybody-known': { principals: ['*'] },
    '/namespaces': { namespaces: ['default'] },
    '/not-namespaces': { notNamespaces: ['default'] },
    '/accounts': { serviceAccounts: ['alice', 'other/bob'] },
    '/not-accounts': { notServiceAccounts: ['alice'] },
    '/domains': { trustDomains: ['cluster.local'] },
    '/not-domains': { notTrustDomains: ['cluster.local'] },
    '/near': { ipBlocks: ['127.0.0.0/8'] },
    '/far': { ipBlocks: ['10.0.0.0/8'] },
    '/not-near': { notIpBlocks: ['127.0.0.1'] },
    '/remote': { remoteIpBlocks: ['127.0.0.1/32'] },
    '/not-remote': { notRemoteIpBlocks: ['127.0.0.1'] },
  };
  const conditions: Record<string, object> = {
    '/when-principal': { key: 'source.principal', values: ['cluster.local/ns/default/sa/alice'] },
    '/when-namespace': { key: 'source.namespace', values: ['other'] },
    '/when-account': { key: 'source.serviceAccount', notValues: ['default/alice'] },
    '/when-sni': { key: 'connection.sni', values: ['server'] },
  };
  const apps = {
    app: { portName: 'http', number: 80, port: app },
    db: { portName: 'tcp', number: 5432, port: db },
    other: { portName: 'http', number: 81, port: app },
  };
  // The ports are known only then: what names them comes by its own path.
  const operations: Record<string, object> = {
    '/get': { methods: ['GET'] },
    '/not-get': { notMethods: ['GET'] },
    '/host': { hosts: ['app', 'APP.*'] },
    '/not-host': { notHosts: ['app'] },
    '/never-port': { ports: ['1'] },
    '/not-port': { notPorts: ['1'] },
  };
  const bed = await twoSidecars(t, apps, [
    policy('http', {
      ...only,
      rules: [
        ...Object.entries(sources).map(([path, source]) => ({ from: [{ source }], to: [{ operation: { paths: [path] } }] })),
        ...Object.entries(conditions).map(([path, condition]) => ({ to: [{ operation: { paths: [path] } }], when: [condition] })),
        ...Object.entries(operations).map(([path, operation]) => ({ to: [{ operation: { ...operation, paths: [path] } }] })),
        { to: [{ operation: { paths: ['/all/*'], notPaths: ['/all/but'] } }] },
        // Bytes have no method: for them this rule is void, and the one below is all that lets in.
        {
          to: [{ operation: { methods: ['GET'], paths: ['/void'] } }],
          from: [{ source: { principals: ['cluster.local/ns/default/sa/bob'] } }],
        },
        { from: [{ source: { principals: ['cluster.local/ns/other/sa/bob'] } }], when: [{ key: 'connection.sni', values: ['db'] }] },
      ],
    }),
    // Of bytes it is all of hers that is refused.
    policy('never', {
      ...only,
      action: 'DENY',
      rules: [{ from: [{ source: { serviceAccounts: ['alice'] } }], to: [{ operation: { paths: ['/all/denied'] } }] }],
    }),
    policy('elsewhere', { selector: { matchLabels: { app: 'other' } }, action: 'DENY', rules: [{}] }),
  ]);
  assert.deepEqual([...bed.server.problems], []);
  const peers: Record<string, IssuedCertificate | undefined> = {
    alice: await bed.certificate('alice'),
    bob: await bed.certificate('bob', 'other'),
    plain: undefined,
  };
  const over = (peer: IssuedCertificate | undefined, servername: string): object =>
    peer ? { servername, ALPNProtocols: ['istio-http/1.1', 'istio'], cert: peer.certChainPem, key: peer.keyPem } : {};
  const status = (peer: string, path: string): Promise<number> => {
    const options = { host: '127.0.0.1', port: bed.inbound('app'), path, agent: false as const, headers: { host: 'app' } };
    return new Promise((resolve, reject) => {
      const tls = { rejectUnauthorized: false, ...over(peers[peer], 'server') };
      const req = (peers[peer] ? requestTls({ ...options, ...tls }) : request(options)).on('response', (res) =>
        resolve(res.resume().statusCode!),
      );
      req.on('error', reject);
      req.end();
    });
  };
  /** Who is let in: alice of `default`, bob of `other`, and one in plain text. */
  const letIn = {
    '/principals': 'alice',
    '/not-principals': 'bob plain',
    '/prefix': 'bob',
    '/suffix': 'alice',
    '/anybody-known': 'alice bob',
    '/namespaces': 'alice',
    '/not-namespaces': 'bob plain',
    '/accounts': 'alice bob',
    '/not-accounts': 'bob plain',
    '/domains': 'alice bob',
    '/not-domains': 'plain',
    '/near': 'alice bob plain',
    '/far': '',
    '/not-near': '',
    '/remote': 'alice bob plain',
    '/not-remote': '',
    '/when-principal': 'alice',
    '/when-namespace': 'bob',
    '/when-account': 'bob plain',
    '/when-sni': 'alice bob',
    '/get': 'alice bob plain',
    '/not-get': '',
    '/host': 'alice bob plain',
    '/not-host': '',
    '/never-port': '',
    '/not-port': 'alice bob plain',
    '/all/of/it': 'alice bob plain',
    '/all/but': '',
    '/all/denied': 'bob plain',
    '/nobody': '',
  };
  const found: Record<string, string> = {};
  for (const path of Object.keys(letIn)) {
    const taken = [];
    for (const peer of Object.keys(peers)) if ((await status(peer, path)) === 200) taken.push(peer);
    found[path] = taken.join(' ');
  }
  assert.deepEqual(found, letIn);
  const bytes: string[] = [];
  for (const peer of Object.keys(peers)) bytes.push(await bytesOver({ port: bed.inbound('db'), ...over(peers[peer], 'db') }, 'hello'));
  assert.deepEqual(bytes, ['', 'db: hello', ''], 'of bytes, what asks for HTTP lets nobody in');
});
