import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps } from '../../api/index.ts';
import { configMap, world } from '../testing.ts';

interface Entry {
  manager: string;
  operation: string;
  fieldsV1: Record<string, Record<string, unknown>>;
}
const entries = (object: unknown): Entry[] => (object as { metadata: { managedFields?: Entry[] } }).metadata.managedFields ?? [];

test('the managers of updates are ten at most; the oldest become one', async () => {
  const { registry, clock, at } = await world();
  await registry.create(at(ConfigMaps), { value: configMap('c', { data: { k0: 'v' } }) }, { fieldManager: 'm0' });
  await registry.patch(
    at(ConfigMaps, 'c'),
    'apply',
    { value: { ...configMap('c'), apiVersion: 'v1', kind: 'ConfigMap', data: { applied: 'v' } } },
    { fieldManager: 'applier' },
  );
  for (let i = 1; i < 14; i++) {
    await clock.advance(1000);
    await registry.patch(at(ConfigMaps, 'c'), 'merge', { value: { data: { [`k${i}`]: 'v' } } }, { fieldManager: `m${i}` });
  }
  const { object } = await registry.get(at(ConfigMaps, 'c'));
  const updates = entries(object).filter((e) => e.operation === 'Update');
  assert.deepEqual(
    updates.map((e) => e.manager),
    ['ancient-changes', ...Array.from({ length: 9 }, (_, i) => `m${i + 5}`)],
  );
  assert.deepEqual(Object.keys(updates[0]!.fieldsV1['f:data']!).sort(), ['.', 'f:k0', 'f:k1', 'f:k2', 'f:k3', 'f:k4']);
  assert.equal(entries(object).filter((e) => e.operation === 'Apply').length, 1);
});

test('owners are forgotten when told so, and the writer owns what it changes with it', async () => {
  const { registry, at } = await world();
  await registry.create(at(ConfigMaps), { value: configMap('c', { data: { a: '1' } }) }, { fieldManager: 'one' });
  const reset = { metadata: { managedFields: [{}] } };
  const none = await registry.patch(at(ConfigMaps, 'c'), 'merge', { value: reset }, { fieldManager: 'two' });
  assert.deepEqual(entries(none.object), []);
  const untold = await registry.update(at(ConfigMaps, 'c'), { value: configMap('c', { data: { a: '1' } }) }, { fieldManager: 'two' });
  assert.deepEqual(entries(untold.object), [], 'who says nothing of owners changes none');
  const own = await registry.patch(at(ConfigMaps, 'c'), 'merge', { value: { ...reset, data: { b: '2' } } }, { fieldManager: 'two' });
  assert.deepEqual(
    entries(own.object).map((e) => [e.manager, e.fieldsV1]),
    [['two', { 'f:data': { 'f:b': {} } }]],
  );
});

test('a dry run has no revision, and an update the one it would replace', async () => {
  const { registry, store, at } = await world();
  const made = await registry.create(at(ConfigMaps), { value: configMap('c') }, { dryRun: true });
  assert.equal(made.object.metadata?.resourceVersion, undefined);
  assert.ok(made.object.metadata?.uid);
  const real = await registry.create(at(ConfigMaps), { value: configMap('c') }, {});
  const revision = store.revision;
  const changed = await registry.patch(at(ConfigMaps, 'c'), 'merge', { value: { data: { a: '1' } } }, { dryRun: true });
  assert.equal(changed.object.metadata?.resourceVersion, real.object.metadata?.resourceVersion);
  assert.equal(store.revision, revision);
});
