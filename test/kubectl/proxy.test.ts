/** HTTP to pods, services and nodes through the API server: `kubectl get --raw`, `kubectl proxy`, and clients that stream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { EndpointSlices, Nodes, Pods, Services } from '../../src/api/index.ts';
import { loadServerPki } from '../../src/ca/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { runSteps, said } from '../support/steps.ts';

let api: TestApi;
let app: Server;
let secure: Server;
let port: number;
let securePort: number;
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Says what it was asked, redirects, streams, and echoes over WebSocket. */
function answer(req: IncomingMessage, res: ServerResponse): void {
  const url = new URL(req.url!, 'http://app');
  if (url.pathname === '/redirect') return void res.writeHead(302, { location: '/there' }).end();
  if (url.pathname === '/stream') {
    res.write('first\n');
    return void req.socket.once('close', () => app.emit('left'));
  }
  if (url.pathname === '/page') return void res.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/x">x</a>');
  void text(req).then((body) => {
    const { host: _, ...headers } = req.headers;
    res.writeHead(url.pathname === '/teapot' ? 418 : 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ method: req.method, url: req.url, headers, body }));
  });
}

before(async () => {
  api = await startTestApi();
  app = createServer(answer);
  new WebSocketServer({ server: app }).on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)),
  );
  const { cert, key } = await loadServerPki(join(api.dir, 'app'), Date.now());
  secure = createTlsServer({ cert, key }, answer);
  for (const server of [app, secure]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  [port, securePort] = [portOf(app), portOf(secure)];
  const metadata = { name: 'web', namespace: 'default' };
  await api.client.create(Nodes, {
    metadata: { name: 'n1' },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  await api.client.create(Pods, {
    metadata,
    spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'img', ports: [{ containerPort: port }] }] },
  });
  api.kubelet.log('default/web', 'a line');
  const ports = [
    { name: 'http', port: 80 },
    { name: 'https', port: 443 },
  ];
  await api.client.create(Services, { metadata, spec: { ports } });
  await api.client.create(EndpointSlices, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port },
      { name: 'https', port: securePort },
    ],
    endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'web' } }],
  });
});
after(async () => {
  for (const server of [app, secure]) {
    server.closeAllConnections();
    server.close();
  }
  await api.close();
});

const POD = '/api/v1/namespaces/default/pods';
const SERVICE = '/api/v1/namespaces/default/services';

async function ask(path: string, options: { method?: string; body?: string; headers?: Record<string, string> } = {}) {
  const { method = 'GET', body, headers } = options;
  const req = tlsRequest(api.url + path, { method, ca: api.ca, headers: { authorization: `Bearer ${api.token}`, ...headers } });
  req.end(body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return { res, said: () => text(res) };
}

test('get --raw', async () => {
  await runSteps(api.kubectl, [
    { run: `get --raw ${POD}/web/proxy/x?y=z`, out: /"method":"GET","url":"\/x\?y=z"/ },
    { run: `get --raw ${POD}/web:${port}/proxy/`, out: /"url":"\/"/ },
    { run: `get --raw ${SERVICE}/web:80/proxy/a/b/`, out: /"url":"\/a\/b\/"/ },
    { run: `get --raw ${SERVICE}/http:web:http/proxy/page`, out: '<a href="/x">x</a>' },
    { run: `get --raw ${SERVICE}/https:web:443/proxy/tls`, out: /"url":"\/tls"/ },
    { run: `get --raw ${SERVICE}/web:81/proxy/`, code: 1, err: /no service port 81 found for service "web"/ },
    { run: `get --raw ${SERVICE}/web/proxy/`, code: 1, err: /no endpoints available for service "web"/ },
    { run: `get --raw ${SERVICE}/none:80/proxy/`, code: 1, err: /services "none" not found/ },
    { run: `get --raw ${POD}/none/proxy/`, code: 1, err: /pods "none" not found/ },
    { run: `get --raw ${POD}/web:1/proxy/`, code: 1, err: /\(ServiceUnavailable\): error trying to reach service: .*ECONNREFUSED/ },
    { run: `get --raw ${POD}/ftp:web:21/proxy/`, code: 1, err: /invalid pod request "ftp:web:21"/ },
    { run: `create --raw ${SERVICE}/web:80/proxy/post -f -`, input: '{"a":1}', out: /"method":"POST".*"body":"\{\\"a\\":1\}/ },
    { run: `delete --raw ${SERVICE}/web:80/proxy/gone`, out: /"method":"DELETE"/ },
  ]);
});

test('nodes: health, pods and logs; the rest is said to be missing', async () => {
  await runSteps(api.kubectl, [
    { run: 'get --raw /api/v1/nodes/n1/proxy/healthz', out: 'ok' },
    { run: 'get --raw /api/v1/nodes/n1/proxy/pods', out: /"kind":"PodList".*"name":"web"/ },
    { run: 'get --raw /api/v1/nodes/n1:10250/proxy/containerLogs/default/web/app', out: 'a line' },
    { run: 'get --raw /api/v1/nodes/n1/proxy/debug/pprof', code: 1, err: /the node serves no \/debug\/pprof/ },
    { run: 'get --raw /api/v1/nodes/none/proxy/healthz', code: 1, err: /nodes "none" not found/ },
  ]);
});

test('discovery lists the parts and what can be done with them', async () => {
  const { said: body } = await ask('/api/v1');
  const { resources } = JSON.parse(await body()) as { resources: { name: string; kind: string; verbs: string[] }[] };
  for (const [name, kind] of [
    ['pods/proxy', 'PodProxyOptions'],
    ['services/proxy', 'ServiceProxyOptions'],
    ['nodes/proxy', 'NodeProxyOptions'],
  ]) {
    const found = resources.find((r) => r.name === name);
    assert.deepEqual([found?.kind, found?.verbs], [kind, ['create', 'delete', 'get', 'patch', 'update']]);
  }
});

test('what is asked goes through, what says who asks does not; answers come as they are', async () => {
  const { res, said: body } = await ask(`${SERVICE}/web:80/proxy/teapot`, {
    method: 'PATCH',
    body: 'x'.repeat(100_000),
    headers: { 'content-type': 'text/x', 'x-mine': '1' },
  });
  assert.equal(res.statusCode, 418);
  const seen = JSON.parse(await body()) as { method: string; headers: Record<string, string>; body: string };
  assert.deepEqual([seen.method, seen.body.length], ['PATCH', 100_000]);
  assert.deepEqual([seen.headers['x-mine'], seen.headers['content-type'], seen.headers['authorization']], ['1', 'text/x', undefined]);
  assert.equal(seen.headers['x-forwarded-uri'], `${SERVICE}/web:80/proxy/teapot`);

  const redirect = await ask(`${SERVICE}/web:80/proxy/redirect`);
  assert.deepEqual([redirect.res.statusCode, redirect.res.headers.location], [302, `${SERVICE}/web:80/proxy/there`]);
  const slash = await ask(`${SERVICE}/web:80/proxy?a=b`);
  assert.deepEqual([slash.res.statusCode, slash.res.headers.location], [301, `${SERVICE}/web:80/proxy/?a=b`]);
  assert.equal((await ask(`${SERVICE}/web:80/proxy/`, { method: 'HEAD' })).res.statusCode, 200);
});

test('an answer that has no end comes as it is written, and ends when its reader goes', async () => {
  const { res } = await ask(`${POD}/web/proxy/stream`);
  const left = once(app, 'left');
  const [chunk] = (await once(res, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'first\n');
  res.destroy();
  await left;
});

test('a WebSocket through kubectl proxy, and its refusal', async () => {
  const child = api.kubectl.start(['proxy', '--port=0']);
  try {
    const line = await said(child.stdout!, /127\.0\.0\.1:\d+/);
    const [address] = /127\.0\.0\.1:\d+/.exec(line)!;
    const socket = new WebSocket(`ws://${address}${POD}/web/proxy/`);
    await once(socket, 'open');
    socket.send('hello');
    const [message] = (await once(socket, 'message')) as [Buffer];
    assert.equal(message.toString(), 'echo hello');
    socket.close();
    await once(socket, 'close');

    const refused = new WebSocket(`ws://${address}${POD}/none/proxy/`);
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 404);

    const req = request(`http://${address}${SERVICE}/web:80/proxy/through`).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    assert.match(await text(res), /"url":"\/through"/);
  } finally {
    child.kill();
  }
});
