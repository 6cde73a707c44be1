import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  apiVersionOf,
  ConfigMaps,
  createCatalog,
  CustomResourceDefinitions,
  Deployments,
  Events,
  isApiError,
  Namespaces,
  Pods,
  Services,
  type AnyObject,
  type Resource,
  type StatusReason,
} from '../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { memoryStore } from '../store/index.ts';
import type { Admission } from './admission.ts';
import { createRegistry } from './create-registry.ts';
import type { Registry, Target, WatchMessage } from './registry.ts';

const USER = { name: 'tester', groups: [] };
const NS = 'default';

interface World {
  registry: Registry;
  client: Client;
  clock: VirtualClock;
  /** What to ask about, by kind. */
  at(resource: Resource, name?: string, subresource?: string): Target;
}

async function world(admission: Admission[] = []): Promise<World> {
  const clock = new VirtualClock();
  const registry = createRegistry({
    store: memoryStore<AnyObject>(),
    catalog: createCatalog(),
    clock,
    rng: seededRng(7),
    log: silentLog,
    admission,
  });
  const client = registry.client(USER);
  await client.create(Namespaces, { metadata: { name: NS } });
  return {
    registry,
    client,
    clock,
    at: (resource, name, subresource) => ({
      served: registry.catalog.find(resource.group, resource.version, resource.plural)!,
      namespace: resource.namespaced ? NS : undefined,
      name,
      subresource,
      user: USER,
    }),
  };
}

const refused = (reason: StatusReason, message?: RegExp) => (error: unknown) => {
  assert.ok(isApiError(error, reason), `${String(error)} is not ${reason}`);
  if (message) assert.match(error.message, message);
  return true;
};
const configMap = (name: string, more: object = {}) => ({ metadata: { name, namespace: NS }, ...more });
const deployment = (name: string) => ({
  metadata: { name, namespace: NS },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
const service = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: NS },
  spec: { ports: [{ port: 80 }], ...spec },
});
const specOf = (o: unknown) => (o as { spec: Record<string, unknown> }).spec;

async function take(messages: AsyncIterable<WatchMessage>, count: number): Promise<string[]> {
  const out: string[] = [];
  for await (const m of messages) {
    out.push(
      m.type === 'BOOKMARK'
        ? `BOOKMARK ${m.resourceVersion}${m.initialEventsEnd ? ' end' : ''}`
        : `${m.type} ${m.entry.object.metadata?.name}`,
    );
    if (out.length === count) break;
  }
  return out;
}

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
  });
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
});

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
      refused('BadRequest', /^strict decoding error: unknown field "spec\.other"$/),
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
        body: [{ op: 'replace', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/minimum', value: 5 }],
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
