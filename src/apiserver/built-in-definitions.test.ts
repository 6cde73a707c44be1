import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apiVersionOf, Canaries, createCatalog, CustomResourceDefinitions, type AnyObject } from '../api/index.ts';
import { seededRng, silentLog } from '../base/index.ts';
import { createRegistry } from './create-registry.ts';
import { NS, refused, world } from './testing.ts';

const NAME = 'canaries.flagger.app';

/** As Flagger's next release may bring it: with a field and a version that we do not know, and without fields that we do. */
const crd = (): AnyObject => {
  const schema = (more: object = {}): object => ({
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { targetRef: open, service: open, analysis: open, pause: { type: 'boolean' } } },
      ...more,
    },
  });
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: NAME },
    spec: {
      group: 'flagger.app',
      names: { plural: 'canaries', singular: 'canary', kind: 'Canary', listKind: 'CanaryList' },
      scope: 'Namespaced',
      versions: [
        { name: 'v1beta1', served: true, storage: true, schema: { openAPIV3Schema: schema() }, subresources: { status: {} } },
        { name: 'v2', served: true, storage: false, schema: { openAPIV3Schema: schema() } },
      ],
    },
  };
};

const canary = (more: object = {}): AnyObject => ({
  metadata: { name: 'podinfo', namespace: NS },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
    service: { port: 9898 },
    analysis: { interval: '30s', threshold: 5, stepWeight: 10 },
    ...more,
  },
});

describe('definitions of kinds that are built in', () => {
  test('are there from the start, established, with versions, columns and schemas', async () => {
    const { client, registry } = await world();
    const all = (await client.list(CustomResourceDefinitions)).items;
    const names = all.map((o) => o.metadata!.name!);
    assert.ok(names.every((name, i) => i === 0 || names[i - 1]! < name));
    for (const def of registry.catalog.all()) {
      if (!def.custom) continue;
      const { group, plural, kind } = def.resource;
      const found = all.find((o) => o.metadata!.name === `${plural}.${group}`);
      assert.ok(found, `${plural}.${group}`);
      assert.equal(found.spec.names.kind, kind);
      const stored = found.spec.versions.filter((v) => v.storage).map((v) => `${group}/${v.name}`);
      assert.deepEqual(stored, [apiVersionOf(def.resource)]);
      assert.equal(found.status!.conditions!.find((c) => c.type === 'Established')?.status, 'True');
      for (const v of found.spec.versions) assert.ok(registry.catalog.find(group, v.name, plural), `${group}/${v.name} ${plural}`);
    }
    const one = await client.get(CustomResourceDefinitions, { name: NAME });
    const version = one!.spec.versions.find((v) => v.name === 'v1beta1')!;
    assert.equal(version.additionalPrinterColumns![0]!.jsonPath, '.status.phase');
    const schema = version.schema!.openAPIV3Schema as { properties: { spec: { properties: Record<string, unknown> } } };
    assert.ok(schema.properties.spec.properties['analysis']);
    assert.match(one!.metadata!.uid!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('are listed in pages, and watched from the beginning', async () => {
    const { registry, at } = await world();
    const target = at(CustomResourceDefinitions);
    const first = await registry.list(target, { limit: 2 });
    assert.equal(first.items.length, 2);
    const second = await registry.list(target, { limit: 2, continue: first.continue });
    assert.ok(second.items[0]!.object.metadata!.name! > first.items[1]!.object.metadata!.name!);
    const abort = new AbortController();
    let seen = 0;
    for await (const message of registry.watch(target, {}, abort.signal)) {
      if (message.type === 'ADDED') seen++;
      if (seen === first.items.length + first.remainingItemCount!) abort.abort();
    }
    assert.equal(seen, 2 + first.remainingItemCount!);
  });

  test('can be created, applied and patched over; what is written is kept, and checks of ours stay', async () => {
    const { client, registry, at } = await world();
    const target = at(CustomResourceDefinitions, NAME);
    const applied = await registry.patch(target, 'apply', { value: crd() }, { fieldManager: 'flagger' });
    assert.equal(applied.created, false);
    const stored = (await client.get(CustomResourceDefinitions, { name: NAME }))!;
    assert.ok(stored.spec.versions.some((v) => v.name === 'v2'));
    await client.create(Canaries, canary({ pause: true, suspend: true }) as never);
    const kept = (await client.get(Canaries, { name: 'podinfo', namespace: NS }))! as unknown as {
      spec: { pause: boolean; suspend: boolean };
    };
    assert.equal(kept.spec.pause, true, 'a field that only the definition knows');
    assert.equal(kept.spec.suspend, true, 'a field that only we know');
    assert.ok(registry.catalog.find('flagger.app', 'v2', 'canaries'), 'a version that only the definition has');
    assert.ok(registry.catalog.find('flagger.app', 'v1alpha3', 'canaries'), 'a version that only we have');
    const bad = canary({ analysis: { interval: '1h', threshold: 1, stepWeight: 5 } });
    await assert.rejects(
      client.create(Canaries, { ...bad, metadata: { name: 'b', namespace: NS } } as never),
      refused('Invalid', /spec\.analysis\.interval/),
    );
  });

  test('a created one counts as new, once', async () => {
    const { client, registry } = await world();
    const { metadata } = await client.create(CustomResourceDefinitions, crd() as never);
    assert.equal(metadata!.name, NAME);
    await assert.rejects(client.create(CustomResourceDefinitions, crd() as never), refused('AlreadyExists'));
    assert.ok(registry.catalog.find('flagger.app', 'v2', 'canaries'));
  });

  for (const how of ['built in', 'stored']) {
    test(`one that is ${how} is deleted with its objects, and is back as another object`, async () => {
      const { client, registry, at } = await world();
      const key = { name: NAME };
      if (how === 'stored')
        await registry.patch(at(CustomResourceDefinitions, NAME), 'apply', { value: crd() }, { fieldManager: 'flagger' });
      const before = (await client.get(CustomResourceDefinitions, key))!;
      await client.create(Canaries, canary() as never);
      const { resourceVersion } = await client.list(CustomResourceDefinitions);
      await client.delete(CustomResourceDefinitions, key);
      // Once that is answered: kubectl would wait for the end of what it finds later.
      const back = (await client.get(CustomResourceDefinitions, key))!;
      assert.notEqual(back.metadata!.uid, before.metadata!.uid);
      assert.equal(back.metadata!.deletionTimestamp, undefined);
      const events: string[] = [];
      for await (const { type } of client.watch(CustomResourceDefinitions, { resourceVersion })) {
        events.push(type);
        if (type === 'ADDED') break;
      }
      assert.deepEqual(events, ['MODIFIED', 'DELETED', 'ADDED']);
      assert.equal(registry.catalog.find('flagger.app', 'v2', 'canaries'), undefined);
      assert.equal(await client.get(Canaries, { name: 'podinfo', namespace: NS }), undefined);
      await client.create(Canaries, canary() as never);
    });
  }

  test('a watch from then on shows a definition that is stored over one as a change', async () => {
    const { client, registry, at } = await world();
    const { resourceVersion } = await client.list(CustomResourceDefinitions);
    await registry.patch(at(CustomResourceDefinitions, NAME), 'apply', { value: crd() }, { fieldManager: 'flagger' });
    for await (const { type } of client.watch(CustomResourceDefinitions, { resourceVersion })) {
      assert.equal(type, 'MODIFIED');
      break;
    }
  });

  test('what was stored is there after a restart', async () => {
    const { client, store, clock } = await world();
    await client.create(CustomResourceDefinitions, crd() as never);
    const catalog = createCatalog();
    createRegistry({ store, catalog, clock, rng: seededRng(1), log: silentLog });
    assert.ok(catalog.find('flagger.app', 'v2', 'canaries'));
  });
});
