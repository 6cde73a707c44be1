import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CelCompileError, compile, escapeName, typeOfSchema, valueOfSchema, type SchemaShape, type Value } from './index.ts';

const schema: SchemaShape = {
  type: 'object',
  properties: {
    count: { type: 'integer' },
    ratio: { type: 'number' },
    port: { 'x-kubernetes-int-or-string': true },
    names: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    rules: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', properties: { name: { type: 'string' }, weight: { type: 'integer' } } },
    },
    plain: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    'max-age': { type: 'string' },
    namespace: { type: 'string' },
    since: { type: 'string', format: 'date-time' },
    every: { type: 'string', format: 'duration' },
    data: { type: 'string', format: 'byte' },
    nothing: { type: 'string' },
    free: { type: 'object' },
    open: {},
    inner: { type: 'object', 'x-kubernetes-embedded-resource': true },
  },
};

const object = {
  count: 3,
  ratio: 2,
  port: '50%',
  names: ['a', 'b'],
  rules: [
    { name: 'x', weight: 1 },
    { name: 'y', weight: 2 },
  ],
  plain: ['a', 'b'],
  labels: { app: 'web' },
  'max-age': '1d',
  namespace: 'default',
  since: '2020-01-01T00:00:00Z',
  every: '1h',
  data: 'YWJj',
  nothing: null,
  free: { unknown: 1 },
  inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: {} } },
};

const run = (expression: string): Value =>
  compile(expression, { variables: { self: typeOfSchema(schema)! } }).evaluate({ self: valueOfSchema(schema, object) });

for (const expression of [
  'self.count == 3 && self.count + 1 == 4',
  'self.ratio == 2.0 && self.ratio / 4.0 == 0.5 && type(self.ratio) == double',
  'self.port == "50%" && self.port != 50 && type(self.port) == string',
  'self.names == ["b", "a"] && self.names + ["b", "c"] == ["a", "b", "c"]',
  'self.plain != ["b", "a"]',
  'self.rules == self.rules && self.rules.map(r, r.weight).sum() == 3',
  'self.labels.app == "web" && self.labels.all(k, self.labels[k] != "") && !("x" in self.labels)',
  'self.max__dash__age == "1d" && self.__namespace__ == "default"',
  'self.since < timestamp("2021-01-01T00:00:00Z") && self.every == duration("60m") && self.data == b"abc"',
  'self.nothing == dyn(null)',
  'self.inner.kind == "Pod" && self.inner.metadata.name == "p"',
  'has(self.inner.metadata.generateName) == false',
]) {
  test(`holds: ${expression}`, () => assert.equal(run(expression), true));
}

for (const [expression, message] of [
  ['self.nope', /undefined field 'nope'/],
  ['self.free.unknown', /undefined field 'unknown'/],
  ['self.open', /undefined field 'open'/],
  ['self.inner.metadata.labels', /undefined field 'labels'/],
  ['self.count == "3"', /no matching overload for '_==_' applied to '\(int, string\)'/],
  ['self.plain.all(x, x > 1)', /applied to '\(string, int\)'/],
] as const) {
  test(`does not compile: ${expression}`, () => {
    assert.throws(
      () => run(expression),
      (error) => error instanceof CelCompileError && message.test(error.message),
    );
  });
}

test('names are escaped', () => {
  for (const [name, escaped] of [
    ['a', 'a'],
    ['a-b', 'a__dash__b'],
    ['a.b/c', 'a__dot__b__slash__c'],
    ['a__b', 'a__underscores__b'],
    ['in', '__in__'],
    ['a b', undefined],
    ['1a', undefined],
  ] as const)
    assert.equal(escapeName(name), escaped);
});

test('cost grows with the bounds of the schema', () => {
  const cost = (expression: string): number => compile(expression, { variables: { self: typeOfSchema(schema)! } }).cost;
  assert.ok(cost('self.plain.all(x, x != "")') < 200);
  assert.ok(cost('self.names.all(x, self.names.all(y, x != y))') > 10_000_000);
  assert.ok(cost('self.plain.all(x, self.plain.all(y, x != y))') < 2_000);
});
