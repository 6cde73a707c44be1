/** Servers of Gateways: where they listen, whose certificate is shown to whom, and which clients are taken. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { authority, selfSigned, type Certificate } from '../support/certificate.ts';
import { bytesOver } from './bytes.edge.ts';
import { ask, echo, envoyOf, gatewayObjects, serve, serviceAt } from './envoy-of.edge.ts';
import { istio } from './mesh-objects.ts';
import { get as getFrom } from './real-envoy.edge.ts';

/** The certificate that a client is shown, by its name and the kind of its key. */
function shown(port: number, servername: string, more: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...more }, () => {
      const certificate = new X509Certificate(socket.getPeerCertificate().raw);
      resolve(`${certificate.subject} ${certificate.publicKey.asymmetricKeyType}`);
      socket.destroy();
    });
    socket.on('error', () => resolve('nobody'));
  });
}

test(
  'certificates: by server name, by what the client can check; of clients, by authorities of their own and by who is revoked',
  { timeout: 60_000 },
  async (t) => {
    const [app, people] = [await serve(t, echo('app')), await authority('people')];
    const [ec, rsa, a, b] = [
      await selfSigned('both.example'),
      await selfSigned('both.example', 'RSA'),
      await selfSigned('a.example'),
      await selfSigned('b.example'),
    ];
    const [carol, dave, mallory] = [await people.issue('carol'), await people.issue('dave'), await selfSigned('mallory')];
    const own = (certificate: Certificate): { certificate: string; key: string; trusted: string } => ({
      certificate: certificate.cert,
      key: certificate.key,
      trusted: people.cert,
    });
    const server = (name: string, tls: object): object => ({
      port: { number: 443, name: `https-${name}`, protocol: 'HTTPS' },
      hosts: [`${name}.example`],
      tls: { mode: 'SIMPLE', ...tls },
    });
    const gateway = await envoyOf(t, {
      pod: 'istio-system/istio-ingressgateway-0',
      secrets: {
        certificate: a.cert,
        key: a.key,
        root: mallory.cert,
        users: {
          ec: own(ec),
          rsa: own(rsa),
          a: { ...own(a), trusted: mallory.cert },
          b: own(b),
          clients: own(b),
          listed: { ...own(b), revoked: await people.revoke([dave]) },
        },
      },
      objects: [
        ...gatewayObjects().filter((o) => o.kind !== 'Gateway'),
        ...serviceAt('app', app),
        istio('Gateway', 'door', {
          selector: { istio: 'ingressgateway' },
          servers: [
            server('both', { credentialNames: ['rsa', 'ec'] }),
            server('a', { credentialName: 'a' }),
            server('b', { credentialName: 'b' }),
            server('clients', { mode: 'MUTUAL', credentialName: 'a', caCertCredentialName: 'clients' }),
            server('listed', { mode: 'MUTUAL', credentialName: 'listed' }),
          ],
        }),
        istio('VirtualService', 'door', {
          hosts: ['*.example'],
          gateways: ['door'],
          http: [{ route: [{ destination: { host: 'app' } }] }],
        }),
      ],
    });
    assert.deepEqual(gateway.problems, []);
    const port = gateway.port(8443);
    const only = (kind: 'ECDSA' | 'RSA'): ConnectionOptions => ({ maxVersion: 'TLSv1.2', ciphers: `ECDHE-${kind}-AES128-GCM-SHA256` });
    assert.deepEqual(
      [await shown(port, 'both.example', only('RSA')), await shown(port, 'both.example', only('ECDSA'))],
      ['CN=both.example rsa', 'CN=both.example ec'],
    );
    assert.deepEqual(
      [await shown(port, 'a.example'), await shown(port, 'b.example'), await shown(port, 'c.example')],
      ['CN=a.example ec', 'CN=b.example ec', 'nobody'],
    );

    const get = async (name: string, client?: Certificate): Promise<string> =>
      (
        await bytesOver(
          { port, servername: `${name}.example`, ...client },
          `GET / HTTP/1.1\r\nhost: ${name}.example\r\nconnection: close\r\n\r\n`,
        )
      ).slice(9, 12);
    const answers = { clients: [], listed: [] } as Record<string, string[]>;
    for (const name of ['clients', 'listed'])
      for (const client of [carol, dave, mallory, undefined]) answers[name]!.push(await get(name, client));
    assert.deepEqual(answers, { clients: ['200', '200', '', ''], listed: ['200', '', '', ''] });
  },
);

test('bind: at one address, at a socket, and at every other address what names none', { timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bind-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const ports: Record<string, number> = {};
  for (const name of ['open', 'inner', 'socket']) ports[name] = await serve(t, echo(name));
  const server = (number: number, host: string, more: object = {}): object => ({
    port: { number, name: `http-${host}`, protocol: 'HTTP' },
    hosts: [`${host}.example`],
    ...more,
  });
  const path = join(dir, 's');
  const gateway = await envoyOf(t, {
    pod: 'istio-system/istio-ingressgateway-0',
    objects: [
      ...gatewayObjects().filter((o) => o.kind !== 'Gateway'),
      ...Object.entries(ports).flatMap(([name, port]) => serviceAt(name, port)),
      istio('Gateway', 'door', {
        selector: { istio: 'ingressgateway' },
        servers: [
          server(80, 'open'),
          server(8081, 'inner', { bind: '127.0.0.7' }),
          server(8082, 'socket', { bind: `unix://${path}` }),
          server(8083, 'nowhere', { bind: 'nowhere' }),
        ],
      }),
      ...Object.keys(ports).map((host) =>
        istio('VirtualService', host, { hosts: [`${host}.example`], gateways: ['door'], http: [{ route: [{ destination: { host } }] }] }),
      ),
    ],
  });
  assert.equal(gateway.problems.length, 1);
  assert.match(gateway.problems[0]!, /spec\.servers\[3\]\.bind: nothing can listen at nowhere/);
  const nameIn = (body: string): string => (JSON.parse(body) as { name: string }).name;
  assert.equal(nameIn((await ask(gateway.port(8080), 'open.example')).body), 'open');
  assert.equal((await ask(gateway.port(8080), 'inner.example')).status, 404);
  const inner = (host: string): Promise<string> =>
    bytesOver({ host, port: gateway.port(8081) }, 'GET / HTTP/1.1\r\nhost: inner.example\r\nconnection: close\r\n\r\n');
  assert.match(await inner('127.0.0.7'), /"name":"inner"/);
  assert.equal(await inner('127.0.0.1'), '');
  assert.deepEqual(await getFrom({ socketPath: path, path: '/', host: 'socket.example' }).then((a) => [a.status, nameIn(a.body)]), [
    200,
    'socket',
  ]);
});
