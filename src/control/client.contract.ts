import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Scale } from 'kubernetes-types/autoscaling/v1.js';
import {
  ConfigMaps,
  Deployments,
  isApiError,
  Namespaces,
  Pods,
  type Key,
  type KubeObject,
  type Resource,
  type StatusReason,
} from '../api/index.ts';
import type { Client, WatchEvent } from './client.ts';

export interface ClientUnderTest {
  readonly client: Client;
  /** Makes the server forget its history. */
  compact?(): void;
  close(): Promise<void>;
}

const NS = 'contract';
const refused = (reason: StatusReason) => (error: unknown) => isApiError(error, reason);
const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { name, namespace: NS, labels },
  data,
});
const key = (name: string): Key => ({ namespace: NS, name });

function deployment(name: string, image = 'example/web:1') {
  const labels = { app: name };
  return {
    metadata: { name, namespace: NS },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'web', image },
            { name: 'side', image: 'example/side:1' },
          ],
        },
      },
    },
  };
}

function pod(name: string) {
  return { metadata: { name, namespace: NS }, spec: { nodeName: 'sluice', containers: [{ name: 'web', image: 'example/web:1' }] } };
}

/** The events of a watch up to one that `last` accepts. Bookmarks are left out. */
async function until<T extends KubeObject>(
  events: AsyncIterable<WatchEvent<T>>,
  last: (type: string, name: string) => boolean,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    if (event.type === 'BOOKMARK') continue;
    const name = event.object.metadata?.name ?? '';
    seen.push(`${event.type} ${name}`);
    if (last(event.type, name)) break;
  }
  return seen;
}

const revisionOf = (o: KubeObject): number => Number(o.metadata?.resourceVersion);

/** What every implementation of the `Client` port has to do. */
export function clientContract(name: string, make: () => Promise<ClientUnderTest>): void {
  describe(`${name} is a client`, { timeout: 30_000 }, () => {
    let under: ClientUnderTest;
    let client: Client;
    before(async () => {
      under = await make();
      client = under.client;
      await client.create(Namespaces, { metadata: { name: NS } });
    });
    after(() => under.close());

    test('create gives an identity, and a second one is refused', async () => {
      const made = await client.create(ConfigMaps, configMap('identity', { a: '1' }));
      assert.ok(made.metadata?.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp);
      assert.deepEqual(await client.get(ConfigMaps, key('identity')), made);
      await assert.rejects(client.create(ConfigMaps, configMap('identity')), refused('AlreadyExists'));
    });

    test('generateName makes a name', async () => {
      const made = await client.create(ConfigMaps, { metadata: { generateName: 'made-', namespace: NS } });
      assert.match(made.metadata?.name ?? '', /^made-[a-z0-9]{5}$/);
    });

    test('a missing object is undefined to get and delete, and refused to update and patch', async () => {
      assert.equal(await client.get(ConfigMaps, key('missing')), undefined);
      assert.equal(await client.delete(ConfigMaps, key('missing')), undefined);
      await assert.rejects(client.update(ConfigMaps, configMap('missing')), refused('NotFound'));
      await assert.rejects(client.patch(ConfigMaps, key('missing'), { type: 'merge', body: {} }), refused('NotFound'));
    });

    test('update replaces, and refuses an old revision', async () => {
      const made = await client.create(ConfigMaps, configMap('replaced', { a: '1' }));
      const updated = await client.update(ConfigMaps, { ...made, data: { b: '2' } });
      assert.deepEqual(updated.data, { b: '2' });
      assert.ok(revisionOf(updated) > revisionOf(made));
      await assert.rejects(client.update(ConfigMaps, { ...made, data: { c: '3' } }), refused('Conflict'));
      assert.equal(updated.metadata?.uid, made.metadata?.uid);
    });

    test('a write that changes nothing writes nothing', async () => {
      const made = await client.create(ConfigMaps, configMap('same', { a: '1' }));
      const again = await client.update(ConfigMaps, { ...made, data: { a: '1' } });
      assert.equal(again.metadata?.resourceVersion, made.metadata?.resourceVersion);
    });

    test('patches: merge, JSON and strategic', async () => {
      await client.create(ConfigMaps, configMap('patched', { a: '1', b: '2' }));
      const merged = await client.patch(ConfigMaps, key('patched'), { type: 'merge', body: { data: { a: null, c: '3' } } });
      assert.deepEqual(merged.data, { b: '2', c: '3' });
      const json = await client.patch(ConfigMaps, key('patched'), { type: 'json', body: [{ op: 'replace', path: '/data/b', value: '9' }] });
      assert.deepEqual(json.data, { b: '9', c: '3' });
      await client.create(Deployments, deployment('strategic'));
      const body = { spec: { template: { spec: { containers: [{ name: 'web', image: 'example/web:2' }] } } } };
      const strategic = await client.patch(Deployments, key('strategic'), { type: 'strategic', body });
      assert.deepEqual(
        strategic.spec?.template.spec?.containers.map((c) => c.image),
        ['example/web:2', 'example/side:1'],
      );
    });

    test('status and spec are written apart, and only the spec counts generations', async () => {
      const made = await client.create(Deployments, deployment('status'));
      assert.equal(made.metadata?.generation, 1);
      const status = await client.update(
        Deployments,
        { ...made, spec: { ...made.spec!, replicas: 9 }, status: { readyReplicas: 1 } },
        { subresource: 'status' },
      );
      assert.deepEqual([status.spec?.replicas, status.status?.readyReplicas, status.metadata?.generation], [1, 1, 1]);
      const spec = await client.update(Deployments, { ...status, spec: { ...status.spec!, replicas: 2 }, status: { readyReplicas: 7 } });
      assert.deepEqual([spec.spec?.replicas, spec.status?.readyReplicas, spec.metadata?.generation], [2, 1, 2]);
    });

    test('an object is read and scaled as a Scale', async () => {
      const made = await client.create(Deployments, deployment('scaled'));
      const scale = (await client.get(Deployments as Resource<Scale>, key('scaled'), { subresource: 'scale' }))!;
      assert.deepEqual([scale.kind, scale.spec?.replicas, scale.status], ['Scale', 1, { replicas: 0, selector: 'app=scaled' }]);
      assert.equal(scale.metadata?.resourceVersion, made.metadata?.resourceVersion);
      await client.update(Deployments as Resource<Scale>, { ...scale, spec: { replicas: 3 } }, { subresource: 'scale' });
      assert.equal((await client.get(Deployments, key('scaled')))?.spec?.replicas, 3);
      await assert.rejects(
        client.update(Deployments as Resource<Scale>, { ...scale, spec: { replicas: 4 } }, { subresource: 'scale' }),
        refused('Conflict'),
      );
      assert.equal(await client.get(Deployments as Resource<Scale>, key('missing'), { subresource: 'scale' }), undefined);
    });

    test('server-side apply creates, owns, and keeps to its own', async () => {
      const apply = (fieldManager: string, data: Record<string, string>, force = false) =>
        client.patch(
          ConfigMaps,
          key('applied'),
          { type: 'apply', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data } },
          { fieldManager, force },
        );
      await apply('one', { a: '1', b: '2' });
      await apply('two', { c: '3' });
      await assert.rejects(apply('two', { c: '3', a: '9' }), (e) => refused('Conflict')(e) && e.details?.causes?.[0]?.field === '.data.a');
      assert.deepEqual((await apply('one', { a: '1' })).data, { a: '1', c: '3' });
      assert.deepEqual((await apply('two', { a: '9' }, true)).data, { a: '9' });
    });

    test('list selects, and a watch from it misses nothing', async () => {
      await client.create(ConfigMaps, configMap('list-a', {}, { group: 'list' }));
      await client.create(ConfigMaps, configMap('list-b', {}, { group: 'list' }));
      const list = await client.list(ConfigMaps, { namespace: NS, labelSelector: 'group in (list,other)' });
      assert.deepEqual(
        list.items.map((o) => o.metadata?.name),
        ['list-a', 'list-b'],
      );
      const one = await client.list(ConfigMaps, { namespace: NS, fieldSelector: 'metadata.name=list-b' });
      assert.deepEqual(
        one.items.map((o) => o.metadata?.name),
        ['list-b'],
      );
      await client.create(ConfigMaps, configMap('list-c', {}, { group: 'list' }));
      await client.patch(ConfigMaps, key('list-a'), { type: 'merge', body: { metadata: { labels: { group: 'gone' } } } });
      await client.patch(ConfigMaps, key('list-b'), { type: 'merge', body: { data: { x: '1' } } });
      await client.delete(ConfigMaps, key('list-b'));
      const events = client.watch(ConfigMaps, { namespace: NS, labelSelector: 'group=list', resourceVersion: list.resourceVersion });
      assert.deepEqual(await until(events, (type, n) => type === 'DELETED' && n === 'list-b'), [
        'ADDED list-c',
        'DELETED list-a',
        'MODIFIED list-b',
        'DELETED list-b',
      ]);
    });

    test('a watch follows, and ends by its signal', async () => {
      const { resourceVersion } = await client.list(ConfigMaps, { namespace: NS });
      const stop = new AbortController();
      const seen = until(client.watch(ConfigMaps, { namespace: NS, resourceVersion, signal: stop.signal }), (_type, n) => n === 'never');
      await client.create(ConfigMaps, configMap('followed'));
      setTimeout(() => stop.abort(), 200);
      assert.deepEqual(await seen, ['ADDED followed']);
    });

    test('a watch from a forgotten revision is expired', async (t) => {
      if (!under.compact) return t.skip('this server cannot be made to forget');
      const { resourceVersion } = await client.list(ConfigMaps, { namespace: NS });
      await client.create(ConfigMaps, configMap('forgotten'));
      under.compact();
      await assert.rejects(
        until(client.watch(ConfigMaps, { namespace: NS, resourceVersion }), () => true),
        refused('Expired'),
      );
    });

    test('a finalizer holds a deleted object', async () => {
      await client.create(ConfigMaps, {
        ...configMap('held'),
        metadata: { name: 'held', namespace: NS, finalizers: ['example.com/hold'] },
      });
      const deleted = await client.delete(ConfigMaps, key('held'));
      assert.ok(deleted?.metadata?.deletionTimestamp);
      assert.ok(await client.get(ConfigMaps, key('held')));
      await client.patch(ConfigMaps, key('held'), { type: 'merge', body: { metadata: { finalizers: null } } });
      assert.equal(await client.get(ConfigMaps, key('held')), undefined);
    });

    test('a running pod is deleted by its node, or at once without grace', async () => {
      await client.create(Pods, pod('graceful'));
      const deleted = await client.delete(Pods, key('graceful'), { gracePeriodSeconds: 5 });
      assert.equal(deleted?.metadata?.deletionGracePeriodSeconds, 5);
      assert.ok((await client.get(Pods, key('graceful')))?.metadata?.deletionTimestamp);
      await client.delete(Pods, key('graceful'), { gracePeriodSeconds: 0 });
      assert.equal(await client.get(Pods, key('graceful')), undefined);
    });

    test('preconditions are held', async () => {
      const made = await client.create(ConfigMaps, configMap('precious'));
      await assert.rejects(client.delete(ConfigMaps, key('precious'), { preconditions: { uid: 'another' } }), refused('Conflict'));
      await client.delete(ConfigMaps, key('precious'), {
        preconditions: { uid: made.metadata!.uid!, resourceVersion: made.metadata!.resourceVersion! },
      });
      assert.equal(await client.get(ConfigMaps, key('precious')), undefined);
    });

    test('a dry run stores nothing', async () => {
      await client.create(ConfigMaps, configMap('dry'), { dryRun: true });
      assert.equal(await client.get(ConfigMaps, key('dry')), undefined);
    });

    test('what is wrong with an object is said by field', async () => {
      const wrong = { ...deployment('wrong'), spec: { ...deployment('wrong').spec, replicas: -1 } };
      await assert.rejects(
        client.create(Deployments, wrong),
        (e) => refused('Invalid')(e) && e.details?.causes?.[0]?.field === 'spec.replicas',
      );
    });

    test('a namespace has to be there', async () => {
      await assert.rejects(client.create(ConfigMaps, { metadata: { name: 'lost', namespace: 'nowhere' } }), refused('NotFound'));
    });
  });
}
