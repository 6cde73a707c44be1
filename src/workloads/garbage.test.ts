import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogOf, ConfigMaps, Deployments, Pods, ReplicaSets, type KindDef, type KubeObject, type Resource } from '../api/index.ts';
import { ownerReference } from '../control/index.ts';
import { garbageCollector } from './garbage-collector.ts';
import { judge, type OwnerState, type Verdict } from './garbage.ts';
import { testWorld } from './testing.ts';

const catalog = (...resources: Resource[]) => catalogOf(resources.map((resource) => ({ resource, legacy: [] }) as unknown as KindDef));

function start() {
  const w = testWorld();
  w.start(garbageCollector(w.world, catalog(ConfigMaps, Deployments, ReplicaSets, Pods)));
  return w;
}

async function family(w: ReturnType<typeof start>, block: boolean) {
  const parent = await w.api.create(Deployments, { metadata: { namespace: 'a', name: 'parent' } });
  const child = await w.api.create(ReplicaSets, {
    metadata: { namespace: 'a', name: 'child', ownerReferences: [{ ...ownerReference(Deployments, parent), blockOwnerDeletion: block }] },
  });
  await w.api.create(ConfigMaps, {
    metadata: {
      namespace: 'a',
      name: 'grandchild',
      ownerReferences: [{ ...ownerReference(ReplicaSets, child), blockOwnerDeletion: block }],
    },
  });
  await w.clock.advance(100);
}

async function names(w: ReturnType<typeof start>): Promise<string[]> {
  const lists = await Promise.all([w.api.list(Deployments), w.api.list(ReplicaSets), w.api.list(ConfigMaps)]);
  return lists.flatMap((l) => l.items as KubeObject[]).map((o) => o.metadata?.name ?? '');
}

test('an object goes when all its owners are gone', () => {
  const table: [string, OwnerState[], { finalizers?: string[]; dependents?: boolean }, Verdict][] = [
    ['no owners', [], {}, { type: 'keep' }],
    ['one stays', ['solid'], {}, { type: 'keep' }],
    ['one is gone', ['absent'], {}, { type: 'delete', policy: 'Background' }],
    ['one is gone, one stays', ['absent', 'solid'], {}, { type: 'unlink', uids: ['0'] }],
    ['one is gone, one cannot be judged', ['absent', 'unknown'], {}, { type: 'unlink', uids: ['0'] }],
    ['the owner waits', ['waiting'], {}, { type: 'delete', policy: 'Background' }],
    ['the owner waits, and there are grandchildren', ['waiting'], { dependents: true }, { type: 'delete', policy: 'Foreground' }],
    ['asked to orphan', ['absent'], { finalizers: ['orphan'] }, { type: 'delete', policy: 'Orphan' }],
  ];
  for (const [name, states, { finalizers = [], dependents = false }, want] of table) {
    const owners = states.map((state, i) => ({ state, reference: { apiVersion: 'v1', kind: 'X', name: 'x', uid: String(i) } }));
    assert.deepEqual(judge({ metadata: { finalizers } }, owners, dependents), want, name);
  }
});

test('in the background, dependents go after their owner', async () => {
  const w = start();
  await family(w, true);
  await w.api.delete(Deployments, { namespace: 'a', name: 'parent' }, { propagationPolicy: 'Background' });
  assert.deepEqual(await names(w), ['child', 'grandchild']);
  await w.clock.advance(100);
  assert.deepEqual(await names(w), []);
  await w.stop();
});

test('in the foreground, an owner waits for its dependents', async () => {
  const w = start();
  await family(w, true);
  const order: string[] = [];
  w.api.hooks.after = ({ verb, key }) => {
    if (verb === 'patch') order.push(key.name);
  };
  await w.api.delete(Deployments, { namespace: 'a', name: 'parent' }, { propagationPolicy: 'Foreground' });
  assert.deepEqual(await names(w), ['parent', 'child', 'grandchild']);
  await w.clock.advance(100);
  assert.deepEqual(await names(w), []);
  assert.deepEqual(order, ['child', 'parent']);
  await w.stop();
});

test('orphans stay, without the reference', async () => {
  const w = start();
  await family(w, true);
  await w.api.delete(Deployments, { namespace: 'a', name: 'parent' }, { propagationPolicy: 'Orphan' });
  await w.clock.advance(100);
  assert.deepEqual(await names(w), ['child', 'grandchild']);
  assert.deepEqual((await w.api.get(ReplicaSets, { namespace: 'a', name: 'child' }))?.metadata?.ownerReferences, []);
  await w.stop();
});

test('an owner of the same name but another uid is no owner, nor is one in another namespace', async () => {
  const w = start();
  await family(w, false);
  const parent = await w.api.get(Deployments, { namespace: 'a', name: 'parent' });
  await w.api.create(ConfigMaps, { metadata: { namespace: 'b', name: 'far', ownerReferences: [ownerReference(Deployments, parent!)] } });
  await w.clock.advance(100);
  assert.deepEqual(await names(w), ['parent', 'child', 'grandchild']);
  await w.stop();
  await w.api.delete(Deployments, { namespace: 'a', name: 'parent' });
  await w.api.create(Deployments, { metadata: { namespace: 'a', name: 'parent' } });
  const restarted = testWorld(w.clock, w.api);
  restarted.start(garbageCollector(restarted.world, catalog(ConfigMaps, Deployments, ReplicaSets, Pods)));
  await w.clock.advance(100);
  assert.deepEqual(await names(w), ['parent']);
  await restarted.stop();
});

test('a kind that nobody serves keeps what it owns; when it comes to be served, it is judged', async () => {
  const w = testWorld();
  const kinds = catalog(ConfigMaps);
  w.start(garbageCollector(w.world, kinds));
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone', uid: 'no-such' };
  await w.api.create(ConfigMaps, { metadata: { namespace: 'a', name: 'kept', ownerReferences: [owner] } });
  await w.clock.advance(10_000);
  assert.deepEqual(await names(w), ['kept']);
  kinds.add(catalog(Deployments).all()[0]!);
  await w.clock.advance(3_000);
  await w.api.patch(ConfigMaps, { namespace: 'a', name: 'kept' }, { type: 'merge', body: { data: { touched: 'yes' } } });
  await w.clock.advance(100);
  assert.deepEqual(await names(w), []);
  await w.stop();
});
