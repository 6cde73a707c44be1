import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, ConfigMaps } from '../api/index.ts';
import { configMap, refused, world } from './testing.ts';

test('an old token expires, and the answer has one that goes on with what is there now', async () => {
  const { registry, client, store, at } = await world();
  for (const name of ['a', 'b', 'c', 'd']) await client.create(ConfigMaps, configMap(name));
  const first = await registry.list(at(ConfigMaps), { limit: 2 });
  await client.delete(ConfigMaps, { namespace: 'default', name: 'c' });
  await client.create(ConfigMaps, configMap('e'));
  store.compact(store.revision);

  let fresh: string | undefined;
  await assert.rejects(registry.list(at(ConfigMaps), { limit: 2, continue: first.continue }), (error) => {
    assert.ok(error instanceof ApiError);
    const { code, reason, message, metadata } = error.body();
    assert.deepEqual([code, reason], [410, 'Expired']);
    assert.match(message, /^The provided continue parameter is too old to display a consistent list result\./);
    fresh = metadata.continue;
    return true;
  });
  const rest = await registry.list(at(ConfigMaps), { limit: 1, continue: fresh });
  assert.deepEqual(
    rest.items.map((i) => i.object.metadata?.name),
    ['d'],
  );
  assert.equal(rest.resourceVersion, String(store.revision));
  const last = await registry.list(at(ConfigMaps), { continue: rest.continue });
  assert.deepEqual(
    last.items.map((i) => i.object.metadata?.name),
    ['e'],
  );
});

test('what a list may ask for together', async () => {
  const { registry, client, store, at } = await world();
  await client.create(ConfigMaps, configMap('a'));
  await client.create(ConfigMaps, configMap('b'));
  const { continue: token } = await registry.list(at(ConfigMaps), { limit: 1 });
  const future = String(store.revision + 5);
  const table: [object, Parameters<typeof refused>][] = [
    [{ continue: token, resourceVersion: '1' }, ['BadRequest', /^specifying resource version is not allowed when using continue$/]],
    [{ continue: token, resourceVersion: '0' }, ['BadRequest']],
    [
      { continue: token, resourceVersionMatch: 'Exact' },
      ['Invalid', /Forbidden: resourceVersionMatch is forbidden when continue is provided/],
    ],
    [{ resourceVersionMatch: 'Exact' }, ['Invalid', /forbidden unless resourceVersion is provided/]],
    [{ resourceVersionMatch: 'Exact', resourceVersion: '0' }, ['Invalid', /"exact" is forbidden for resourceVersion "0"/]],
    [{ resourceVersionMatch: 'Older', resourceVersion: '1' }, ['Invalid', /Unsupported value: "Older"/]],
    [{ resourceVersion: future }, ['Timeout', new RegExp(`Too large resource version: ${future}, current: ${store.revision}`)]],
  ];
  for (const [query, [reason, message]] of table) {
    if (JSON.stringify(query).includes('"resourceVersion":"0"') && !('resourceVersionMatch' in query)) {
      assert.equal((await registry.list(at(ConfigMaps), query)).items.length, 1, 'a start from anywhere is no other list');
    } else await assert.rejects(registry.list(at(ConfigMaps), query), refused(reason, message), JSON.stringify(query));
  }
  const then = await registry.list(at(ConfigMaps), { resourceVersion: String(store.revision - 1), resourceVersionMatch: 'Exact' });
  assert.deepEqual(
    then.items.map((i) => i.object.metadata?.name),
    ['a'],
  );
  assert.deepEqual((await registry.list(at(ConfigMaps), { limit: 1 })).remainingItemCount, 1);
  assert.equal((await registry.list(at(ConfigMaps), { limit: 1, labelSelector: '!x' })).remainingItemCount, undefined);
});

test('a collection is deleted whole, whatever holds its objects', async () => {
  const { registry, client, store, at } = await world();
  for (let i = 0; i < 150; i++) await client.create(ConfigMaps, configMap(`m${i}`, {}));
  await client.create(ConfigMaps, { metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/hold'] } });
  const before = store.revision;
  const { items } = await registry.deleteCollection(at(ConfigMaps), {}, {});
  assert.equal(items.length, 151);
  assert.equal(store.revision, before + 151);
  const left = await registry.list(at(ConfigMaps), {});
  assert.deepEqual(
    left.items.map((i) => [i.object.metadata?.name, Boolean(i.object.metadata?.deletionTimestamp)]),
    [['held', true]],
  );
});
