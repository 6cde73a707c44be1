import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apiVersionOf, CustomResourceDefinitions, Events, Pods, Services, type AnyObject, type Resource } from '../api/index.ts';
import { NS, refused, service, specOf, world } from './testing.ts';

describe('services', () => {
  test('get addresses and ports that nobody has, and keep what they ask for', async () => {
    const { client } = await world();
    const made = await Promise.all(['a', 'b', 'c'].map((name) => client.create(Services, service(name))));
    assert.deepEqual(
      made.map((s) => s.spec?.clusterIP ?? '').sort((a, b) => a.localeCompare(b)),
      ['10.96.1.0', '10.96.1.1', '10.96.1.2'],
    );
    assert.equal((await client.create(Services, service('dns', { clusterIP: '10.96.0.10' }))).spec?.clusterIP, '10.96.0.10');
    assert.equal((await client.create(Services, service('headless', { clusterIP: 'None' }))).spec?.clusterIP, 'None');
    await assert.rejects(
      client.create(Services, service('e', { clusterIP: '10.96.0.10' })),
      refused('Invalid', /provided IP is already allocated/),
    );
    await client.delete(Services, { namespace: NS, name: 'dns' });
    assert.equal((await client.create(Services, service('e', { clusterIP: '10.96.0.10' }))).spec?.clusterIP, '10.96.0.10');
  });

  test('a change of type brings node ports and takes them away', async () => {
    const { client } = await world();
    const key = { namespace: NS, name: 'a' };
    const made = await client.create(Services, service('a', { type: 'LoadBalancer' }));
    const port = made.spec?.ports?.[0]?.nodePort;
    assert.ok(port && port >= 30_000);
    const replaced = await client.update(Services, service('a', { type: 'NodePort' }));
    assert.deepEqual([replaced.spec?.ports?.[0]?.nodePort, replaced.spec?.clusterIP], [port, made.spec?.clusterIP]);
    await assert.rejects(
      client.create(Services, service('b', { type: 'NodePort', ports: [{ port: 1, nodePort: port }] })),
      refused('Invalid', /provided port is already allocated/),
    );
    const plain = await client.patch(Services, key, { type: 'merge', body: { spec: { type: 'ClusterIP' } } });
    assert.equal(plain.spec?.ports?.[0]?.nodePort, undefined);
  });
});

describe('admission', () => {
  test('mutates before validation, and may refuse', async () => {
    const { client } = await world([
      {
        mutate({ def, object }) {
          if (def.resource.plural === 'pods') (specOf(object)['containers'] as object[]).push({ name: 'istio-proxy', image: 'proxy' });
        },
        validate({ operation, name }) {
          if (operation === 'DELETE' && name === 'kept') throw Object.assign(new Error('no'), { refused: true });
        },
      },
    ]);
    const pod = await client.create(Pods, { metadata: { name: 'kept', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    assert.deepEqual(
      pod.spec?.containers.map((c) => [c.name, c.imagePullPolicy]),
      [
        ['c', 'Always'],
        ['istio-proxy', 'Always'],
      ],
    );
    await assert.rejects(client.delete(Pods, { namespace: NS, name: 'kept' }), /no/);
  });
});

describe('custom kinds', () => {
  const Toys: Resource<AnyObject> = { group: 'example.com', version: 'v1', kind: 'Toy', plural: 'toys', namespaced: true };
  const crd = {
    metadata: { name: 'toys.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced' as const,
      names: { plural: 'toys', kind: 'Toy' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1, default: 3 } } },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  };
  const toy = (name: string, spec: object = {}): AnyObject => ({
    apiVersion: apiVersionOf(Toys),
    kind: 'Toy',
    metadata: { name, namespace: NS },
    spec,
  });

  test('are served at once: defaulted, pruned, validated', async () => {
    const { registry, client, at } = await world();
    await assert.rejects(client.create(Toys, toy('early')), refused('NotFound'));
    const defined = await client.create(CustomResourceDefinitions, crd);
    assert.deepEqual(
      defined.status?.conditions?.map((c) => [c.type, c.status]),
      [
        ['NamesAccepted', 'True'],
        ['Established', 'True'],
      ],
    );
    const made = await client.create(Toys, toy('a', { other: 1 }));
    assert.deepEqual(made['spec'], { size: 3 });
    await assert.rejects(
      client.create(Toys, toy('b', { size: 0 })),
      refused(
        'Invalid',
        /^Toy\.example\.com "b" is invalid: spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1$/,
      ),
    );
    await assert.rejects(
      registry.create(at(Toys), { value: toy('c', { other: 1 }) }, { fieldValidation: 'Strict' }),
      refused('BadRequest', /^Toy in version "v1" cannot be handled as a Toy: strict decoding error: unknown field "spec\.other"$/),
    );
  });

  test('go with their objects', async () => {
    const { registry, client } = await world();
    await client.create(CustomResourceDefinitions, crd);
    await client.create(Toys, { ...toy('a'), metadata: { name: 'a', namespace: NS, finalizers: ['example.com/hold'] } });
    await client.create(Toys, toy('b'));
    await client.delete(CustomResourceDefinitions, { name: 'toys.example.com' });
    const { resourceVersion } = await client.list(Toys);
    assert.ok(await client.get(CustomResourceDefinitions, { name: 'toys.example.com' }), 'waits for the object that is held');
    await client.patch(Toys, { namespace: NS, name: 'a' }, { type: 'merge', body: { metadata: { finalizers: [] } } });
    for await (const event of client.watch(CustomResourceDefinitions, { resourceVersion })) if (event.type === 'DELETED') break;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(registry.catalog.find('example.com', 'v1', 'toys'), undefined);
  });

  test('keep what was wrong before their schema became stricter', async () => {
    const { client } = await world();
    await client.create(CustomResourceDefinitions, crd);
    await client.create(Toys, toy('a', { size: 2 }));
    await client.patch(
      CustomResourceDefinitions,
      { name: 'toys.example.com' },
      {
        type: 'json',
        body: [
          {
            op: 'replace',
            path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size',
            value: { type: 'integer', minimum: 5 },
          },
        ],
      },
    );
    const labelled = await client.patch(Toys, { namespace: NS, name: 'a' }, { type: 'merge', body: { metadata: { labels: { x: 'y' } } } });
    assert.deepEqual(labelled.metadata?.labels, { x: 'y' });
    await assert.rejects(
      client.patch(Toys, { namespace: NS, name: 'a' }, { type: 'merge', body: { spec: { size: 1 } } }),
      refused('Invalid'),
    );
  });
});

test('Events are forgotten after an hour', async () => {
  const { client, clock } = await world();
  const event = (name: string) => ({
    metadata: { name, namespace: NS },
    involvedObject: { kind: 'Pod', name: 'p', namespace: NS },
    reason: 'R',
    message: 'm',
    type: 'Normal',
  });
  await client.create(Events, event('old'));
  await clock.advance(59 * 60_000);
  await client.create(Events, event('young'));
  assert.equal((await client.list(Events)).items.length, 2);
  await clock.advance(3 * 60_000);
  await client.create(Events, event('new'));
  assert.deepEqual(
    (await client.list(Events)).items.map((e) => e.metadata.name),
    ['new', 'young'],
  );
});
