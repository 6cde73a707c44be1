import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { selfSigned } from '../../../test/support/certificate.ts';
import { ApiError } from '../../api/index.ts';
import { systemClock, VirtualClock } from '../../base/index.ts';
import { createWebhookCaller } from './call-webhook.edge.ts';

const service = { namespace: 'hooks', name: 'hook', port: 443 };
let server: Server;
let port: number;
let ca: string;
let connections = 0;
/** What is answered, by path. */
let stall: Promise<void>;
let letGo: () => void;
before(async () => {
  ({ promise: stall, resolve: letGo } = Promise.withResolvers<void>());
  const { cert, key } = await selfSigned('hook.hooks.svc');
  ca = cert;
  server = createServer({ cert, key }, (req, res) => {
    void text(req).then(async (body) => {
      const path = new URL(req.url!, 'http://hook').pathname;
      if (path === '/stall') await stall;
      if (path === '/large') return res.end(Buffer.alloc(4 * 1024 * 1024));
      if (path === '/cut') return req.socket.destroy();
      const status = Number(/\d+/.exec(path)?.[0] ?? 200);
      res.writeHead(status).end(status === 200 ? `${req.method} ${req.url} ${req.headers['content-type']} ${body}` : 'it broke\n');
    });
  });
  server.on('secureConnection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
after(() => {
  letGo();
  server.closeAllConnections();
  server.close();
});

const dialer = {
  pod: () => assert.fail('not part of these tests'),
  service: async (namespace: string, name: string, wanted: string) => {
    if (name === 'none') throw new ApiError('NotFound', 'services "none" not found', { name, kind: 'services' });
    if (name === 'idle') throw new ApiError('ServiceUnavailable', 'no endpoints available for service "idle"');
    assert.deepEqual([namespace, wanted], ['hooks', '443']);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
};
const call = createWebhookCaller({ dialer, clock: systemClock });
const at = (path: string) => ({ url: `https://hook.hooks.svc:443${path}`, service, ca });
const post = async (...[endpoint, seconds = 10]: [Parameters<typeof call>[0], number?]): Promise<string> =>
  (await call(endpoint, Buffer.from('{}'), seconds)).toString();

test('a service is called by its name in the cluster, on a connection that is used again', async () => {
  assert.equal(await post(at('/a')), 'POST /a?timeout=10s application/json {}');
  const before = connections;
  for (let i = 0; i < 3; i++) assert.equal(await post(at('/b'), 2), 'POST /b?timeout=2s application/json {}');
  assert.equal(connections, before);
});

test('a connection that ended while it was kept costs nothing', async () => {
  await post(at('/a'));
  server.closeIdleConnections();
  assert.match(await post(at('/a')), /^POST/);
});

test('a webhook by its URL, whose certificate is for another name', async () => {
  const url = `https://127.0.0.1:${port}/x`;
  await assert.rejects(post({ url, service: undefined, ca }), (error: Error) => {
    assert.ok(error.message.startsWith(`Post "${url}?timeout=10s": tls: failed to verify certificate: x509: certificate is not valid`));
    return true;
  });
});

test('a webhook by its URL', async () => {
  const { cert, key } = await selfSigned('localhost');
  const local = createServer({ cert, key }, (_req, res) => res.end('here'));
  local.listen(0, '127.0.0.1');
  await once(local, 'listening');
  const url = `https://localhost:${(local.address() as AddressInfo).port}/x`;
  assert.equal(await post({ url, service: undefined, ca: cert }), 'here');
  local.closeAllConnections();
  local.close();
});

const POST = 'Post "https://hook.hooks.svc:443';
for (const [what, endpoint, message] of [
  [
    'a certificate that nobody vouches for',
    () => ({ ...at('/a'), ca: undefined }),
    `${POST}/a?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  ],
  [
    'a service that is not there',
    () => ({ ...at('/a'), service: { ...service, name: 'none' } }),
    `${POST}/a?timeout=10s": service "none" not found`,
  ],
  [
    'a service that nobody is behind',
    () => ({ ...at('/a'), service: { ...service, name: 'idle' } }),
    `${POST}/a?timeout=10s": no endpoints available for service "idle"`,
  ],
  [
    'a port that nobody listens on',
    () => ({ url: 'https://127.0.0.1:1/a', service: undefined, ca }),
    'Post "https://127.0.0.1:1/a?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
  ],
  ['a connection that breaks off', () => at('/cut'), `${POST}/cut?timeout=10s": EOF`],
  [
    'an answer that is too large',
    () => at('/large'),
    `${POST}/large?timeout=10s": the request is too large: at most 3145728 bytes are read`,
  ],
  ['an error of the webhook', () => at('/500'), 'an error on the server ("it broke") has prevented the request from succeeding'],
  ['an address that is not served', () => at('/404'), 'the server could not find the requested resource'],
  ['another refusal', () => at('/418'), 'the server responded with the status code 418 but did not return more information'],
] as const) {
  test(what, async () => assert.rejects(post(endpoint()), { message }));
}

test('an answer that does not come in time', async () => {
  const clock = new VirtualClock();
  const slow = createWebhookCaller({ dialer, clock });
  const asked = slow(at('/stall'), Buffer.from('{}'), 3);
  await assert.rejects(Promise.all([asked, clock.advance(3000)]), { message: `${POST}/stall?timeout=3s": context deadline exceeded` });
});
