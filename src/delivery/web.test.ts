import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadServerPki } from '../ca/index.ts';
import { serve, type Told } from './testing/local-server.ts';
import { proxyFor } from './web-address.ts';
import { createWeb } from './web.edge.ts';

const timeoutMs = 5_000;

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A server of HTTPS whose certificate nobody here trusts. */
async function serveTls(t: TestContext): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-web-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const { cert, key } = await loadServerPki(dir, Date.now());
  return listening(
    t,
    createTlsServer({ cert, key }, (_, response) => response.end('over TLS')),
  );
}

/** An HTTP proxy for `me:secret`; hosts of the test's own lead to this machine. */
async function serveProxy(t: TestContext): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const allowed = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.end(request.headers['proxy-authorization'] === allowed ? 'by proxy' : 'by nobody');
  });
  server.on('connect', (request, socket: Socket) => {
    seen.push(`CONNECT ${request.url}`);
    if (request.headers['proxy-authorization'] !== allowed) return socket.end('HTTP/1.1 407 No\r\n\r\n');
    const far = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    far.on('error', () => socket.destroy());
    socket.on('error', () => far.destroy());
  });
  return { url: `http://me:secret@127.0.0.1:${await listening(t, server)}`, seen };
}

test('no answer in time, one that is too large, and one from another host are refused', async (t) => {
  const other = await serve(t, () => ({ body: 'stolen' }));
  const server = await serve(t, ({ path }) =>
    path === '/large'
      ? { body: 'x'.repeat(5 * 1024 * 1024) }
      : path === '/loop'
        ? { status: 302, headers: { location: '/loop' } }
        : { status: 302, headers: { location: other.url } },
  );
  const silent = await listening(
    t,
    createServer(() => {}),
  );
  const web = createWeb();
  const cases: [string, RegExp][] = [
    [`${server.url}/large`, /the answer is larger than 4194304 bytes/],
    [`${server.url}/away`, /leads to http:\/\/127.0.0.1:\d+: use that address/],
    [`${server.url}/loop`, /more than 3 times/],
    ['ftp://example.com/?token=hidden', /^the address is not a URL/],
  ];
  for (const [url, message] of cases) await assert.rejects(web.send({ url, timeoutMs, headers: { authorization: 'x' } }), { message });
  await assert.rejects(web.send({ url: `http://127.0.0.1:${silent}`, timeoutMs: 50 }), { message: /no answer within 50 ms/ });
  assert.equal(other.asked.length, 0);
});

test('an answer from another path of the same host is followed', async (t) => {
  const moved = { status: 301, headers: { location: '/b' } };
  const server = await serve(t, ({ path }): Told => (path === '/a' ? moved : { body: path, headers: { 'retry-after': '7' } }));
  assert.deepEqual(await createWeb().send({ url: `${server.url}/a`, timeoutMs }), { status: 200, body: '/b', retryAfter: 7 });
});

test('a certificate is checked, unless it is said not to', async (t) => {
  const url = `https://127.0.0.1:${await serveTls(t)}`;
  const web = createWeb();
  await assert.rejects(web.send({ url, timeoutMs }), { message: /certificate/ });
  assert.equal((await web.send({ url, timeoutMs, insecureSkipVerify: true })).body, 'over TLS');
});

test('by a proxy: plain requests as a whole, TLS through a tunnel', async (t) => {
  const proxy = await serveProxy(t);
  const port = await serveTls(t);
  const web = createWeb();
  assert.equal((await web.send({ url: 'http://far.example/x?y=1', timeoutMs, proxy: proxy.url })).body, 'by proxy');
  const url = `https://far.example:${port}/z`;
  assert.equal((await web.send({ url, timeoutMs, proxy: proxy.url, insecureSkipVerify: true })).body, 'over TLS');
  assert.deepEqual(proxy.seen, ['GET http://far.example/x?y=1 far.example', `CONNECT far.example:${port}`]);
  const wrong = proxy.url.replace('secret', 'guess');
  await assert.rejects(
    web.send({ url, timeoutMs, proxy: wrong }),
    ({ message }: Error) => /refuses with status 407/.test(message) && !message.includes('guess'),
  );
  await assert.rejects(web.send({ url, timeoutMs, proxy: 'socks5://127.0.0.1:1' }), { message: /the address of the proxy is not a URL/ });
});

test('services of the cluster are reached by their names, and not by a proxy', async (t) => {
  const server = await serve(t, ({ headers, path }) => ({ body: `${headers.host} ${path}` }));
  const dial = async ({ hostname }: URL): Promise<Socket | undefined> =>
    hostname === 'prometheus.istio-system' ? connect(Number(new URL(server.url).port), '127.0.0.1') : undefined;
  const web = createWeb({ dial, env: { HTTP_PROXY: 'http://127.0.0.1:1' } });
  assert.equal((await web.send({ url: 'http://prometheus.istio-system:9090/api', timeoutMs })).body, 'prometheus.istio-system:9090 /api');
  await assert.rejects(web.send({ url: 'http://elsewhere.example', timeoutMs }), { message: /ECONNREFUSED 127.0.0.1:1/ });
});

test('the proxy of the environment, and who is spared', () => {
  const env = { HTTPS_PROXY: 'http://p:1', http_proxy: 'q:2', NO_PROXY: 'internal, .example.com,host.org:8443' };
  const cases: [string, string | undefined][] = [
    ['https://api.datadoghq.com', 'http://p:1'],
    ['http://api.datadoghq.com', 'http://q:2'],
    ['https://internal', undefined],
    ['https://a.internal', undefined],
    ['https://notinternal', 'http://p:1'],
    ['https://example.com', 'http://p:1'],
    ['https://a.example.com', undefined],
    ['https://host.org', 'http://p:1'],
    ['https://host.org:8443', undefined],
    ['https://localhost:1', undefined],
    ['http://127.0.0.1:1', undefined],
  ];
  for (const [url, want] of cases) assert.equal(proxyFor(new URL(url), env), want, url);
  assert.equal(proxyFor(new URL('https://a.b'), { ...env, NO_PROXY: '*' }), undefined);
  assert.equal(proxyFor(new URL('https://a.b'), {}), undefined);
});
