/** The Client port over HTTP, against a real server: what the wire adds to it. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { ConfigMaps, Deployments, Namespaces, Pods, type Resource } from '../../src/api/index.ts';
import { createHttpClient, type Client } from '../../src/control/index.ts';
import { clientContract } from '../../src/control/testing.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

clientContract('the HTTP client', async () => {
  const server = await startTestApi();
  return { client: createHttpClient({ socketPath: server.socketPath }), compact: server.compact, close: server.close };
});

const map = (name: string, data: Record<string, string> = {}) => ({ metadata: { name, namespace: 'default' }, data });
const key = (name: string) => ({ namespace: 'default', name });

const CLIENTS: Record<string, () => Client> = {
  'over the Unix socket': () => createHttpClient({ socketPath: api.socketPath }),
  'over TLS with a token': () => createHttpClient({ baseUrl: api.url, ca: api.ca, token: api.token }),
};

for (const [how, make] of Object.entries(CLIENTS)) {
  test(`objects are written, read, listed and deleted ${how}`, async () => {
    const client = make();
    const made = await client.create(ConfigMaps, map('one', { a: '1' }), { fieldManager: 'tester' });
    assert.deepEqual([made.kind, made.data, made.metadata?.managedFields?.[0]?.manager], ['ConfigMap', { a: '1' }, 'tester']);
    await assert.rejects(client.create(ConfigMaps, map('one')), { name: 'ApiError', reason: 'AlreadyExists', code: 409 });
    const updated = await client.update(ConfigMaps, { ...made, data: { a: '2' } });
    await assert.rejects(client.update(ConfigMaps, { ...made, data: { a: '3' } }), { reason: 'Conflict' });
    for (const [type, body] of [
      ['merge', { data: { b: '1' } }],
      ['json', [{ op: 'add', path: '/data/c', value: '1' }]],
      ['strategic', { data: { d: '1' } }],
      ['apply', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { e: '1' } }],
    ] as const) {
      await client.patch(ConfigMaps, key('one'), { type, body } as Parameters<Client['patch']>[2], { fieldManager: 'tester' });
    }
    const read = await client.get(ConfigMaps, key('one'));
    assert.deepEqual(read?.data, { a: '2', b: '1', c: '1', d: '1', e: '1' });
    assert.equal(read?.metadata?.uid, updated.metadata?.uid);
    assert.equal((await client.create(ConfigMaps, map('dry'), { dryRun: true })).metadata?.name, 'dry');
    assert.deepEqual((await client.list(ConfigMaps, { namespace: 'default', fieldSelector: 'metadata.name=one' })).items, [read]);
    assert.equal((await client.delete(ConfigMaps, key('one')))?.metadata?.uid, read?.metadata?.uid);
    assert.equal(await client.delete(ConfigMaps, key('one')), undefined);
    assert.equal(await client.get(ConfigMaps, key('one')), undefined);
    assert.equal((await client.get(Namespaces, { name: 'default' }))?.metadata?.name, 'default');
  });

  test(`a watch goes on from where a list was read ${how}`, async () => {
    const client = make();
    const { resourceVersion } = await client.list(ConfigMaps);
    await client.create(ConfigMaps, map('seen'));
    await client.delete(ConfigMaps, key('seen'));
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of client.watch(ConfigMaps, { namespace: 'default', resourceVersion, signal: stop.signal })) {
      if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${event.object.metadata?.name}`);
      if (seen.length === 2) stop.abort();
    }
    assert.deepEqual(seen, ['ADDED seen', 'DELETED seen']);
  });
}

test('the scale and the status of an object are parts of their own', async () => {
  const client = createHttpClient({ socketPath: api.socketPath });
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'img' }] } };
  const made = await client.create(Deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template },
  });
  await client.patch(Deployments, key('web'), { type: 'merge', body: { spec: { replicas: 4 } } }, { subresource: 'scale' });
  await client.update(
    Deployments,
    { ...made, metadata: { ...made.metadata, resourceVersion: undefined }, status: { replicas: 2 } },
    { subresource: 'status' },
  );
  const read = await client.get(Deployments, key('web'));
  assert.deepEqual([read?.spec?.replicas, read?.status?.replicas], [4, 2]);
});

test('a list longer than a page is read whole', async () => {
  const client = createHttpClient({ socketPath: api.socketPath });
  await Promise.all(Array.from({ length: 520 }, (_, i) => api.client.create(ConfigMaps, map(`many-${i}`))));
  const { items } = await client.list(ConfigMaps, { namespace: 'default' });
  assert.equal(new Set(items.map((o) => o.metadata?.name).filter((n) => n?.startsWith('many-'))).size, 520);
});

test('refusals are ApiErrors, whoever refuses', async () => {
  const client = createHttpClient({ socketPath: api.socketPath });
  const widgets: Resource = { group: 'x.example', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };
  await assert.rejects(client.list(widgets), { name: 'ApiError', reason: 'NotFound' });
  await assert.rejects(client.create(Pods, { metadata: { name: 'BAD', namespace: 'default' } }), { reason: 'Invalid', code: 422 });
  await assert.rejects(createHttpClient({ baseUrl: api.url, ca: api.ca, token: 'wrong' }).list(Pods), { reason: 'Unauthorized' });
  await assert.rejects(createHttpClient({ socketPath: '/nonexistent/api.sock' }).list(Pods), { reason: 'ServiceUnavailable' });
  await assert.rejects(
    createHttpClient({ baseUrl: api.url, token: api.token }).list(Pods),
    { reason: 'ServiceUnavailable' },
    'an authority that is not trusted',
  );
});

test('a watch whose connection breaks ends; one that is too old throws Expired', async (t) => {
  const answers = [
    '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"ADD',
    '{"type":"ERROR","object":{"kind":"Status","reason":"Expired","message":"too old"}}\n',
  ];
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.write(answers.shift(), () => res.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const client = createHttpClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const names: unknown[] = [];
  for await (const event of client.watch(Pods, { resourceVersion: '1' }))
    if (event.type === 'ADDED') names.push(event.object.metadata?.name);
  assert.deepEqual(names, ['a']);
  await assert.rejects(
    async () => {
      for await (const event of client.watch(Pods, { resourceVersion: '1' })) assert.fail(event.type);
    },
    { reason: 'Expired' },
  );
});
