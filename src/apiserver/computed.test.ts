import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog, PodMetricsResource, type AnyObject } from '../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import type { Compute } from './computed.ts';
import { createRegistry } from './create-registry.ts';
import { refused } from './testing.ts';

const metrics = (namespace: string, name: string): AnyObject => ({ metadata: { namespace, name, labels: { app: name } } });

function setup(compute?: Compute) {
  const catalog = createCatalog();
  const registry = createRegistry({
    store: memoryStore<AnyObject>(),
    catalog,
    clock: new VirtualClock(),
    rng: seededRng(7),
    log: silentLog,
    ...(compute ? { computed: new Map([['metrics.k8s.io/pods', compute]]) } : {}),
  });
  const { group, version, plural } = PodMetricsResource;
  const user = { name: 'tester', groups: [] };
  const target = (name?: string) => ({ served: catalog.find(group, version, plural)!, namespace: 'a', name, user });
  return { registry, target };
}

test('a kind that is not kept is worked out: by name, by labels, in a namespace', async () => {
  const asked: (string | undefined)[] = [];
  const { registry, target } = setup(async (namespace) => {
    asked.push(namespace);
    return [metrics('a', 'web'), metrics('a', 'db')];
  });
  assert.equal((await registry.get(target('db'))).object.metadata?.name, 'db');
  assert.deepEqual(
    (await registry.list(target(), { labelSelector: 'app=web' })).items.map((e) => e.object.metadata?.name),
    ['web'],
  );
  assert.deepEqual(asked, ['a', 'a']);
  await assert.rejects(registry.get(target('none')), refused('NotFound', /^pods\.metrics\.k8s\.io "none" not found$/));
});

test('it cannot be written or watched, and without anybody who works it out it is not available', async () => {
  const { registry, target } = setup(async () => []);
  await assert.rejects(registry.create(target(), { value: metrics('a', 'x') }, {}), refused('MethodNotAllowed'));
  assert.throws(() => registry.watch(target(), {}), refused('MethodNotAllowed'));
  const without = setup();
  await assert.rejects(without.registry.list(without.target(), {}), refused('ServiceUnavailable'));
});
