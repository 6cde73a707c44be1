import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiServices, CustomResourceDefinitions, tableOf, type AnyObject } from '../api/index.ts';
import { world } from './testing.ts';

const outside = (name: string): AnyObject => {
  const [version, group] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
  const service = { namespace: 'kube-system', name: 'a' };
  return { metadata: { name }, spec: { group, version, groupPriorityMinimum: 100, versionPriority: 100, service } };
};

test('every group and version that is served has an APIService, where the real server has it', async () => {
  const { client, registry } = await world();
  const { items } = await client.list(ApiServices);
  const shown = new Map(items.map((o) => [o.metadata!.name!, [o.spec?.groupPriorityMinimum, o.spec?.versionPriority]]));
  assert.deepEqual(shown.get('v1.'), [18_000, 1]);
  assert.deepEqual(shown.get('v1.apps'), [17_800, 15]);
  assert.deepEqual(shown.get('v2.autoscaling'), [17_500, 30]);
  assert.deepEqual(shown.get('v1beta1.flagger.app'), [1000, 100]);
  assert.ok(!shown.has('v1.apiregistration.k8s.io'));
  const { rows } = tableOf(
    registry.catalog.find(ApiServices.group, ApiServices.version, ApiServices.plural)!.def,
    items as object[] as AnyObject[],
    0,
  );
  assert.deepEqual(rows[0]!.cells.slice(0, 3), ['v1.', 'Local', 'True']);

  const spec = { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' } };
  const versions = [{ name: 'v3', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }];
  await client.create(CustomResourceDefinitions, { metadata: { name: 'things.example.com' }, spec: { ...spec, versions } });
  const { metadata, status } = (await client.get(ApiServices, { name: 'v3.example.com' }))!;
  assert.deepEqual(metadata?.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'true' });
  assert.equal(status?.conditions?.[0]?.status, 'True');
});

test('one that is deleted is there again as another; one of a server elsewhere is kept as it is written', async () => {
  const { client } = await world();
  const before = (await client.get(ApiServices, { name: 'v1.apps' }))!;
  await client.delete(ApiServices, { name: 'v1.apps' });
  const after = (await client.get(ApiServices, { name: 'v1.apps' }))!;
  assert.notEqual(after.metadata?.uid, before.metadata?.uid);
  await client.patch(ApiServices, { name: 'v1.batch' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
  assert.equal((await client.get(ApiServices, { name: 'v1.batch' }))?.metadata?.labels?.['a'], 'b');

  await client.create(ApiServices, outside('v1.elsewhere.example.com'));
  assert.equal(
    (await client.list(ApiServices)).items.find((o) => o.metadata?.name === 'v1.elsewhere.example.com')?.spec?.service?.name,
    'a',
  );
  await client.delete(ApiServices, { name: 'v1.elsewhere.example.com' });
  assert.equal(await client.get(ApiServices, { name: 'v1.elsewhere.example.com' }), undefined);
});
