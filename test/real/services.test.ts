/** Services and hosts of ServiceEntries at a sidecar: how they are found, and what is spoken to them. */
import assert from 'node:assert/strict';
import { createServer as createHttp2, connect as connectHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { bytesOver, greeter } from './bytes.edge.ts';
import { ask, echo, envoyOf, objectsOf, serve, type Answered } from './envoy-of.edge.ts';
import { istio, podOf, subsets, versioned } from './mesh-objects.ts';

const nameIn = ({ status, body }: Answered): string => (status === 200 ? (JSON.parse(body) as { name: string }).name : String(status));
const HTTP = [{ number: 80, name: 'http', protocol: 'HTTP' }];
const entry = (name: string, spec: object, namespace?: string, age?: number): KubeObject =>
  istio('ServiceEntry', name, { hosts: [`${name}.example`], ports: HTTP, ...spec }, namespace, age);
const only = objectsOf(`
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '{ outboundTrafficPolicy: { mode: REGISTRY_ONLY } }' }
`);

test('ServiceEntries: by address, by name, by socket, by selector; weights, subsets, ports, visibility', { timeout: 60_000 }, async (t) => {
  const [v1, v2] = [await serve(t, echo('v1')), await serve(t, echo('v2'))];
  const dir = mkdtempSync(join(tmpdir(), 'socket-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const socket = createServer(echo('socket')).listen(join(dir, 's'));
  t.after(() => socket.close());
  const tls = await selfSigned('inner.example');
  const secure = await serve(t, createHttps(tls, echo('secure')));
  const at = (port: number, more: object = {}): object => ({ address: '127.0.0.1', ports: { http: port }, ...more });
  const named = (port: number, version: string): object => ({ address: 'localhost', ports: { http: port }, labels: { version } });
  const toSubset = (name: string, subset: string): KubeObject =>
    istio('VirtualService', name, {
      hosts: [`${name}.example`],
      http: [{ route: [{ destination: { host: `${name}.example`, subset } }] }],
    });
  /** A younger entry for the same host, with a port of its own. */
  const another = (name: string, resolution: string, address: string): KubeObject =>
    entry(
      `${name}-more`,
      {
        hosts: [`${name}.example`],
        ports: [{ number: 81, name: 'more', protocol: 'HTTP', targetPort: v2 }],
        resolution,
        endpoints: [{ address }],
      },
      'default',
      2,
    );
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client'),
      ...only,
      entry('static', { resolution: 'STATIC', endpoints: [at(v1)] }),
      entry('weights', { resolution: 'STATIC', endpoints: [at(v1, { weight: 1 }), at(v2, { weight: 4 })] }),
      entry('dns', { resolution: 'DNS', endpoints: [named(v1, 'v1')] }),
      entry('one-name', { resolution: 'DNS_ROUND_ROBIN', endpoints: [named(v2, 'v2')] }),
      entry('subset', { resolution: 'DNS', endpoints: [named(v1, 'v1'), named(v2, 'v2')] }),
      istio('DestinationRule', 'subset', { host: 'subset.example', subsets: subsets('v1', 'v2') }),
      toSubset('subset', 'v2'),
      entry('target', { resolution: 'STATIC', ports: [{ ...HTTP[0], targetPort: v2 }], endpoints: [{ address: '127.0.0.1' }] }),
      entry('socket', { resolution: 'STATIC', endpoints: [{ address: `unix://${join(dir, 's')}` }] }),
      entry('wild', { hosts: ['*.wild.example'], resolution: 'STATIC', endpoints: [at(v1)] }),
      entry('twice', { resolution: 'STATIC', endpoints: [at(v1)] }, 'default', 1),
      another('twice', 'STATIC', '127.0.0.1'),
      entry('names-twice', { resolution: 'DNS', endpoints: [{ address: 'localhost', ports: { http: v1 } }] }, 'default', 1),
      another('names-twice', 'DNS', 'localhost'),
      entry('hidden', { exportTo: ['.'], resolution: 'STATIC', endpoints: [at(v1)] }, 'other'),
      entry('shown', { exportTo: ['default'], resolution: 'STATIC', endpoints: [at(v1)] }, 'other'),
      entry('picked', { resolution: 'STATIC', location: 'MESH_INTERNAL', workloadSelector: { labels: { kind: 'machine' } } }),
      istio('WorkloadEntry', 'machine', { address: '127.0.0.1', ports: { http: v2 }, labels: { kind: 'machine' } }),
      entry('grouped', { resolution: 'STATIC', workloadSelector: { labels: { kind: 'grouped' } } }),
      istio('WorkloadGroup', 'machines', { metadata: { labels: { kind: 'grouped' } }, template: { ports: { http: v1 } } }),
      {
        ...istio('WorkloadEntry', 'grouped', { address: '127.0.0.1' }),
        metadata: { name: 'grouped', namespace: 'default', annotations: { 'istio.io/autoRegistrationGroup': 'machines' } },
      },
      istio('WorkloadEntry', 'another', { address: '127.0.0.1', ports: { http: v1 }, labels: { kind: 'printer' } }),
      entry('checked', { resolution: 'STATIC', subjectAltNames: ['inner.example'], endpoints: [at(secure)] }),
      entry('unchecked', { resolution: 'STATIC', endpoints: [at(secure)] }),
      ...['checked', 'unchecked'].map((name) =>
        istio('DestinationRule', name, { host: `${name}.example`, trafficPolicy: { tls: { mode: 'SIMPLE', credentialName: 'roots' } } }),
      ),
    ],
    secrets: { certificate: tls.cert, key: tls.key, root: tls.cert },
  });
  const name = async (host: string, port = 80): Promise<string> => nameIn(await ask(envoy.port(port), `${host}.example`));
  const expected: Record<string, string> = {
    static: 'v1',
    dns: 'v1',
    'one-name': 'v2',
    subset: 'v2',
    target: 'v2',
    socket: 'socket',
    'a.wild': 'v1',
    twice: 'v1',
    hidden: '502',
    shown: 'v1',
    picked: 'v2',
    grouped: 'v1',
    checked: 'secure',
    unchecked: '503',
  };
  const found: Record<string, string> = {};
  for (const host of Object.keys(expected)) found[host] = await name(host);
  assert.deepEqual(found, expected);
  assert.equal(await name('twice', 81), 'v2');
  const ofNames = new Set<string>();
  for (let i = 0; i < 10; i++) for (const port of [80, 81]) ofNames.add(`${port} ${await name('names-twice', port)}`);
  assert.deepEqual([...ofNames], ['80 v1', '81 v2'], 'names serve the ports of their own entry');
  const n = 200;
  let second = 0;
  for (let i = 0; i < n; i++) if ((await name('weights')) === 'v2') second++;
  assert.ok(Math.abs(second - 0.8 * n) <= 4 * Math.sqrt(n * 0.8 * 0.2), `${second} of ${n} went to the one with four fifths of the weight`);
});

test('DYNAMIC_DNS: names under a wildcard are looked up by the proxy, as requests and TLS show them', { timeout: 60_000 }, async (t) => {
  const [plain, bank] = [await serve(t, echo('plain')), await selfSigned('bank.localhost')];
  const secure = await serve(t, createHttps(bank, echo('secure')));
  const ports = [
    { number: 80, name: 'http', protocol: 'HTTP' },
    { number: 8443, name: 'tls', protocol: 'TLS', targetPort: secure },
  ];
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client'),
      ...only,
      entry('wild', { hosts: ['*.localhost'], resolution: 'DYNAMIC_DNS', ports }),
      entry('original', {
        hosts: ['*.original.example'],
        resolution: 'DYNAMIC_DNS',
        ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
      }),
      istio('ServiceEntry', 'secure', { hosts: ['*.secure.localhost'], resolution: 'DYNAMIC_DNS', ports: [ports[0]] }),
      istio('DestinationRule', 'secure', {
        host: '*.secure.localhost',
        trafficPolicy: { tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
      }),
    ],
  });
  assert.match(envoy.problems.join('\n'), /^ServiceEntry default\/original spec\.ports\[0\]\.protocol: only HTTP and TLS show a name/);
  assert.equal(envoy.problems.length, 1);
  const name = async (host: string): Promise<string> => nameIn(await ask(envoy.port(80), host));
  const found = [await name(`a.localhost:${plain}`), await name(`b.c.localhost:${plain}`), await name(`x.secure.localhost:${secure}`)];
  assert.deepEqual([...found, await name('elsewhere.example')], ['plain', 'plain', 'secure', '502']);
  const request = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
  const answers = [];
  for (const servername of ['bank.localhost', 'x.other.example'])
    answers.push(await bytesOver({ port: envoy.port(8443), servername }, request));
  assert.match(answers[0]!, /"name":"secure"/);
  assert.equal(answers[1], '', 'a name that nobody declared');
});

test(
  'protocols: HTTP/2 and HTTP/1.1 as ports say it or clients speak it; what does not say it is looked at',
  { timeout: 60_000 },
  async (t) => {
    const spoken = createHttp2((req, res) => res.end(JSON.stringify({ name: `h${req.httpVersion}` })));
    const h2 = await serve(t, Object.assign(spoken, { closeAllConnections: () => undefined }) as unknown as Server);
    const h1 = await serve(t, (req, res) => void res.end(JSON.stringify({ name: `h${req.httpVersion}` })));
    const db = await greeter(t, 'db');
    const pool = (name: string, http: object): KubeObject =>
      istio('DestinationRule', name, { host: name, trafficPolicy: { connectionPool: { http } } });
    const envoy = await envoyOf(t, {
      pod: 'default/client',
      objects: [
        podOf('client'),
        ...versioned('one', { versions: { v1: h1 } }),
        ...versioned('two', { versions: { v1: h2 }, ports: { http2: 80 } }),
        ...versioned('rpc', { versions: { v1: h2 }, ports: { 'grpc-api': 80 } }),
        ...versioned('raised', { versions: { v1: h2 } }),
        pool('raised', { h2UpgradePolicy: 'UPGRADE' }),
        ...versioned('same', { versions: { v1: h1 } }),
        pool('same', { useClientProtocol: true }),
        ...versioned('same2', { versions: { v1: h2 } }),
        pool('same2', { useClientProtocol: true }),
        ...versioned('any', { versions: { v1: db }, ports: { any: 7000 }, clusterIP: '127.0.0.1' }),
        istio('VirtualService', 'any', { hosts: ['any'], http: [{ directResponse: { status: 200, body: { string: 'HTTP' } } }] }),
      ],
    });
    const over2 = (host: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const session = connectHttp2(`http://127.0.0.1:${envoy.port(80)}`);
        session.on('error', reject);
        let body = '';
        const stream = session.request({ ':authority': host, ':path': '/' });
        stream.setEncoding('utf8');
        stream.on('data', (text: string) => (body += text));
        stream.on('end', () => {
          session.destroy();
          resolve(body.startsWith('{') ? (JSON.parse(body) as { name: string }).name : body);
        });
        stream.on('error', reject);
      });
    const answers: Record<string, readonly [string, string]> = {};
    for (const host of ['one', 'two', 'rpc', 'raised']) answers[host] = [nameIn(await ask(envoy.port(80), host)), await over2(host)];
    assert.deepEqual(answers, { one: ['h1.1', 'h1.1'], two: ['h2.0', 'h2.0'], rpc: ['h2.0', 'h2.0'], raised: ['h2.0', 'h2.0'] });
    assert.deepEqual([nameIn(await ask(envoy.port(80), 'same')), await over2('same2')], ['h1.1', 'h2.0']);
    assert.equal((await ask(envoy.port(7000), 'any')).body, 'HTTP');
    assert.equal(await bytesOver({ port: envoy.port(7000) }, '\u0001\u0002 not HTTP'), 'db: \u0001\u0002 not HTTP');
  },
);
