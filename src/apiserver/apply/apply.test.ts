import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCatalog, isApiError, type AnyObject } from '../../api/index.ts';
import { applyObject, type Applied } from './apply.ts';
import { difference, fromFieldsV1, intersection, isEmpty, pathsOf, sameSet, toFieldsV1, union } from './field-set.ts';
import { isReset, ownedByUpdate, ownershipsOf, type Writer } from './managed-fields.ts';

const NOW = Date.UTC(2026, 0, 1);
const catalog = createCatalog();
const deployments = catalog.find('apps', 'v1', 'deployments')!;
const configMaps = catalog.find('', 'v1', 'configmaps')!;

const writer = (manager: string, served = deployments, subresource?: string, now = NOW): Writer => ({ manager, served, subresource, now });

function container(name: string, more: object = {}): object {
  return { name, image: `${name}:1`, ...more };
}

function deployment(containers: object[], spec: object = {}): AnyObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { ...spec, template: { spec: { containers } } } };
}

function data(values: Record<string, string>): AnyObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: values };
}

/** The object as the server would store it. */
function stored({ object, managedFields }: Applied): AnyObject {
  return { ...object, metadata: { ...object.metadata, managedFields } as never };
}

function apply(manager: string, live: AnyObject | undefined, wanted: AnyObject, { force = false, served = deployments } = {}): AnyObject {
  return stored(applyObject(writer(manager, served), live, wanted, force));
}

const containersOf = (o: AnyObject): unknown => (o['spec'] as { template: { spec: { containers: unknown } } }).template.spec.containers;
const fieldsOf = (o: AnyObject, manager: string): string[] =>
  ownershipsOf(o.metadata?.managedFields).flatMap((e) => (e.manager === manager ? pathsOf(e.fields) : []));

test('sets of fields: there and back, and what sets do', () => {
  const v1 = { 'f:spec': { 'f:replicas': {}, 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} }, 'v:"x"': {} } } };
  const set = fromFieldsV1(v1);
  assert.deepEqual(toFieldsV1(set), v1);
  assert.deepEqual(pathsOf(set), [
    '.spec.replicas',
    '.spec.containers[name="a"]',
    '.spec.containers[name="a"].image',
    '.spec.containers[="x"]',
  ]);
  const replicas = fromFieldsV1({ 'f:spec': { 'f:replicas': {} } });
  assert.ok(sameSet(intersection(set, replicas), replicas));
  assert.ok(sameSet(union(difference(set, replicas), replicas), set));
  assert.ok(isEmpty(difference(replicas, set)));
});

describe('apply', () => {
  test('owns leaves and items, by their keys with defaults', () => {
    const made = apply('one', undefined, deployment([container('a', { ports: [{ containerPort: 80 }] })], { replicas: 2 }));
    assert.deepEqual(toFieldsV1(ownershipsOf(made.metadata?.managedFields)[0]!.fields), {
      'f:spec': {
        'f:replicas': {},
        'f:template': {
          'f:spec': {
            'f:containers': {
              'k:{"name":"a"}': {
                '.': {},
                'f:image': {},
                'f:name': {},
                'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              },
            },
          },
        },
      },
    });
  });

  test('merges lists by key and leaves what others have', () => {
    const one = apply('one', undefined, deployment([container('a')]));
    const both = apply('two', one, deployment([container('b'), { name: 'a', tty: true }]));
    assert.deepEqual(containersOf(both), [container('b'), container('a', { tty: true })]);
    const less = apply('two', both, deployment([]));
    assert.deepEqual(containersOf(less), [container('a')]);
  });

  test('takes away what it no longer wants, unless somebody else does', () => {
    const one = apply('one', undefined, data({ a: '1', b: '2' }), { served: configMaps });
    const two = apply('two', one, data({ b: '2', c: '3' }), { served: configMaps });
    const less = apply('one', two, data({}), { served: configMaps });
    assert.deepEqual(less['data'], { b: '2', c: '3' });
    assert.deepEqual(fieldsOf(less, 'two'), ['.data.b', '.data.c']);
  });

  test('a field nobody applied is left alone when its neighbours go', () => {
    const live = apply('one', undefined, deployment([container('a')], { strategy: { rollingUpdate: { maxSurge: 1 } } }));
    const defaulted = {
      ...live,
      spec: { ...(live['spec'] as object), strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
    };
    const less = apply('one', defaulted, deployment([container('a')]));
    assert.deepEqual((less['spec'] as { strategy: unknown }).strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } });
  });

  test('refuses to change what another owns, and names it', () => {
    const one = apply('one', undefined, deployment([container('a')], { replicas: 1 }));
    const wanted = deployment([{ name: 'a', image: 'a:2' }], { replicas: 2 });
    assert.throws(
      () => apply('two', one, wanted),
      (error) => {
        assert.ok(isApiError(error, 'Conflict'));
        assert.deepEqual(error.details?.causes, [
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' },
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.template.spec.containers[name="a"].image' },
        ]);
        assert.match((error as Error).message, /^Apply failed with 2 conflicts: conflicts with "one":\n- \.spec\.replicas\n- /);
        return true;
      },
    );
    const forced = apply('two', one, wanted, { force: true });
    assert.deepEqual(containersOf(forced), [{ name: 'a', image: 'a:2' }]);
    assert.ok(!fieldsOf(forced, 'one').includes('.spec.replicas'));
  });

  test('the same value is shared, not disputed', () => {
    const one = apply('one', undefined, data({ a: '1' }), { served: configMaps });
    const two = apply('two', one, data({ a: '1' }), { served: configMaps });
    assert.deepEqual([fieldsOf(two, 'one'), fieldsOf(two, 'two')], [['.data.a'], ['.data.a']]);
  });

  test('again the same is no change, and keeps its time', () => {
    const one = apply('one', undefined, data({ a: '1' }), { served: configMaps });
    const again = stored(applyObject(writer('one', configMaps, undefined, NOW + 60_000), one, data({ a: '1' }), false));
    assert.deepEqual(again, one);
  });
});

describe('update', () => {
  test('owns what it changed, and takes it from others', () => {
    const live = apply('one', undefined, deployment([container('a')], { replicas: 1 }));
    const next = { ...live, spec: { ...(live['spec'] as object), replicas: 5 } };
    const managed = ownedByUpdate(writer('scaler'), live, next, live.metadata?.managedFields);
    const after = { ...next, metadata: { ...next.metadata, managedFields: managed } as never };
    assert.deepEqual(fieldsOf(after, 'scaler'), ['.spec.replicas']);
    assert.ok(!fieldsOf(after, 'one').includes('.spec.replicas'));
    assert.throws(
      () => apply('one', after, deployment([container('a')], { replicas: 1 })),
      /conflict with "scaler" using apps\/v1 at 2026-01-01T00:00:00Z: \.spec\.replicas/,
    );
  });

  test('what is gone is nobodys', () => {
    const live = apply('one', undefined, data({ a: '1', b: '2' }), { served: configMaps });
    const next = { ...live, data: { b: '2' } };
    const managed = ownedByUpdate(writer('editor', configMaps), live, next, undefined);
    assert.deepEqual(
      ownershipsOf(managed).map((o) => [o.manager, pathsOf(o.fields)]),
      [['one', ['.data.b']]],
    );
  });

  test('the status is owned apart', () => {
    const live = deployment([container('a')]);
    const next = { ...live, status: { readyReplicas: 1 } };
    const through = ownershipsOf(ownedByUpdate(writer('kubelet', deployments, 'status'), live, next, undefined));
    assert.deepEqual(
      through.map((o) => [o.subresource, pathsOf(o.fields)]),
      [['status', ['.status', '.status.readyReplicas']]],
    );
    assert.equal(ownedByUpdate(writer('kubelet'), live, next, undefined), undefined);
  });

  test('owners can be reset', () => {
    const live = apply('one', undefined, data({ a: '1' }), { served: configMaps });
    assert.ok(isReset([]) && isReset([{}]) && !isReset(undefined) && !isReset(live.metadata?.managedFields));
    assert.equal(ownedByUpdate(writer('editor', configMaps), live, live, [{}]), undefined);
  });
});
