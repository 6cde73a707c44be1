import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyObject, apiVersionOf, createCatalog, type KindDef, type Schema, tableOf } from '../index.ts';
import { versionsOf } from '../catalog.ts';
import { minimalOf } from './minimal.fixture.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const catalog = createCatalog();

function minimal(def: KindDef): AnyObject {
  const { metadata, ...rest } = minimalOf(def.resource) as AnyObject;
  const { namespaced, kind } = def.resource;
  return structuredClone({
    apiVersion: apiVersionOf(def.resource),
    kind,
    metadata: { name: 'a', ...(namespaced ? { namespace: 'default' } : {}), creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    ...rest,
  });
}

/** Paths of fields that the schema does not know. */
function unknownFields(schema: Schema, value: unknown, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => (schema.items ? unknownFields(schema.items, item, `${at}[${i}]`) : [at]));
  if (typeof value !== 'object' || value === null || schema['x-kubernetes-preserve-unknown-fields']) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const field = schema.properties?.[name] ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    return field ? unknownFields(field, item, `${at}.${name}`) : [`${at}.${name}`];
  });
}

for (const def of catalog.all()) {
  test(`${def.resource.kind}: a minimal object is defaulted once, valid, known to its schema, and printed`, () => {
    const object = minimal(def);
    def.default?.(object);
    const again = structuredClone(object);
    def.default?.(again, object);
    assert.deepEqual(again, object, 'defaulting twice changes nothing');
    assert.deepEqual(JSON.parse(JSON.stringify(object)), object, 'no undefined fields');
    assert.deepEqual(def.validate?.(object, undefined), []);
    assert.deepEqual(def.validate?.(object, again), [], 'an update that changes nothing is valid');
    assert.deepEqual(unknownFields(def.schema, object, ''), []);

    const table = tableOf(def, [object], NOW);
    const cells = table.rows[0]!.cells;
    assert.equal(cells.length, table.columnDefinitions.length);
    assert.equal(cells[table.columnDefinitions.findIndex((c) => c.name === 'Name')], object.metadata!.name);
    assert.ok(!cells.some((c) => typeof c === 'string' && /undefined|\[object|NaN/.test(c)), JSON.stringify(cells));
  });
}

test('every kind is found by each of its versions, by plural and by kind', () => {
  for (const def of catalog.all()) {
    for (const { group, version } of versionsOf(def)) {
      assert.equal(catalog.find(group, version, def.resource.plural)?.def, def);
      assert.equal(catalog.findKind(group, version, def.resource.kind)?.def, def);
    }
  }
  assert.equal(catalog.find('networking.istio.io', 'v1alpha3', 'virtualservices')?.legacy?.version, 'v1alpha3');
  assert.equal(catalog.find('networking.istio.io', 'v1', 'virtualservices')?.legacy, undefined);
  assert.ok(!catalog.find('apps', 'v0', 'deployments'));
});

test('plurals, short names and kinds are unique in their group', () => {
  const seen = new Set<string>();
  for (const { resource, shortNames } of catalog.all()) {
    for (const name of [resource.plural, resource.kind, ...shortNames.filter((s) => s !== 'telemetry')]) {
      assert.ok(!seen.has(`${resource.group}/${name}`), `${resource.group}/${name}`);
      seen.add(`${resource.group}/${name}`);
    }
  }
});

test('an autoscaler survives the way through its old version', () => {
  const { def, legacy } = catalog.find('autoscaling', 'v1', 'horizontalpodautoscalers')!;
  const stored = minimal(def);
  def.default!(stored);
  (stored.spec as { metrics: unknown[] }).metrics.push({
    type: 'Pods',
    pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } },
  });
  const old = legacy!.downgrade!(stored);
  assert.equal((old.spec as { targetCPUUtilizationPercentage?: number }).targetCPUUtilizationPercentage, 80);
  assert.deepEqual(unknownFields(legacy!.schema!, old, ''), []);
  const { status: _status, ...back } = legacy!.upgrade!(old);
  const { annotations, ...metadata } = back.metadata!;
  assert.deepEqual(annotations, {});
  const { status: _before, ...wanted } = stored;
  assert.deepEqual({ ...back, metadata }, wanted);
});

test('a kind can be added, replaced and removed', () => {
  const own = createCatalog();
  const [first] = own.all();
  const before = own.generation;
  own.add({ ...first!, resource: { ...first!.resource, group: 'example.com', version: 'v2' }, schema: first!.schema });
  own.add({ ...first!, resource: { ...first!.resource, group: 'example.com', version: 'v3' }, schema: first!.schema });
  assert.equal(own.generation, before + 2);
  assert.equal(own.find('example.com', 'v2', first!.resource.plural), undefined);
  assert.ok(own.find('example.com', 'v3', first!.resource.plural));
  assert.equal(own.remove('example.com', first!.resource.plural), true);
  assert.equal(own.remove('example.com', first!.resource.plural), false);
  assert.equal(own.findKind('example.com', 'v3', first!.resource.kind), undefined);
});

/** The object, once for every field anywhere in it, without that field. */
function* withoutOneField(object: object, root: object = object): Generator<object> {
  for (const [name, value] of Object.entries(object)) {
    const holder = object as Record<string, unknown>;
    delete holder[name];
    yield structuredClone(root);
    holder[name] = value;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield* withoutOneField(value, root);
    if (Array.isArray(value)) for (const item of value) if (typeof item === 'object' && item !== null) yield* withoutOneField(item, root);
  }
}

for (const def of catalog.all()) {
  test(`${def.resource.kind}: an object without one of its fields is defaulted and checked without an error of ours`, () => {
    const object = minimal(def);
    def.default?.(object);
    const old = structuredClone(object);
    for (const broken of withoutOneField(object) as Generator<AnyObject>) {
      def.default?.(broken, old);
      assert.ok(Array.isArray(def.validate!(broken, old)));
    }
  });
}
