import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import { createCatalog, definitionStatus, kindOfCrd, tableOf, type AnyObject } from './index.ts';
import { parseJsonPath, valuesAt } from './jsonpath.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');

const widget = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: false,
        deprecated: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                default: {},
                properties: {
                  size: { type: 'integer', default: 3 },
                  parts: { type: 'array', items: { type: 'object', properties: { color: { type: 'string', default: 'red' } } } },
                },
              },
            },
          },
        },
        subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Parts', type: 'string', jsonPath: '.spec.parts', priority: 1 },
          { name: 'Made', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
      },
    ],
  },
} as unknown as CustomResourceDefinition;

test('a definition makes a kind with columns, subresources and versions', () => {
  const catalog = createCatalog();
  catalog.add(kindOfCrd(widget)!);
  const served = catalog.find('example.com', 'v1', 'widgets')!;
  const { def } = served;
  assert.equal(def.custom, true);
  assert.equal(def.status, true);
  assert.equal(def.scale?.specReplicasPath, '.spec.size');
  assert.equal(def.singular, 'widget');
  assert.equal(def.schema.properties!.spec!.properties!.size!.default, 3);
  assert.ok(def.schema.properties!.metadata!.properties!.labels, 'metadata is that of every object');
  assert.equal(catalog.find('example.com', 'v1alpha1', 'widgets')!.legacy!.warning, 'example.com/v1alpha1 Widget is deprecated');

  const object: AnyObject = { metadata: { name: 'w', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' } };
  object.spec = { size: 3, parts: [{ color: 'red' }, { color: 'blue' }] };
  assert.deepEqual(def.validate!(object, undefined), []);

  object.status = { conditions: [{ type: 'Ready', status: 'True' }] };
  const table = tableOf(def, [object], NOW);
  assert.deepEqual(
    table.columnDefinitions.map((c) => [c.name, c.type, c.priority]),
    [
      ['Name', 'string', 0],
      ['Size', 'integer', 0],
      ['Ready', 'string', 0],
      ['Parts', 'string', 1],
      ['Made', 'date', 0],
    ],
  );
  assert.deepEqual(table.rows[0]!.cells, ['w', 3, 'True', '[{"color":"red"},{"color":"blue"}]', '24h']);
  assert.deepEqual(tableOf(def, [{ metadata: { name: 'x' } }], NOW).rows[0]!.cells, ['x', null, null, null, null]);
});

test('a kind that a webhook converts says so', () => {
  const converted = structuredClone(widget);
  const webhook = { clientConfig: { url: 'https://127.0.0.1/convert' }, conversionReviewVersions: ['v1'] };
  converted.spec.conversion = { strategy: 'Webhook', webhook };
  assert.deepEqual(kindOfCrd(converted)!.conversion, webhook);
  assert.equal(kindOfCrd(widget)!.conversion, undefined);
});

test('a definition that serves no version makes no kind', () => {
  const none = structuredClone(widget);
  for (const version of none.spec.versions) version.served = false;
  assert.equal(kindOfCrd(none), undefined);
});

const FREE = { names: new Set<string>(), kinds: new Set<string>() };
const said = (crd: CustomResourceDefinition): string[] => crd.status!.conditions!.map((c) => `${c.type}=${c.status} ${c.reason}`);

test('the status of a served definition keeps its times', () => {
  const status = definitionStatus(widget, '2026-01-01T00:00:00Z', FREE);
  assert.deepEqual(status.storedVersions, ['v1']);
  assert.deepEqual(said({ ...widget, status }), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
  const later = definitionStatus({ ...widget, status }, '2026-01-02T00:00:00Z', FREE);
  assert.equal(later.conditions![0]!.lastTransitionTime, '2026-01-01T00:00:00Z');
});

test('names that others have are not accepted; an established kind keeps its own', () => {
  const taken = { names: new Set(['wd']), kinds: new Set<string>() };
  const refused = { ...widget, status: definitionStatus(widget, '2026-01-01T00:00:00Z', taken) };
  assert.deepEqual(said(refused), ['NamesAccepted=False ShortNamesConflict', 'Established=False NotAccepted']);
  assert.equal(refused.status.conditions![0]!.message, '"wd" is already in use');
  assert.equal(refused.status.acceptedNames!.shortNames, undefined);

  const served = { ...widget, status: definitionStatus(widget, '2026-01-01T00:00:00Z', FREE) };
  const renamed = { ...served, spec: { ...served.spec, names: { ...served.spec.names, kind: 'Taken' } } };
  const status = definitionStatus(renamed, '2026-01-02T00:00:00Z', { names: new Set(), kinds: new Set(['Taken']) });
  assert.deepEqual(said({ ...renamed, status }), ['NamesAccepted=False KindConflict', 'Established=True InitialNamesAccepted']);
  assert.equal(status.acceptedNames!.kind, 'Widget');
  assert.equal(kindOfCrd({ ...renamed, status })!.resource.kind, 'Widget');
});

const OBJECT = {
  a: { b: [{ c: 1 }, { c: 2 }], 'x.y/z': 'dotted' },
  list: [1, 2, 3],
  on: [
    { type: 'A', v: 1 },
    { type: 'B', v: 2 },
  ],
};

for (const [path, values] of [
  ['.a.b[0].c', [1]],
  ['.a.b[-1].c', [2]],
  ['.a.b[*].c', [1, 2]],
  ['$.list', [[1, 2, 3]]],
  ['.a.x\\.y/z', ['dotted']],
  [".a['x.y/z']", ['dotted']],
  ['.on[?(@.type=="B")].v', [2]],
  ['.on[?(@.type!="B")].v', [1]],
  ['.on[?(@.v==2)].type', ['B']],
  ['.missing.field', []],
  ['.list.field', []],
  ['.toString', []],
] as const) {
  test(`JSON path ${path}`, () => assert.deepEqual(valuesAt(parseJsonPath(path)!, OBJECT), values));
}

for (const path of ['', 'a', '.a[', '.a[?(@.b)]', '..a', '.a[b]']) {
  test(`not a JSON path: ${JSON.stringify(path)}`, () => assert.equal(parseJsonPath(path), undefined));
}
