import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '../../api/index.ts';
import { dropNulls, prune } from './shape.ts';
import { checkSchema, checkTypes } from './validate.ts';

const schema: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['mode'],
      properties: {
        mode: { type: 'string', enum: ['a', 'b'] },
        count: { type: 'integer', minimum: 1, maximum: 5 },
        port: { 'x-kubernetes-int-or-string': true },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 3, minLength: 2 },
        maybe: { type: 'string', nullable: true },
        list: {
          type: 'array',
          minItems: 1,
          items: { type: 'object', required: ['k'], properties: { k: { type: 'string' } } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
        },
        either: { type: 'object', oneOf: [{ required: ['x'] }, { required: ['y'] }], properties: { x: {}, y: {} } },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        bad: { type: 'string', pattern: '(' },
      },
    },
  },
};

for (const [value, causes] of [
  [{ spec: { mode: 'a', count: 3, port: '80', list: [{ k: 'x' }], maybe: null, labels: { a: 'b' } } }, []],
  [{}, ['spec: Required value']],
  [{ spec: {} }, ['spec.mode: Required value']],
  [{ spec: { mode: 'c' } }, ['spec.mode: Unsupported value: "c": supported values: "a", "b"']],
  [{ spec: { mode: 'a', count: 'x' } }, ['spec.count: Invalid value: "string": spec.count in body must be of type integer: "string"']],
  [{ spec: { mode: 'a', count: 1.5 } }, ['spec.count: Invalid value: "number": spec.count in body must be of type integer: "number"']],
  [{ spec: { mode: 'a', count: 0 } }, ['spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1']],
  [
    { spec: { mode: 'a', port: 1.5 } },
    ['spec.port: Invalid value: "number": spec.port in body must be of type integer or string: "number"'],
  ],
  [
    { spec: { mode: 'a', name: 'A' } },
    [
      'spec.name: Invalid value: "A": spec.name in body should be at least 2 chars long',
      'spec.name: Invalid value: "A": spec.name in body should match \'^[a-z]+$\'',
    ],
  ],
  [{ spec: { mode: 'a', name: 'abcd' } }, ['spec.name: Too long: may not be more than 3 bytes']],
  [{ spec: { mode: 'a', list: [] } }, ['spec.list: Invalid value: 0: spec.list in body should have at least 1 items']],
  [
    { spec: { mode: 'a', list: [{ k: 'x' }, {}, { k: 'x' }] } },
    ['spec.list[1].k: Required value', 'spec.list[2]: Duplicate value: {"k":"x"}'],
  ],
  [
    { spec: { mode: 'a', either: { x: 1, y: 2 } } },
    ['<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  [
    { spec: { mode: 'a', labels: { 'a.b/c': 1 } } },
    ['spec.labels[a.b/c]: Invalid value: "integer": spec.labels[a.b/c] in body must be of type string: "integer"'],
  ],
  [{ spec: { mode: 'a', bad: 'x' } }, ['spec.bad: Invalid value: "x": spec.bad in body should match \'(\'']],
] as const) {
  test(`checks ${JSON.stringify(value)}`, () => {
    assert.deepEqual(
      checkSchema(schema, value).map((c) => `${c.field}: ${c.message}`),
      causes,
    );
  });
}

test('types alone leave the rest to later', () => {
  assert.deepEqual(checkTypes(schema, { spec: { count: 99 } }), []);
  assert.equal(checkTypes(schema, { spec: { labels: { a: null } } }).length, 1);
});

test('what is unknown is taken away and told; free-form parts are kept', () => {
  const value = { spec: { mode: 'a', extra: 1, list: [{ k: 'x', z: 1 }], labels: { any: 'x' }, free: { deep: { er: 1 } } }, other: {} };
  assert.deepEqual(prune(schema, value), ['spec.extra', 'spec.list[0].z', 'other']);
  assert.deepEqual(value, { spec: { mode: 'a', list: [{ k: 'x' }], labels: { any: 'x' }, free: { deep: { er: 1 } } } });
});

test('nulls stand for absent, but not in free-form parts', () => {
  const value = { spec: { mode: null, list: [{ k: null }, null], free: { n: null } } };
  const strict = structuredClone(value);
  dropNulls(schema, value);
  assert.deepEqual(value, { spec: { list: [{}, {}], free: { n: null } } });
  dropNulls(schema, strict, true);
  assert.deepEqual(strict.spec.list[1], null);
});
