import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Deployments, isApiError, Namespaces, Pods } from '../api/index.ts';
import { VirtualClock } from '../base/index.ts';
import type { WatchEvent } from './client.ts';
import { FakeClient } from './fake-client.ts';

const map = (name: string, labels: Record<string, string> = {}) => ({ metadata: { namespace: 'a', name, labels }, data: { k: 'v' } });

async function collect<T>(events: AsyncIterable<WatchEvent<T>>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const e of events) {
    seen.push(e.type === 'BOOKMARK' ? e.type : `${e.type} ${(e.object as { metadata: { name: string } }).metadata.name}`);
    if (seen.length === count) break;
  }
  return seen;
}

test('an update with an old revision is a conflict, one that changes nothing writes nothing', async () => {
  const client = new FakeClient(new VirtualClock());
  const first = await client.create(ConfigMaps, map('m'));
  const second = await client.update(ConfigMaps, { ...first, data: { k: 'w' } });
  await assert.rejects(client.update(ConfigMaps, { ...first, data: { k: 'x' } }), (e) => isApiError(e, 'Conflict'));
  const same = await client.patch(ConfigMaps, { namespace: 'a', name: 'm' }, { type: 'merge', body: { data: { k: 'w' } } });
  assert.equal(same.metadata?.resourceVersion, second.metadata?.resourceVersion);
  await assert.rejects(client.create(ConfigMaps, map('m')), (e) => isApiError(e, 'AlreadyExists'));
});

test('spec and status are written apart, and only spec counts generations', async () => {
  const client = new FakeClient(new VirtualClock());
  const key = { namespace: 'a', name: 'd' };
  await client.create(Deployments, { metadata: { ...key }, spec: { replicas: 1, selector: {}, template: {} }, status: { replicas: 9 } });
  const status = await client.patch(
    Deployments,
    key,
    { type: 'merge', body: { spec: { replicas: 5 }, status: { replicas: 2 } } },
    { subresource: 'status' },
  );
  assert.deepEqual([status.spec?.replicas, status.status?.replicas, status.metadata?.generation], [1, 2, 1]);
  const spec = await client.patch(Deployments, key, { type: 'merge', body: { spec: { replicas: 5 }, status: { replicas: 7 } } });
  assert.deepEqual([spec.spec?.replicas, spec.status?.replicas, spec.metadata?.generation], [5, 2, 2]);
  const scaled = await client.patch(Deployments, key, { type: 'merge', body: { spec: { replicas: 6 } } }, { subresource: 'scale' });
  assert.equal(scaled.spec?.replicas, 6);
});

test('a watch resumes from a revision, and sees objects enter and leave its selector', async () => {
  const client = new FakeClient(new VirtualClock());
  await client.create(ConfigMaps, map('old', { app: 'web' }));
  const { resourceVersion, items } = await client.list(ConfigMaps, { labelSelector: 'app in (web, shop)' });
  assert.equal(items.length, 1);
  const events = collect(client.watch(ConfigMaps, { resourceVersion, labelSelector: 'app=web' }), 4);
  await client.create(ConfigMaps, map('other'));
  await client.patch(ConfigMaps, { namespace: 'a', name: 'other' }, { type: 'merge', body: { metadata: { labels: { app: 'web' } } } });
  await client.patch(ConfigMaps, { namespace: 'a', name: 'old' }, { type: 'merge', body: { data: { k: null } } });
  await client.patch(ConfigMaps, { namespace: 'a', name: 'other' }, { type: 'merge', body: { metadata: { labels: null } } });
  await client.delete(ConfigMaps, { namespace: 'a', name: 'old' });
  assert.deepEqual(await events, ['ADDED other', 'MODIFIED old', 'DELETED other', 'DELETED old']);
});

test('a watch from before compaction expires', async () => {
  const client = new FakeClient(new VirtualClock());
  const { resourceVersion } = await client.list(ConfigMaps);
  await client.create(ConfigMaps, map('m'));
  client.compact();
  await assert.rejects(collect(client.watch(ConfigMaps, { resourceVersion }), 1), (e) => isApiError(e, 'Expired'));
});

test('deletion waits for finalizers, for the grace of bound pods and for namespaces to be finalized', async () => {
  const client = new FakeClient(new VirtualClock(0));
  const kept = { namespace: 'a', name: 'kept' };
  await client.create(ConfigMaps, { metadata: { ...kept, finalizers: ['x/y'] } });
  await client.delete(ConfigMaps, kept);
  assert.ok((await client.get(ConfigMaps, kept))?.metadata?.deletionTimestamp);
  await client.patch(ConfigMaps, kept, { type: 'merge', body: { metadata: { finalizers: null } } });
  assert.equal(await client.get(ConfigMaps, kept), undefined);

  const pod = { namespace: 'a', name: 'p' };
  await client.create(Pods, { metadata: { ...pod }, spec: { nodeName: 'n', containers: [] } });
  const dying = await client.delete(Pods, pod);
  assert.equal(dying?.metadata?.deletionTimestamp, '1970-01-01T00:00:30Z');
  await client.delete(Pods, pod, { gracePeriodSeconds: 0 });
  assert.equal(await client.get(Pods, pod), undefined);

  await client.create(Namespaces, { metadata: { name: 'ns' } });
  assert.equal((await client.delete(Namespaces, { name: 'ns' }))?.status?.phase, 'Terminating');
  await client.patch(Namespaces, { name: 'ns' }, { type: 'merge', body: { spec: { finalizers: [] } } }, { subresource: 'finalize' });
  assert.equal(await client.get(Namespaces, { name: 'ns' }), undefined);
  assert.equal(await client.delete(Namespaces, { name: 'ns' }), undefined);
});

test('objects given out cannot be changed', async () => {
  const client = new FakeClient(new VirtualClock());
  const made = await client.create(ConfigMaps, map('m'));
  assert.throws(() => (made.data!['k'] = 'x'), TypeError);
});
