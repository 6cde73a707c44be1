import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigMaps, Deployments, isApiError, Namespaces, Pods } from '../api/index.ts';
import { configMap, deployment, NS, refused, specOf, take, world } from './testing.ts';

describe('field validation', () => {
  const value = { ...deployment('d'), spec: { ...specOf(deployment('d')), foo: 1 } };

  test('strict refuses what is unknown or given twice', async () => {
    const { registry, at } = await world();
    await assert.rejects(
      registry.create(at(Deployments), { value, duplicates: ['spec.replicas'] }, { fieldValidation: 'Strict' }),
      refused('BadRequest', /strict decoding error: duplicate field "spec\.replicas", unknown field "spec\.foo"$/),
    );
  });

  test('otherwise it is warned of, or not, and left out', async () => {
    const { registry, at } = await world();
    const warned = await registry.create(at(Deployments), { value }, {});
    assert.deepEqual(warned.warnings, ['unknown field "spec.foo"']);
    assert.equal('foo' in specOf(warned.object), false);
    const ignored = await registry.update(at(Deployments, 'd'), { value }, { fieldValidation: 'Ignore' });
    assert.deepEqual(ignored.warnings, []);
  });

  test('a patch is held to it too', async () => {
    const { registry, client, at } = await world();
    await client.create(Deployments, deployment('d'));
    await assert.rejects(
      registry.patch(at(Deployments, 'd'), 'strategic', { value: { spec: { foo: 1 } } }, { fieldValidation: 'Strict' }),
      refused('BadRequest', /strict decoding error: unknown field "spec\.foo"$/),
    );
  });

  test('another kind or version is a bad request', async () => {
    const { registry, at } = await world();
    await assert.rejects(
      registry.create(at(ConfigMaps), { value: { ...configMap('c'), kind: 'Secret' } }, {}),
      refused('BadRequest', /kind in the data \(Secret\)/),
    );
    await assert.rejects(registry.create(at(ConfigMaps), { value: 'text' }, {}), refused('BadRequest'));
    const kind = { toString: 'ConfigMap' };
    await assert.rejects(registry.create(at(ConfigMaps), { value: { ...configMap('c'), kind } }, {}), refused('BadRequest', /kind/));
  });
});

test('an object is bounded, however it grows, and keeps its metadata', async () => {
  const { registry, client, at } = await world();
  await client.create(Deployments, deployment('d'));
  const containers = [{ name: 'big', image: 'img', args: ['x'.repeat(2 ** 21)] }];
  await assert.rejects(
    registry.patch(at(Deployments, 'd'), 'strategic', { value: { spec: { template: { spec: { containers } } } } }, {}),
    refused('RequestEntityTooLarge', /too large/),
  );
  const { object } = await registry.patch(at(Deployments, 'd'), 'merge', { value: { metadata: null } }, {});
  assert.equal(object.metadata?.name, 'd');
});

test('an empty list or map in metadata is none at all', async () => {
  const { client, at, registry } = await world();
  const made = await client.create(ConfigMaps, {
    ...configMap('c'),
    metadata: { ...configMap('c').metadata, labels: {}, ownerReferences: [] },
  });
  assert.deepEqual([made.metadata?.labels, made.metadata?.ownerReferences], [undefined, undefined]);
  await registry.patch(at(ConfigMaps, 'c'), 'merge', { value: { metadata: { labels: { a: 'b' }, finalizers: ['example.com/x'] } } }, {});
  const { object } = await registry.patch(
    at(ConfigMaps, 'c'),
    'merge',
    { value: { metadata: { labels: { a: null }, finalizers: [] } } },
    {},
  );
  assert.deepEqual([object.metadata?.labels, object.metadata?.finalizers], [undefined, undefined]);
});

describe('list', () => {
  test('pages are of one revision', async () => {
    const { registry, client, at } = await world();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(ConfigMaps, configMap(name));
    const one = await registry.list(at(ConfigMaps), { limit: 2 });
    assert.deepEqual([one.items.map((i) => i.object.metadata?.name), one.remainingItemCount], [['a', 'b'], 3]);
    await client.delete(ConfigMaps, { namespace: NS, name: 'c' });
    await client.create(ConfigMaps, configMap('bb'));
    const two = await registry.list(at(ConfigMaps), { limit: 2, continue: one.continue });
    assert.deepEqual([two.items.map((i) => i.object.metadata?.name), two.resourceVersion], [['c', 'd'], one.resourceVersion]);
    const three = await registry.list(at(ConfigMaps), { limit: 2, continue: two.continue });
    assert.deepEqual([three.items.map((i) => i.object.metadata?.name), three.continue], [['e'], undefined]);
    await assert.rejects(registry.list(at(ConfigMaps), { continue: 'x' }), refused('BadRequest'));
  });

  test('at a revision: exact, any, and one that has not been', async () => {
    const { registry, client, at } = await world();
    const a = await client.create(ConfigMaps, configMap('a'));
    await client.create(ConfigMaps, configMap('b'));
    const exact = await registry.list(at(ConfigMaps), { resourceVersion: a.metadata!.resourceVersion!, resourceVersionMatch: 'Exact' });
    assert.equal(exact.items.length, 1);
    assert.equal((await registry.list(at(ConfigMaps), { resourceVersion: '0', limit: 1 })).items.length, 2);
    await assert.rejects(
      registry.list(at(ConfigMaps), { resourceVersion: '99' }),
      refused('Timeout', /Too large resource version: 99, current: 3/),
    );
  });

  test('by fields that the kind allows', async () => {
    const { registry, client, at } = await world();
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } });
    assert.equal((await registry.list(at(Pods), { fieldSelector: 'spec.nodeName=n,status.phase!=Failed' })).items.length, 1);
    assert.equal((await registry.list(at(Pods), { fieldSelector: 'spec.nodeName=m' })).items.length, 0);
    await assert.rejects(
      registry.list(at(Pods), { fieldSelector: 'spec.foo=1' }),
      refused('BadRequest', /field label not supported: spec\.foo/),
    );
  });
});

describe('watch', () => {
  test('a watch list begins with all there is, and says when it is through', async () => {
    const { registry, client, at } = await world();
    await client.create(ConfigMaps, configMap('a'));
    const messages = registry.watch(at(ConfigMaps), {
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    });
    const seen = take(messages, 3);
    await client.create(ConfigMaps, configMap('b'));
    assert.deepEqual(await seen, ['ADDED a', 'BOOKMARK 2 end', 'ADDED b']);
    assert.throws(() => registry.watch(at(ConfigMaps), { sendInitialEvents: true }), refused('Invalid'));
  });

  test('bookmarks come by the minute, behind the changes they cover', async () => {
    const { registry, client, clock, at } = await world();
    const seen = take(registry.watch(at(ConfigMaps), { resourceVersion: '1', allowWatchBookmarks: true }), 2);
    await clock.advance(1);
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await client.create(ConfigMaps, configMap('a'));
    await clock.advance(61_000);
    assert.deepEqual(await seen, ['ADDED a', 'BOOKMARK 3']);
  });

  test('a last bookmark comes two seconds before the end', async () => {
    const { registry, client, clock, at } = await world();
    const query = { resourceVersion: '1', allowWatchBookmarks: true, timeout: 70_000 };
    const seen = take(registry.watch(at(ConfigMaps), query), 3);
    await clock.advance(61_000);
    await client.create(ConfigMaps, configMap('a'));
    await clock.advance(6_500);
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await clock.advance(1_000);
    assert.deepEqual(await seen, ['BOOKMARK 1', 'ADDED a', 'BOOKMARK 3']);
  });

  test('without a revision it begins with what is there; one that is to come is refused', async () => {
    const { registry, client, at } = await world();
    await client.create(ConfigMaps, configMap('a'));
    assert.deepEqual(await take(registry.watch(at(ConfigMaps), {}), 1), ['ADDED a']);
    assert.throws(() => registry.watch(at(ConfigMaps), { resourceVersion: '99' }), refused('Timeout'));
  });

  test('the last state of a deleted object has the revision of its deletion', async () => {
    const { registry, client, at } = await world();
    const made = await client.create(ConfigMaps, configMap('a'));
    await client.delete(ConfigMaps, { namespace: NS, name: 'a' });
    for await (const m of registry.watch(at(ConfigMaps), { resourceVersion: made.metadata!.resourceVersion })) {
      assert.ok(m.type === 'DELETED');
      assert.equal(m.entry.object.metadata?.resourceVersion, '3');
      break;
    }
  });
});

describe('writes', () => {
  test('that only change who owns are told apart from those that change nothing', async () => {
    const { client } = await world();
    const made = await client.create(ConfigMaps, configMap('a', { data: { x: '1' } }));
    const again = await client.patch(
      ConfigMaps,
      { namespace: NS, name: 'a' },
      { type: 'merge', body: { data: { x: '1' } } },
      { fieldManager: 'other' },
    );
    assert.equal(again.metadata?.resourceVersion, made.metadata?.resourceVersion);
  });

  test('racing patches all land', async () => {
    const { client } = await world();
    await client.create(ConfigMaps, configMap('a'));
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        client.patch(ConfigMaps, { namespace: NS, name: 'a' }, { type: 'merge', body: { data: { [`k${i}`]: 'v' } } }),
      ),
    );
    assert.equal(Object.keys((await client.get(ConfigMaps, { namespace: NS, name: 'a' }))!.data!).length, 12);
  });

  test('a PUT creates a Lease, and nothing else', async () => {
    const { registry, at } = await world();
    const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };
    const made = await registry.update(
      at(leases, 'l'),
      { value: { metadata: { name: 'l', namespace: NS }, spec: { holderIdentity: 'me' } } },
      {},
    );
    assert.equal(made.created, true);
    await assert.rejects(
      registry.update(at(ConfigMaps, 'c'), { value: configMap('c') }, {}),
      refused('NotFound', /^configmaps "c" not found$/),
    );
  });

  test('the scale of a Deployment', async () => {
    const { registry, client, at } = await world();
    await client.create(Deployments, deployment('d'));
    const scaled = await registry.patch(at(Deployments, 'd', 'scale'), 'merge', { value: { spec: { replicas: 4 } } }, {});
    assert.deepEqual(
      [scaled.object.kind, scaled.object['spec'], scaled.object['status']],
      ['Scale', { replicas: 4 }, { replicas: 0, selector: 'app=d' }],
    );
    const d = await client.get(Deployments, { namespace: NS, name: 'd' });
    assert.deepEqual([d?.spec?.replicas, d?.metadata?.generation], [4, 2]);
    await assert.rejects(
      registry.patch(at(Deployments, 'd', 'scale'), 'merge', { value: { spec: { replicas: -1 } } }, {}),
      refused('Invalid'),
    );
  });

  test('a subresource that is not there, or does not know the verb', async () => {
    const { registry, client, at } = await world();
    await client.create(ConfigMaps, configMap('c'));
    await assert.rejects(registry.get(at(ConfigMaps, 'c', 'scale')), refused('NotFound'));
    await assert.rejects(registry.create(at(Deployments, 'd', 'status'), { value: deployment('d') }, {}), refused('MethodNotAllowed'));
  });

  test('an eviction deletes the pod', async () => {
    const { registry, client, at } = await world();
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await registry.create(at(Pods, 'p', 'eviction'), { value: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } } }, {});
    assert.equal(await client.get(Pods, { namespace: NS, name: 'p' }), undefined);
  });

  test('a strategic patch is for built-in kinds', async () => {
    const { registry, at } = await world();
    const canaries = { group: 'flagger.app', version: 'v1beta1', kind: 'Canary', plural: 'canaries', namespaced: true };
    await assert.rejects(registry.patch(at(canaries, 'c'), 'strategic', { value: {} }, {}), refused('UnsupportedMediaType'));
  });
});

describe('deletion', () => {
  test('policies leave a finalizer for the garbage collector', async () => {
    const { client } = await world();
    await client.create(Deployments, deployment('d'));
    const held = await client.delete(Deployments, { namespace: NS, name: 'd' }, { propagationPolicy: 'Foreground' });
    assert.deepEqual([held?.metadata?.finalizers, held?.metadata?.deletionGracePeriodSeconds], [['foregroundDeletion'], 0]);
    await assert.rejects(
      client.patch(
        Deployments,
        { namespace: NS, name: 'd' },
        { type: 'merge', body: { metadata: { finalizers: ['foregroundDeletion', 'a.b/c'] } } },
      ),
      refused('Invalid', /no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"a\.b\/c"\}/),
    );
  });

  test('a second request shortens the grace of a pod, and never lengthens it', async () => {
    const { client, clock } = await world();
    const key = { namespace: NS, name: 'p' };
    await client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } });
    const first = await client.delete(Pods, key);
    assert.equal(first?.metadata?.deletionGracePeriodSeconds, 30);
    assert.equal(Date.parse(first.metadata.deletionTimestamp!), clock.now() + 30_000);
    assert.equal((await client.delete(Pods, key, { gracePeriodSeconds: 60 }))?.metadata?.deletionGracePeriodSeconds, 30);
    assert.equal((await client.delete(Pods, key, { gracePeriodSeconds: 5 }))?.metadata?.deletionGracePeriodSeconds, 5);
  });

  test('a namespace closes, and goes when its finalizer does', async () => {
    const { client } = await world();
    await client.create(Namespaces, { metadata: { name: 'n' } });
    const closing = await client.delete(Namespaces, { name: 'n' });
    assert.equal(closing?.status?.phase, 'Terminating');
    await assert.rejects(
      client.create(ConfigMaps, { metadata: { name: 'late', namespace: 'n' } }),
      (e) =>
        refused('Forbidden', /because it is being terminated/)(e) &&
        isApiError(e, 'Forbidden') &&
        e.details?.causes?.[0]?.reason === 'NamespaceTerminating',
    );
    await client.update(Namespaces, { ...closing, spec: { finalizers: [] } }, { subresource: 'finalize' });
    assert.equal(await client.get(Namespaces, { name: 'n' }), undefined);
    await assert.rejects(client.delete(Namespaces, { name: 'default' }), refused('Forbidden'));
  });

  test('of a collection takes what is selected', async () => {
    const { registry, client, at } = await world();
    for (const [name, app] of [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'y'],
    ])
      await client.create(ConfigMaps, { metadata: { name: name!, namespace: NS, labels: { app: app! } } });
    const gone = await registry.deleteCollection(at(ConfigMaps), { labelSelector: 'app=x' }, {});
    assert.equal(gone.items.length, 2);
    assert.equal((await client.list(ConfigMaps)).items.length, 1);
  });

  test('a collection by the page: what is deleted is what a list would hold', async () => {
    const { registry, client, at } = await world();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(ConfigMaps, configMap(name));
    const left = async (): Promise<unknown> => (await client.list(ConfigMaps)).items.map((o) => o.metadata?.name).join('');
    const first = await registry.deleteCollection(at(ConfigMaps), { limit: 2 }, {});
    assert.deepEqual([first.items.length, first.remainingItemCount, first.resourceVersion, await left()], [2, 3, '6', 'cde']);
    // What went from before the place it names is not looked at again.
    const second = await registry.deleteCollection(at(ConfigMaps), { limit: 2, continue: first.continue }, {});
    assert.deepEqual([second.items.length, second.remainingItemCount, await left()], [2, 1, 'e']);
  });
});
