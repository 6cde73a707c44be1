import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CustomResourceDefinitions, type AnyObject, type Resource } from '../../api/index.ts';
import type { CallWebhook } from '../admission/webhooks.ts';
import { isRecord } from '../json.ts';
import { NS, refused, specOf, world } from '../testing.ts';

/** Version v1 says `size: 3x`, v2 `size: { value: 3, unit: x }`. */
const inVersion = (version: string): Resource<AnyObject> => ({
  group: 'example.com',
  version,
  kind: 'Box',
  plural: 'boxes',
  namespaced: true,
});
const [V1, V2] = [inVersion('v1'), inVersion('v2')];
const SIZES = {
  v1: { type: 'string', pattern: '^\\d+[a-z]$' },
  v2: { type: 'object', properties: { value: { type: 'integer' }, unit: { type: 'string' } } },
};

const version = (name: 'v1' | 'v2', stored: string): object => ({
  name,
  served: true,
  storage: name === stored,
  subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            size: SIZES[name],
            replicas: { type: 'integer' },
            ...(name === 'v1' ? { mood: { type: 'string', default: 'calm' } } : {}),
          },
        },
        status: { type: 'object', properties: { replicas: { type: 'integer' } } },
      },
    },
  },
});

const definition = (stored = 'v2'): AnyObject => ({
  metadata: { name: 'boxes.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'boxes', kind: 'Box' },
    versions: [version('v1', stored), version('v2', stored)],
    conversion: {
      strategy: 'Webhook',
      webhook: { clientConfig: { url: 'https://127.0.0.1:1/convert' }, conversionReviewVersions: ['v1'] },
    },
  },
});

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: (AnyObject & { spec?: Record<string, unknown> })[] };
}

function converted(object: Review['request']['objects'][number], to: string): object {
  const { size, ...spec } = object.spec ?? {};
  let next = size;
  if (typeof size === 'string' && to.endsWith('v2')) next = { value: Number.parseInt(size, 10), unit: size.slice(-1) };
  if (isRecord(size) && to.endsWith('v1')) next = `${String(size['value'])}${String(size['unit'])}`;
  return { ...object, apiVersion: to, ...(object.spec ? { spec: { ...spec, ...(next === undefined ? {} : { size: next }) } } : {}) };
}

/** A webhook that answers as `answer` makes of what is right. */
function hook(answer: (response: Record<string, unknown>) => unknown = (response) => response) {
  const asked: Review[] = [];
  const call: CallWebhook = (_endpoint, body) => {
    const review = JSON.parse(body.toString()) as Review;
    asked.push(review);
    const { uid, desiredAPIVersion, objects } = review.request;
    const response = { uid, result: { status: 'Success' }, convertedObjects: objects.map((o) => converted(o, desiredAPIVersion)) };
    return Promise.resolve(
      Buffer.from(JSON.stringify({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response: answer(response) })),
    );
  };
  return { asked, call };
}

async function boxes(answer?: Parameters<typeof hook>[0]) {
  const { asked, call } = hook(answer);
  const { client, ...rest } = await world([], call);
  await client.create(CustomResourceDefinitions, definition() as never);
  return { ...rest, client, asked };
}

const key = { namespace: NS, name: 'a' };
const box = (size: unknown, more: object = {}): AnyObject => ({ metadata: key, spec: { size, ...more } });
const sizeOf = (object: unknown): unknown => specOf(object)['size'];
const THREE = { value: 3, unit: 'x' };

suite('conversion by webhook', () => {
  test('what is written in one version is read in every other', async () => {
    const { client } = await boxes();
    const made = await client.create(V1, box('3x'));
    assert.deepEqual([made.apiVersion, sizeOf(made)], ['example.com/v1', '3x']);
    const other = await client.get(V2, key);
    assert.deepEqual([other!.apiVersion, sizeOf(other)], ['example.com/v2', THREE]);
    const changed = await client.update(V1, { ...made, spec: { size: '4y' } });
    assert.deepEqual([sizeOf(changed), changed.metadata!.generation], ['4y', 2]);
    assert.equal(changed.metadata!.uid, other!.metadata!.uid);
    assert.equal(sizeOf(await client.patch(V1, key, { type: 'merge', body: { spec: { size: '5z' } } })), '5z');
    const replace = { op: 'replace', path: '/spec/size', value: '6a' };
    assert.equal(sizeOf(await client.patch(V1, key, { type: 'json', body: [replace] })), '6a');
    assert.deepEqual(sizeOf(await client.get(V2, key)), { value: 6, unit: 'a' });
    const applied = { apiVersion: 'example.com/v1', kind: 'Box', ...box('7b') };
    assert.equal(sizeOf(await client.patch(V1, key, { type: 'apply', body: applied }, { fieldManager: 'me', force: true })), '7b');
    assert.ok(await client.delete(V1, key));
    assert.equal(await client.get(V1, key), undefined);
  });

  test('lists ask once, watches see each change in their version, and what was converted is not converted again', async () => {
    const { client, asked } = await boxes();
    for (const name of ['a', 'b', 'c']) await client.create(V2, { ...box(THREE), metadata: { name, namespace: NS } });
    assert.equal(asked.length, 0);
    const { items, resourceVersion } = await client.list(V1);
    assert.deepEqual(items.map(sizeOf), ['3x', '3x', '3x']);
    await client.list(V1);
    assert.equal(asked.length, 1);
    await client.update(V2, { ...(await client.get(V2, key))!, spec: { size: { value: 9, unit: 'q' } } });
    await client.delete(V2, { namespace: NS, name: 'b' });
    const seen: unknown[] = [];
    for await (const event of client.watch(V1, { resourceVersion })) {
      if (event.type !== 'BOOKMARK') seen.push([event.type, sizeOf(event.object)]);
      if (seen.length === 2) break;
    }
    assert.deepEqual(seen, [
      ['MODIFIED', '9q'],
      ['DELETED', '3x'],
    ]);
  });

  test('what was stored before another version became the stored one is read in both', async () => {
    const { client } = await boxes();
    await client.create(V2, box(THREE));
    const crd = (await client.get(CustomResourceDefinitions, { name: 'boxes.example.com' }))!;
    await client.update(CustomResourceDefinitions, { ...crd, spec: definition('v1')['spec'] } as never);
    assert.equal(sizeOf(await client.get(V1, key)), '3x');
    assert.deepEqual(sizeOf(await client.get(V2, key)), THREE);
    assert.deepEqual(sizeOf(await client.patch(V2, key, { type: 'merge', body: { spec: { size: { value: 4 } } } })), {
      value: 4,
      unit: 'x',
    });
    assert.equal(sizeOf(await client.get(V1, key)), '4x');
  });

  test('each version has its own schema, defaults and unknown fields', async () => {
    const { client, registry, at } = await boxes();
    await assert.rejects(client.create(V1, box('large')), refused('Invalid', /spec\.size: Invalid value: "large"/));
    await assert.rejects(
      registry.create(at(V1), { value: box('3x', { odd: 1 }) }, { fieldValidation: 'Strict' }),
      refused('BadRequest', /unknown field "spec\.odd"/),
    );
    assert.equal(specOf(await client.create(V2, box(THREE)))['mood'], undefined);
    assert.equal(specOf(await client.get(V1, key))['mood'], 'calm');
  });

  test('status and scale', async () => {
    const { client, registry, at } = await boxes();
    const made = await client.create(V1, box('3x', { replicas: 2 }));
    const status = { ...made, spec: { size: '9z' }, status: { replicas: 2 } };
    const told = await client.update(V1, status, { subresource: 'status' });
    assert.deepEqual([sizeOf(told), told['status']], ['3x', { replicas: 2 }]);
    const scale = await registry.patch(at(V1, 'a', 'scale'), 'merge', { value: { spec: { replicas: 5 } } }, {});
    assert.deepEqual(scale.object['spec'], { replicas: 5 });
    assert.equal(specOf(await client.get(V1, key))['replicas'], 5);
  });

  test('a writer who saw an older object is told so', async () => {
    const { client } = await boxes();
    const made = await client.create(V1, box('3x'));
    await client.update(V2, { ...(await client.get(V2, key))!, spec: {} });
    await assert.rejects(client.update(V1, { ...made, spec: { size: '4y' } }), refused('Conflict'));
  });

  const WHO = 'conversion webhook for example.com/v1, Kind=Box';
  for (const [what, answer, said] of [
    ['refuses', () => ({ result: { status: 'Failed', message: 'no such size' } }), `${WHO} failed: expected response.uid=`],
    ['says why', (r: object) => ({ ...r, result: { status: 'Failed', message: 'no such size' } }), `${WHO} failed: no such size`],
    ['says nothing', (r: object) => ({ ...r, result: {} }), `${WHO} failed: response.result.status was '', not 'Success'`],
    ['has no response', () => undefined, `${WHO} failed: no response provided`],
    ['loses objects', (r: object) => ({ ...r, convertedObjects: [] }), `${WHO} returned 0 objects, expected 1`],
    [
      'returns another version',
      (r: object) => ({ ...r, convertedObjects: [{ apiVersion: 'example.com/v3', kind: 'Box' }] }),
      `${WHO} returned invalid converted object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v3)`,
    ],
    [
      'returns another object',
      (r: object) => ({ ...r, convertedObjects: [{ apiVersion: 'example.com/v2', kind: 'Box', metadata: { name: 'b', namespace: NS } }] }),
      `${WHO} returned invalid converted object at index 0: must have the same name: a != b`,
    ],
  ] as const) {
    test(`a webhook that ${what} fails the request, which stores nothing`, async () => {
      const { client, store } = await boxes(answer);
      await assert.rejects(client.create(V1, box('3x')), (error: Error) => {
        refused('')(error);
        assert.ok(error.message.startsWith(said), error.message);
        return true;
      });
      assert.equal(store.list('example.com/boxes/').items.length, 0);
    });
  }
});
