/** Connections that carry bytes or TLS: where `tcp` and `tls` rules send them, at sidecars and at gateways. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect as connectTls, createServer as createTls, type ConnectionOptions } from 'node:tls';
import type { KubeObject } from '../../src/api/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { bytesOver, greeter } from './bytes.edge.ts';
import { ask, echo, envoyOf, gatewayObjects, serve, serviceAt } from './envoy-of.edge.ts';
import { istio, podOf, subsets, versioned } from './mesh-objects.ts';

/** A host that is one port of the machine, under an address of its own. */
const entry = (name: string, address: string, port: number, number: number, more: object = {}): KubeObject =>
  istio('ServiceEntry', name, {
    hosts: [`${name}.example`],
    addresses: [address],
    resolution: 'STATIC',
    ports: [{ number, name: 'tcp', protocol: 'TCP', targetPort: port }],
    endpoints: [{ address: '127.0.0.1' }],
    ...more,
  });

test('tcp: by address, by port, by who asks, by weight', { timeout: 60_000 }, async (t) => {
  const [one, two] = [await greeter(t, 'one'), await greeter(t, 'two')];
  const to = (host: string, weight?: number): object => ({
    destination: { host: `${host}.example` },
    ...(weight === undefined ? {} : { weight }),
  });
  const rules = (name: string, tcp: readonly object[]): KubeObject => istio('VirtualService', name, { hosts: [`${name}.example`], tcp });
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client', { tier: 'front' }),
      entry('one', '127.0.0.1', one, 9000),
      entry('two', '127.0.0.2', two, 9000),
      entry('split', '127.0.0.1', one, 9001),
      rules('split', [{ route: [to('split', 1), to('other', 3)] }]),
      entry('other', '127.0.0.2', two, 9001),
      entry('net', '127.0.0.0/8', one, 9002),
      entry('far', '240.0.0.1', two, 9002),
      rules('net', [{ match: [{ destinationSubnets: ['127.0.0.2/32'] }], route: [to('far')] }]),
      entry('who', '127.0.0.1', one, 9003),
      entry('them', '240.0.0.2', two, 9003),
      rules('who', [
        { match: [{ sourceLabels: { tier: 'back' } }, { port: 9999 }], route: [to('who')] },
        { match: [{ sourceLabels: { tier: 'front' }, port: 9003 }], route: [to('them')] },
      ]),
    ],
  });
  const said = async (number: number, host?: string): Promise<string> =>
    (await bytesOver({ port: envoy.port(number), ...(host ? { host } : {}) }, 'x')).split(':')[0]!;
  assert.deepEqual([await said(9000), await said(9000, '127.0.0.2')], ['one', 'two']);
  assert.deepEqual([await said(9002), await said(9002, '127.0.0.2')], ['one', 'two']);
  assert.equal(await said(9003), 'two');
  const n = 200;
  let second = 0;
  for (let i = 0; i < n; i++) if ((await said(9001)) === 'two') second++;
  assert.ok(Math.abs(second - 0.75 * n) <= 4 * Math.sqrt(n * 0.75 * 0.25), `${second} of ${n} went to two, of which 75 % were asked for`);
});

test('tls: by SNI at a sidecar, and passed through a gateway unopened', { timeout: 60_000 }, async (t) => {
  const ports: Record<string, number> = {};
  for (const name of ['a', 'b', 'c']) {
    const { cert, key } = await selfSigned(name);
    const server = createTls({ cert, key }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(name));
    });
    ports[name] = await serve(t, Object.assign(server, { closeAllConnections: () => undefined }) as unknown as Parameters<typeof serve>[1]);
  }
  const tls = (name: string): KubeObject =>
    istio('ServiceEntry', name, {
      hosts: [`${name}.example`],
      resolution: 'STATIC',
      ports: [{ number: 443, name: 'tls', protocol: 'TLS', targetPort: ports[name] }],
      endpoints: [{ address: '127.0.0.1' }],
    });
  const wild = istio('ServiceEntry', 'wild', {
    hosts: ['*.wild.example'],
    resolution: 'STATIC',
    ports: [{ number: 443, name: 'tls', protocol: 'TLS', targetPort: ports['c'] }],
    endpoints: [{ address: '127.0.0.1' }],
  });
  const to = (host: string): object => ({ destination: { host: `${host}.example`, port: { number: 443 } } });
  const sidecar = await envoyOf(t, {
    pod: 'default/client',
    clusters: { PassthroughCluster: ports['c']! },
    objects: [
      podOf('client'),
      tls('a'),
      tls('b'),
      wild,
      istio('VirtualService', 'a', { hosts: ['a.example'], tls: [{ match: [{ sniHosts: ['a.example'], port: 443 }], route: [to('b')] }] }),
    ],
  });
  const answered = (port: number, servername: string, more: ConnectionOptions = {}): Promise<string> =>
    bytesOver({ port, servername, ...more }, 'x');
  const bySni = [];
  for (const name of ['a.example', 'b.example', 'x.wild.example']) bySni.push(await answered(sidecar.port(443), name));
  assert.deepEqual(bySni, ['b', 'b', 'c']);

  const gateway = await envoyOf(t, {
    pod: 'istio-system/istio-ingressgateway-0',
    objects: [
      ...gatewayObjects(),
      tls('a'),
      tls('b'),
      istio('Gateway', 'pass', {
        selector: { istio: 'ingressgateway' },
        servers: [
          { port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts: ['a.example', '*.b.example'], tls: { mode: 'PASSTHROUGH' } },
        ],
      }),
      istio('VirtualService', 'pass', {
        hosts: ['a.example', '*.b.example'],
        gateways: ['pass'],
        tls: [
          { match: [{ sniHosts: ['a.example'] }], route: [to('a')] },
          { match: [{ sniHosts: ['*.b.example'] }], route: [to('b')] },
        ],
      }),
    ],
  });
  const passed = [];
  for (const name of ['a.example', 'x.b.example', 'c.example']) passed.push(await answered(gateway.port(8443), name));
  assert.deepEqual(passed, ['a', 'b', '']);
});

test('AUTO_PASSTHROUGH: mTLS of the mesh goes on unopened to the cluster that its client names', { timeout: 60_000 }, async (t) => {
  const ports: Record<string, number> = {};
  for (const name of ['v1', 'v2']) {
    const { cert, key } = await selfSigned(name);
    const server = createTls({ cert, key, ALPNProtocols: ['istio'] }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(name));
    });
    ports[name] = await serve(t, Object.assign(server, { closeAllConnections: () => undefined }) as unknown as Parameters<typeof serve>[1]);
  }
  const gateway = await envoyOf(t, {
    pod: 'istio-system/istio-ingressgateway-0',
    objects: [
      ...gatewayObjects(),
      ...versioned('app', { versions: ports, ports: { tcp: 7000 } }),
      ...versioned('other', { versions: ports, ports: { tcp: 7000 }, namespace: 'hidden' }),
      istio('DestinationRule', 'app', { host: 'app', subsets: subsets('v1', 'v2') }),
      istio('Gateway', 'between', {
        selector: { istio: 'ingressgateway' },
        servers: [
          {
            port: { number: 443, name: 'tls', protocol: 'TLS' },
            hosts: ['*.default.svc.cluster.local'],
            tls: { mode: 'AUTO_PASSTHROUGH' },
          },
        ],
      }),
    ],
  });
  assert.deepEqual(gateway.problems, []);
  const answered = (subset: string, host = 'app.default', alpn: readonly string[] = ['istio']): Promise<string> => {
    const servername = `outbound_.7000_.${subset}_.${host}.svc.cluster.local`;
    return bytesOver({ port: gateway.port(8443), servername, ALPNProtocols: [...alpn] }, 'x');
  };
  const found = [await answered('v1'), await answered('v2'), await answered('v3'), await answered('', 'other.hidden')];
  assert.deepEqual([...found, await answered('v1', 'app.default', ['http/1.1'])], ['v1', 'v2', '', '', '']);
  assert.match(await answered(''), /^v[12]$/);
});

const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;

test(
  'TLS at a gateway: MUTUAL, OPTIONAL_MUTUAL, certificates by hash and by name, versions; who is not trusted gets nowhere',
  { timeout: 60_000 },
  async (t) => {
    const [own, carol, mallory] = [await selfSigned('shop.example'), await selfSigned('carol'), await selfSigned('mallory')];
    const app = await serve(t, echo('app'));
    const server = (name: string, tls: object): object => ({
      port: { number: 443, name: `https-${name}`, protocol: 'HTTPS' },
      hosts: [`${name}.example`],
      tls: { credentialName: 'shop', ...tls },
    });
    const gateway = await envoyOf(t, {
      pod: 'istio-system/istio-ingressgateway-0',
      secrets: { certificate: own.cert, key: own.key, root: carol.cert },
      objects: [
        ...gatewayObjects().filter((o) => o.kind !== 'Gateway'),
        ...serviceAt('app', app),
        istio('Gateway', 'door', {
          selector: { istio: 'ingressgateway' },
          servers: [
            server('simple', { mode: 'SIMPLE' }),
            server('mutual', { mode: 'MUTUAL' }),
            server('optional', { mode: 'OPTIONAL_MUTUAL' }),
            server('pinned', { mode: 'MUTUAL', verifyCertificateHash: [fingerprint(carol.cert)] }),
            server('unpinned', { mode: 'MUTUAL', verifyCertificateHash: [fingerprint(mallory.cert)] }),
            server('known', { mode: 'MUTUAL', subjectAltNames: ['carol'] }),
            server('unknown', { mode: 'MUTUAL', subjectAltNames: ['dave'] }),
            server('any', { mode: 'MUTUAL', insecureSkipVerify: true }),
            server('new', { mode: 'SIMPLE', minProtocolVersion: 'TLSV1_3' }),
            server('old', { mode: 'SIMPLE', maxProtocolVersion: 'TLSV1_2', cipherSuites: ['ECDHE-ECDSA-AES256-GCM-SHA384'] }),
            { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['moved.example'], tls: { httpsRedirect: true } },
          ],
        }),
        istio('VirtualService', 'door', {
          hosts: ['*.example'],
          gateways: ['door'],
          http: [{ route: [{ destination: { host: 'app' } }] }],
        }),
      ],
    });
    const port = gateway.port(8443);
    const get = async (name: string, more: ConnectionOptions = {}): Promise<string> =>
      (
        await bytesOver(
          { port, servername: `${name}.example`, ...more },
          `GET / HTTP/1.1\r\nhost: ${name}.example\r\nconnection: close\r\n\r\n`,
        )
      ).slice(9, 12);
    const as = ({ cert, key }: { cert: string; key: string }): ConnectionOptions => ({ cert, key });
    const answers = {
      simple: [await get('simple')],
      mutual: [await get('mutual', as(carol)), await get('mutual', as(mallory)), await get('mutual')],
      optional: [await get('optional', as(carol)), await get('optional', as(mallory)), await get('optional')],
      byHash: [await get('pinned', as(carol)), await get('unpinned', as(carol))],
      byName: [await get('known', as(carol)), await get('unknown', as(carol))],
      any: [await get('any', as(mallory)), await get('any')],
      versions: [
        await get('new'),
        await get('new', { maxVersion: 'TLSv1.2' }),
        await get('old'),
        await get('old', { minVersion: 'TLSv1.3' }),
      ],
    };
    assert.deepEqual(answers, {
      simple: ['200'],
      mutual: ['200', '', ''],
      optional: ['200', '', '200'],
      byHash: ['200', ''],
      byName: ['200', ''],
      any: ['200', '200'],
      versions: ['200', '', '200', ''],
    });
    const cipher = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, servername: 'old.example', rejectUnauthorized: false }, () => {
        resolve(socket.getCipher().name);
        socket.destroy();
      });
      socket.on('error', reject);
    });
    assert.equal(cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384');
    const moved = await ask(gateway.port(8080), 'moved.example', { path: '/a?b' });
    assert.deepEqual([moved.status, moved.headers['location']], [301, 'https://moved.example/a?b']);
  },
);
