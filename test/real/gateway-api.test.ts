/** Routes that carry bytes and TLS to backends, as the Gateway API has them, seen in connections through the real Envoy. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { KubeObject } from '../../src/api/index.ts';
import { authority, selfSigned, type Certificate } from '../support/certificate.ts';
import { ask, echo, envoyOf, gatewayObjects, objectsOf, serve, serviceAt, type Answered } from './envoy-of.edge.ts';
import { bytesOver, greeter } from './bytes.edge.ts';

const PROXY = 'istio-system/istio-ingressgateway-0';
const gatewayApi = (kind: string, name: string, spec: object): KubeObject =>
  Object({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name, namespace: 'default', creationTimestamp: '2026-01-03T00:00:00Z' },
    spec,
  }) as KubeObject;
const classes = objectsOf(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio }
spec: { controllerName: istio.io/gateway-controller }
---
apiVersion: v1
kind: Secret
metadata: { name: own-tls, namespace: default }
data: { tls.crt: Y2VydA==, tls.key: a2V5 }
`);
const to = (...backendRefs: object[]): object => ({ rules: [{ backendRefs }] });

test(
  'TLSRoute and TCPRoute: by SNI, by weight, ended at the gateway; a reference that is not granted gets nowhere',
  { timeout: 60_000 },
  async (t) => {
    const [a, b] = [await selfSigned('a.tls.example'), await selfSigned('b')];
    const ports = {
      a: await serve(t, createHttps({ cert: a.cert, key: a.key }, echo('a'))),
      b: await serve(t, createHttps({ cert: b.cert, key: b.key }, echo('b'))),
      db: await greeter(t, 'db'),
    };
    const envoy = await envoyOf(t, {
      objects: [
        ...gatewayObjects(),
        ...classes,
        ...Object.entries(ports).flatMap(([name, port]) => serviceAt(name, port)),
        gatewayApi('Gateway', 'bytes', {
          gatewayClassName: 'istio',
          listeners: [
            { name: 'pass', port: 443, protocol: 'TLS', hostname: '*.tls.example', tls: { mode: 'Passthrough' } },
            { name: 'ended', port: 443, protocol: 'TLS', hostname: 'db.example', tls: { certificateRefs: [{ name: 'own-tls' }] } },
            { name: 'plain', port: 443, protocol: 'TCP' },
          ],
        }),
        gatewayApi('TLSRoute', 'a', { parentRefs: [{ name: 'bytes' }], hostnames: ['a.tls.example'], ...to({ name: 'a', port: 80 }) }),
        gatewayApi('TLSRoute', 'split', {
          parentRefs: [{ name: 'bytes' }],
          hostnames: ['split.tls.example'],
          ...to({ name: 'a', port: 80, weight: 1 }, { name: 'b', port: 80, weight: 3 }),
        }),
        gatewayApi('TLSRoute', 'refused', {
          parentRefs: [{ name: 'bytes' }],
          hostnames: ['refused.tls.example'],
          ...to({ name: 'istio-ingressgateway', namespace: 'istio-system', port: 80 }),
        }),
        gatewayApi('TCPRoute', 'db', { parentRefs: [{ name: 'bytes', sectionName: 'ended' }], ...to({ name: 'db', port: 80 }) }),
        gatewayApi('TCPRoute', 'plain', { parentRefs: [{ name: 'bytes', sectionName: 'plain' }], ...to({ name: 'db', port: 80 }) }),
      ],
      pod: PROXY,
    });
    const port = envoy.port(8443);
    /** The name in the certificate that is shown for an SNI. */
    const shown = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject['CN']));
          socket.destroy();
        });
        socket.on('error', () => resolve('nobody'));
      });
    assert.equal(await shown('a.tls.example'), 'a.tls.example');
    assert.equal(await shown('refused.tls.example'), 'nobody');
    assert.equal(await shown('db.example'), 'test', 'the certificate of the gateway');
    const n = 200;
    let second = 0;
    for (let i = 0; i < n; i++) if ((await shown('split.tls.example')) === 'b') second++;
    assert.ok(Math.abs(second - 0.75 * n) <= 4 * Math.sqrt(n * 0.75 * 0.25), `${second} of ${n} went to b, of which 75 % were asked for`);

    assert.equal(await bytesOver({ port, servername: 'db.example' }, 'hello'), 'db: hello');
    assert.equal(await bytesOver({ port }, 'hello'), 'db: hello');
  },
);

test('BackendTLSPolicy: a backend is spoken to by TLS and must show the name that is asked of it', { timeout: 60_000 }, async (t) => {
  const { cert, key } = await selfSigned('bank.example');
  const tls = await serve(t, createHttps({ cert, key }, echo('bank')));
  const names = ['good', 'named', 'misnamed', 'strange', 'lost', 'bare'];
  const policy = (name: string, validation: object): KubeObject =>
    gatewayApi('BackendTLSPolicy', name, {
      targetRefs: [{ group: '', kind: 'Service', name }],
      validation: { hostname: 'bank.example', caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'roots' }], ...validation },
    });
  const envoy = await envoyOf(t, {
    objects: [
      ...gatewayObjects(),
      ...classes,
      ...names.flatMap((name) => serviceAt(name, tls)),
      Object({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'roots', namespace: 'default' }, data: { 'ca.crt': cert } }),
      policy('good', {}),
      policy('named', { hostname: 'sni.example', subjectAltNames: [{ type: 'Hostname', hostname: 'bank.example' }] }),
      policy('misnamed', { hostname: 'other.example' }),
      policy('strange', { caCertificateRefs: undefined, wellKnownCACertificates: 'System' }),
      policy('lost', { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'absent' }] }),
      gatewayApi('Gateway', 'door', { gatewayClassName: 'istio', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] }),
      ...names.map((name) =>
        gatewayApi('HTTPRoute', name, { parentRefs: [{ name: 'door' }], hostnames: [`${name}.example.com`], ...to({ name, port: 80 }) }),
      ),
    ],
    pod: PROXY,
  });
  const answers: [string, number][] = [];
  for (const name of names) answers.push([name, (await ask(envoy.port(8080), `${name}.example.com`)).status]);
  assert.deepEqual(answers, [
    ['good', 200],
    ['named', 200],
    ['misnamed', 503],
    ['strange', 503],
    ['lost', 503],
    ['bare', 503],
  ]);
});

test('sessions of an HTTPRoute: by a header or a cookie that the client brings back', { timeout: 60_000 }, async (t) => {
  const pair = serviceAt('pair', await serve(t, echo('one')));
  const more = { ...serviceAt('pair', await serve(t, echo('two')))[1]!, metadata: { ...pair[1]!.metadata, name: 'pair-b' } };
  const route = (name: string, sessionPersistence?: object): KubeObject =>
    gatewayApi('HTTPRoute', name, {
      parentRefs: [{ name: 'door' }],
      hostnames: [`${name}.example.com`],
      rules: [{ backendRefs: [{ name: 'pair', port: 80 }], ...(sessionPersistence ? { sessionPersistence } : {}) }],
    });
  const envoy = await envoyOf(t, {
    objects: [
      ...gatewayObjects(),
      ...classes,
      ...pair,
      more,
      gatewayApi('Gateway', 'door', { gatewayClassName: 'istio', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] }),
      route('header', { type: 'Header', header: { name: 'x-stay' } }),
      route('cookie', { type: 'Cookie', cookie: { name: 'stay' } }),
      route('free'),
    ],
    pod: PROXY,
  });
  const asked = async (name: string, headers: Record<string, string> = {}): Promise<{ name: string; headers: Answered['headers'] }> => {
    const answer = await ask(envoy.port(8080), `${name}.example.com`, { headers });
    return { name: (JSON.parse(answer.body) as { name: string }).name, headers: answer.headers };
  };
  const kinds = async (name: string, headers?: Record<string, string>): Promise<string[]> => {
    const found = new Set<string>();
    for (let i = 0; i < 20; i++) found.add((await asked(name, headers)).name);
    return [...found].sort();
  };
  assert.deepEqual(await kinds('free'), ['one', 'two']);
  const byHeader = await asked('header');
  assert.deepEqual(await kinds('header', { 'x-stay': String(byHeader.headers['x-stay']) }), [byHeader.name]);
  const byCookie = await asked('cookie');
  const [cookie = ''] = byCookie.headers['set-cookie'] ?? [];
  assert.deepEqual(await kinds('cookie', { cookie: cookie.split(';')[0]! }), [byCookie.name]);
  assert.deepEqual(await kinds('header'), ['one', 'two'], 'who brings nothing back is anybody');
});

test('certificates of a listener: each client is shown the one that it can check', { timeout: 60_000 }, async (t) => {
  const [ec, rsa] = [await selfSigned('both.example'), await selfSigned('both.example', 'RSA')];
  const names = ['rsa', 'ec'];
  const of = ({ cert, key }: Certificate): { certificate: string; key: string; trusted: string } => ({
    certificate: cert,
    key,
    trusted: cert,
  });
  const secret = (name: string): KubeObject =>
    Object({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      data: { 'tls.crt': 'Y2VydA==', 'tls.key': 'a2V5' },
    });
  const envoy = await envoyOf(t, {
    objects: [
      ...gatewayObjects(),
      ...classes,
      ...names.map(secret),
      ...serviceAt('app', await serve(t, echo('app'))),
      gatewayApi('Gateway', 'door', {
        gatewayClassName: 'istio',
        listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: names.map((name) => ({ name })) } }],
      }),
      gatewayApi('HTTPRoute', 'door', { parentRefs: [{ name: 'door' }], ...to({ name: 'app', port: 80 }) }),
    ],
    pod: PROXY,
    secrets: { certificate: ec.cert, key: ec.key, root: ec.cert, users: { ec: of(ec), rsa: of(rsa) } },
  });
  const shown: (string | undefined)[] = [];
  for (const kind of ['RSA', 'ECDSA']) {
    const tls = { maxVersion: 'TLSv1.2' as const, ciphers: `ECDHE-${kind}-AES128-GCM-SHA256`, rejectUnauthorized: false };
    const socket = connectTls({ host: '127.0.0.1', port: envoy.port(8443), servername: 'both.example', ...tls });
    await once(socket, 'secureConnect');
    shown.push(new X509Certificate(socket.getPeerCertificate().raw).publicKey.asymmetricKeyType);
    socket.destroy();
  }
  assert.deepEqual(shown, ['rsa', 'ec']);
});

test(
  'certificates of clients: who has none of the authorities that a Gateway names is let in where that is said',
  { timeout: 60_000 },
  async (t) => {
    const [app, people] = [await serve(t, echo('app')), await authority('people')];
    const [carol, mallory] = [await people.issue('carol'), await selfSigned('mallory')];
    const roots = (name: string, cert: string): KubeObject =>
      Object({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { 'ca.crt': cert } });
    const door = (name: string, port: number, frontend?: object): KubeObject =>
      gatewayApi('Gateway', name, {
        gatewayClassName: 'istio',
        listeners: [
          { name: 'https', port, protocol: 'HTTPS', hostname: `${name}.example`, tls: { certificateRefs: [{ name: 'own-tls' }] } },
        ],
        ...(frontend ? { tls: { frontend } } : {}),
      });
    const asks = (name: string, mode?: string): object => ({
      validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name }], ...(mode ? { mode } : {}) },
    });
    const doors = {
      checked: { default: asks('people') },
      asked: { default: asks('people', 'AllowInsecureFallback') },
      other: { default: {}, perPort: [{ port: 8443, tls: asks('people') }] },
      lost: { default: asks('nobody') },
      plain: undefined,
    };
    const envoy = await envoyOf(t, {
      objects: [
        ...gatewayObjects(),
        ...classes,
        ...serviceAt('app', app),
        roots('people', people.cert),
        ...Object.entries(doors).map(([name, frontend]) => door(name, 443, frontend)),
        ...Object.keys(doors).map((name) => gatewayApi('HTTPRoute', name, { parentRefs: [{ name }], ...to({ name: 'app', port: 80 }) })),
      ],
      pod: PROXY,
    });
    const answers: Record<string, string> = {};
    for (const name of Object.keys(doors)) {
      const found = [];
      for (const client of [carol, mallory, {}]) {
        const request = `GET / HTTP/1.1\r\nhost: ${name}.example\r\nconnection: close\r\n\r\n`;
        found.push((await bytesOver({ port: envoy.port(8443), servername: `${name}.example`, ...client }, request)).slice(9, 12));
      }
      answers[name] = found.join();
    }
    assert.deepEqual(answers, { checked: '200,,', asked: '200,200,200', other: '200,200,200', lost: ',,', plain: '200,200,200' });
  },
);
