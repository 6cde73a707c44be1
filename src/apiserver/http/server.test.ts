import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { ApiError, createCatalog, type AnyObject } from '../../api/index.ts';
import { silentLog, systemClock, systemRng, createMetrics } from '../../base/index.ts';
import { loadServerPki, type ServerPki } from '../../ca/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createAuth } from '../auth/auth.ts';
import { ADMIN } from '../auth/identity.ts';
import type { Kubelet } from '../kubelet.ts';
import type { Entry, Registry, Target, WatchMessage, WatchQuery } from '../registry.ts';
import { startApiServer, type ApiServer } from './server.edge.ts';

const entry = (object: AnyObject): Entry => ({ object, bytes: Buffer.from(JSON.stringify(object)) });
const pod: AnyObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'a', resourceVersion: '7', uid: 'u1' },
  spec: { containers: [{ name: 'one' }, { name: 'two' }] },
};

/** What the registry was asked, and what a watch is to send. */
const asked: { verb: string; target: Target; query: unknown; value?: unknown }[] = [];
let events: (query: WatchQuery, signal: AbortSignal | undefined) => AsyncIterable<WatchMessage>;

const unexpected = (): never => assert.fail('not part of these tests');
const registry: Registry = {
  catalog: createCatalog(),
  metrics: createMetrics(),
  async get(target) {
    if (target.name !== 'web') throw new ApiError('NotFound', `pods "${target.name}" not found`, { name: target.name!, kind: 'pods' });
    return entry(pod);
  },
  async list(target, query) {
    asked.push({ verb: 'list', target, query });
    return { items: [entry(pod), entry(pod)], resourceVersion: '9', continue: 'more', remainingItemCount: 3 };
  },
  watch: (target, query, signal) => {
    asked.push({ verb: 'watch', target, query });
    return events(query, signal);
  },
  async create(target, body, query) {
    asked.push({ verb: 'create', target, query, value: body.value });
    return { ...entry(body.value as AnyObject), created: true, warnings: ['mind "this"'] };
  },
  update: unexpected,
  async patch(target, type, body, query) {
    asked.push({ verb: `patch ${type}`, target, query, value: body.value });
    return { ...entry(pod), created: false, warnings: [] };
  },
  async delete(target, query) {
    asked.push({ verb: 'delete', target, query });
    return { ...entry(pod), gone: true, warnings: [] };
  },
  deleteCollection: unexpected,
  connect: async () => [],
  client: unexpected,
};
const kubelet: Kubelet = { logs: unexpected, exec: unexpected, attach: unexpected, portForward: unexpected };

let dir: string;
let pki: ServerPki;
let server: ApiServer;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-http-'));
  pki = await loadServerPki(join(dir, 'pki'), Date.now());
  server = await startApiServer({
    registry,
    kubelet,
    clock: systemClock,
    log: silentLog,
    tls: pki,
    port: 0,
    socketPath: join(dir, 'api.sock'),
    auth: await createAuth({
      store: memoryStore<AnyObject>(),
      catalog: registry.catalog,
      clock: systemClock,
      rng: systemRng,
      log: silentLog,
      accountKey: pki.accountKey,
      certificates: pki.clients,
      tokens: { [pki.adminToken]: ADMIN },
    }),
    version: 'v1.35.2',
  });
});
after(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: any;
}

function open(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer; local?: boolean } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', body, local = false } = options;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const headers = { authorization: `Bearer ${pki.adminToken}`, ...length, ...options.headers };
    const req = local
      ? httpRequest({ socketPath: join(dir, 'api.sock'), path, method, headers: { host: 'x', ...length, ...options.headers } })
      : tlsRequest({ host: '127.0.0.1', port: server.port, ca: pki.ca, servername: 'localhost', path, method, headers });
    req.once('response', resolve).once('error', reject).end(body);
  });
}

async function call(path: string, options: Parameters<typeof open>[1] = {}): Promise<Answer> {
  const res = await open(path, options);
  let text = '';
  for await (const chunk of res) text += String(chunk);
  return {
    code: res.statusCode!,
    headers: res.headers,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

const PODS = '/api/v1/namespaces/a/pods';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

for (const [what, path, headers, code] of [
  ['credentials of another kind', '/version', { authorization: 'Basic eDp5' }, 401],
  ["a token that is nobody's is refused", '/version', { authorization: 'Bearer wrong' }, 401],
  ['a page in a browser is refused', '/version', { origin: 'https://evil.example' }, 403],
  ['another name for this address is refused', '/version', { host: 'evil.example' }, 403],
  ['somebody who may do nothing', PODS, { 'impersonate-user': 'x' }, 403],
  ['localhost is a good name', '/version', { host: 'localhost:1' }, 200],
  ['an unknown path', '/nothing', {}, 404],
  ['an unknown kind', '/api/v1/namespaces/a/widgets', {}, 404],
  ['an unknown part of an object', `${PODS}/web/nothing`, {}, 404],
  ['a kind without namespaces, in one', '/api/v1/namespaces/a/nodes', {}, 404],
  ['a form that is not served', PODS, { accept: 'text/html' }, 406],
  ['an option that cannot be read', `${PODS}?limit=many`, {}, 400],
  ['exec without an upgrade', `${PODS}/web/exec?command=ls`, {}, 400],
  ['logs of no container in particular', `${PODS}/web/log`, {}, 400],
  ['a path that is not escaped', '/api/v1/%zz', {}, 400],
] as const) {
  test(`${what}: ${code}`, async () => {
    const answer = await call(path, { headers });
    assert.equal(answer.code, code);
    const { json } = answer;
    if (code !== 200) assert.deepEqual([json.kind, json.status, json.code], ['Status', 'Failure', code]);
  });
}

test('without credentials only health and version are seen; through the socket all is', async () => {
  const anonymous = (path: string): Promise<number> =>
    new Promise((resolve, reject) =>
      tlsRequest({ host: '127.0.0.1', port: server.port, ca: pki.ca, path }, (res) => resolve(res.resume().statusCode!))
        .once('error', reject)
        .end(),
    );
  assert.deepEqual(await Promise.all(['/version', '/readyz', '/api', PODS].map(anonymous)), [200, 200, 403, 403]);
  assert.equal((await call(PODS, { local: true })).code, 200);
  assert.equal(asked.at(-1)!.target.user.name, 'system:node:sluice');
  assert.equal(statSync(join(dir, 'api.sock')).mode & 0o777, 0o600);
});

test('aggregated discovery repeats its parameters, and is not sent twice', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  for (const path of ['/api', '/apis']) {
    const { headers, text } = await call(path, { headers: { accept } });
    assert.equal(headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    assert.equal(JSON.parse(text).kind, 'APIGroupDiscoveryList');
    assert.equal((await call(path, { headers: { accept, 'if-none-match': headers.etag! } })).code, 304);
  }
  assert.equal((await call('/apis')).json.kind, 'APIGroupList');
  assert.equal((await call('/api/v1')).json.kind, 'APIResourceList');
});

test('OpenAPI documents are kept by their hash', async () => {
  const { json } = await call('/openapi/v3');
  const url: string = json.paths['apis/apps/v1'].serverRelativeURL;
  const current = await call(url);
  assert.match(current.headers['cache-control']!, /immutable/);
  assert.ok(current.json.components.schemas);
  const stale = await call('/openapi/v3/apis/apps/v1?hash=OLD');
  assert.deepEqual([stale.code, stale.headers.location], [301, url]);
  assert.equal((await call('/openapi/v3/apis/apps/v1')).headers['cache-control'], 'no-cache, private');
});

test('OpenAPI version 2 names no kinds, in both of its forms', async () => {
  const { json } = await call('/openapi/v2');
  assert.deepEqual([json.swagger, json.definitions], ['2.0', {}]);
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const { code, headers, text } = await call('/openapi/v2', { headers: { accept } });
  assert.deepEqual([code, headers['content-type']], [200, accept.replace('@', '.')]);
  const [version, title] = ['2.0', 'Kubernetes'].map((word) => `\n${String.fromCharCode(word.length)}${word}`);
  assert.ok(text.startsWith(version!) && text.includes(title!), JSON.stringify(text));
});

test('a list as JSON, as a Table and as metadata', async () => {
  const plain = await call(`${PODS}?limit=2&labelSelector=a%3Db`);
  assert.deepEqual(plain.json, {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: { resourceVersion: '9', continue: 'more', remainingItemCount: 3 },
    items: [pod, pod],
  });
  const { limit, labelSelector } = asked.at(-1)!.query as { limit: number; labelSelector: string };
  assert.deepEqual([limit, labelSelector], [2, 'a=b']);
  const table = await call(PODS, { headers: { accept: TABLE } });
  assert.deepEqual(
    [table.json.kind, table.json.metadata.continue, table.json.rows.length, table.json.rows[0].cells[0]],
    ['Table', 'more', 2, 'web'],
  );
  assert.equal(table.json.rows[0].object.spec, undefined);
  const whole = await call(`${PODS}?includeObject=Object`, { headers: { accept: TABLE } });
  assert.deepEqual(whole.json.rows[0].object, pod);
  const metadata = await call(PODS, { headers: { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } });
  assert.deepEqual(metadata.json.items[0], { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: pod.metadata });
  assert.match((await call(`${PODS}/web`, { headers: { accept: 'application/yaml' } })).text, /^apiVersion: v1\n/);
});

test('writes carry their options and bodies, and bring warnings', async () => {
  const body = JSON.stringify({ kind: 'Pod' });
  const made = await call(`${PODS}?fieldManager=me&fieldValidation=Strict`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual([made.code, made.headers['warning']], [201, '299 - "mind \\"this\\""']);
  assert.deepEqual(asked.at(-1)!.value, { kind: 'Pod' });
  const applied = await call(`${PODS}/web?force=true`, {
    method: 'PATCH',
    body: 'a: 1',
    headers: { 'content-type': 'application/apply-patch+yaml' },
  });
  assert.deepEqual([applied.code, asked.at(-1)!.verb, (asked.at(-1)!.query as { force: boolean }).force], [200, 'patch apply', true]);
  const deleted = await call(`${PODS}/web`, {
    method: 'DELETE',
    body: '{"propagationPolicy":"Background"}',
    headers: { 'content-type': 'application/json' },
  });
  assert.deepEqual(deleted.json.details, { name: 'web', kind: 'pods', uid: 'u1' });
  for (const [method, path] of [
    ['PUT', PODS],
    ['PATCH', PODS],
    ['POST', `${PODS}/web`],
    ['TRACE', PODS],
  ] as const) {
    assert.equal((await call(path, { method })).code, 405, `${method} ${path}`);
  }
  const large = await call(PODS, {
    method: 'POST',
    body: Buffer.alloc(3 * 1024 * 1024 + 1, 32),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(large.code, 413);
});

const added = (): WatchMessage => ({ type: 'ADDED', entry: entry(pod) });

test('a command without options needs no body', async () => {
  const at = '/apis/flagger.app/v1beta1/namespaces/a/canaries/web';
  assert.equal((await call(`${at}/promote`, { method: 'POST' })).code, 201);
  const { target, value } = asked.at(-1)!;
  assert.deepEqual([target.name, target.subresource, value], ['web', 'promote', {}]);
  assert.equal((await call('/api/v1/namespaces/a/pods/web/eviction', { method: 'POST' })).code, 400);
  assert.equal((await call(`${at}/destroy`, { method: 'POST' })).code, 404);
});

test('a watch sends its head at once, then an event a line, and ends when its time is over', async () => {
  events = async function* (_query, signal) {
    yield added();
    yield { type: 'BOOKMARK', resourceVersion: '8', initialEventsEnd: true };
    await new Promise<void>((resolve) => signal!.addEventListener('abort', () => resolve()));
  };
  const { code, text } = await call(`${PODS}?watch=true&timeoutSeconds=1&fieldSelector=a%3Db`);
  const [first, second, ...rest] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([code, rest], [200, []]);
  assert.deepEqual(first, { type: 'ADDED', object: pod });
  assert.deepEqual(second, {
    type: 'BOOKMARK',
    object: {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { resourceVersion: '8', creationTimestamp: null, annotations: { 'k8s.io/initial-events-end': 'true' } },
    },
  });
});

test('only the first Table of a watch names its columns', async () => {
  events = async function* () {
    yield added();
    yield added();
  };
  const { text } = await call(`${PODS}/web?watch=true`, { headers: { accept: TABLE } });
  const tables = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).object);
  assert.deepEqual(
    tables.map((t) => [t.kind, t.columnDefinitions === null, t.rows.length]),
    [
      ['Table', false, 1],
      ['Table', true, 1],
    ],
  );
  assert.equal((asked.at(-1)!.query as WatchQuery).fieldSelector, 'metadata.name=web');
});

test('a revision that is too old is an event, another refusal is the answer', async () => {
  events = async function* (query) {
    if (query.resourceVersion !== '1') yield added();
    throw new ApiError('Expired', 'too old resource version: 1 (9)');
  };
  const expired = await call(`${PODS}?watch=true&resourceVersion=1`);
  assert.equal(expired.code, 200);
  assert.deepEqual(JSON.parse(expired.text).object.reason, 'Expired');
  events = () => {
    throw new ApiError('Invalid', 'sendInitialEvents is forbidden');
  };
  assert.equal((await call(`${PODS}?watch=true&sendInitialEvents=true`)).code, 422);
});

test('a client that goes away ends its watch', async () => {
  let ended: () => void;
  const over = new Promise<void>((resolve) => (ended = resolve));
  events = async function* (_query, signal) {
    yield added();
    await new Promise<void>((resolve) => signal!.addEventListener('abort', () => resolve()));
    ended();
  };
  const res = await open(`${PODS}?watch=true`);
  res.once('data', () => res.destroy());
  await over;
});

test('the tunnel of port-forward goes by a name with a slash in it', async () => {
  const protocol = 'SPDY/3.1+portforward.k8s.io';
  const upgraded = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${pki.adminToken}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': protocol,
    };
    const asked = tlsRequest({ host: '127.0.0.1', port: server.port, path: `${PODS}/web/portforward`, ca: pki.ca, headers });
    asked.on('upgrade', (res, socket) => {
      socket.destroy();
      resolve(res);
    });
    asked.on('response', (res) => reject(new Error(`answered ${res.statusCode}`)));
    asked.on('error', reject);
    asked.end();
  });
  assert.equal(upgraded.headers['sec-websocket-protocol'], protocol);
});

test('an upgrade that is refused is answered with a Status', async () => {
  const refusal = (path: string, protocol: string): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, protocol, {
        ca: pki.ca,
        headers: { authorization: `Bearer ${pki.adminToken}` },
      });
      socket.on('unexpected-response', (_req, res) => resolve(res.resume().statusCode!));
      socket.on('error', () => {});
    });
  assert.equal(await refusal(`${PODS}/gone/exec?command=ls&stdout=1`, 'v5.channel.k8s.io'), 404);
  assert.equal(await refusal(`${PODS}/web/exec?command=ls&stdout=1`, 'v5.channel.k8s.io'), 400);
  assert.equal(await refusal(`${PODS}/web/exec?command=ls&stdout=1&container=one`, 'unheard-of'), 400);
  assert.equal(await refusal(`${PODS}/web/nothing`, 'v5.channel.k8s.io'), 404);
});

test('a connection that nothing is asked on is kept as long as clients keep it', async () => {
  for (const local of [true, false]) {
    const { headers } = await call('/version', { local, headers: { connection: 'keep-alive' } });
    assert.equal(headers['keep-alive'], 'timeout=90');
  }
});

test('requests are counted and timed by what they are about, streams while they are open; what nobody serves by no name', async () => {
  const told = async (): Promise<string> => (await call('/metrics')).text;
  const counted = (text: string, labels: string): number =>
    Number(new RegExp(`^apiserver_request_total{${labels}} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const lists = 'verb="LIST",group="",version="v1",resource="pods",subresource="",scope="namespace",component="apiserver",code="200"';
  const nothing = 'verb="GET",group="",version="",resource="",subresource="",scope="",component="apiserver",code="404"';
  const before = await told();
  await call(PODS);
  for (const path of ['/apis/made.up/v1/anythings', `${PODS}/web/made.up`, `${PODS}/web/made.up?watch=true`]) await call(path);
  await call(PODS, { method: 'PROPFIND' });
  const after = await told();
  assert.equal(counted(after, lists) - counted(before, lists), 1);
  assert.equal(counted(after, nothing) - counted(before, nothing), 3);
  assert.doesNotMatch(after, /made\.up|PROPFIND/);
  assert.match(after, /^apiserver_request_duration_seconds_count{verb="LIST".*resource="pods".*} \d+$/m);
  assert.match(after, /^process_resident_memory_bytes \d+$/m);

  events = async function* (_query, signal) {
    await new Promise<void>((resolve) => signal!.addEventListener('abort', () => resolve()));
    yield* [];
  };
  const watches = (text: string): number =>
    Number(/^apiserver_longrunning_requests{verb="WATCH".*resource="pods".*} (\d+)$/m.exec(text)?.[1] ?? 0);
  const idle = watches(await told());
  const watch = await open(`${PODS}?watch=true`);
  assert.equal(watches(await told()), idle + 1);
  watch.destroy();
  while (watches(await told()) !== idle) await new Promise((resolve) => setImmediate(resolve));
});
