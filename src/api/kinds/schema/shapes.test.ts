import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapesOf } from './shapes.ts';

const TEXT = `# for readers
Pod object -- A pod.
  ? has(self.a) || has(self.b) :: a or b
  name! string 1..63 ~"^[a-z ]+$" -- Its name.
  "odd name" bool null
  kind string in(A, "", b:c) ="A" -- Which -- of them.
  level int in(1, 2)
  ports [Port] ..16 key(number, protocol) -- Where it listens.
    ? self.size() > 0 :: some
  limits {int 0..10} 1..
    {}? self != 5 :: not five
  hosts [string 1..253] set
  steps [{object one(x, y)}] atomic
    [][]? true :: deep
    x string
    y int|string
  rest open
  value any oneOf=[{"type":"string"},{"required":["a b"]}]
  at string @date-time ="2020-01-01T00:00:00Z"
  extra object atomic exactly(p, q) one(r, s)
    p number ..1

Port object ={"number":80}
  number! int32 1..65535
  protocol string

More object
  ...Port
  name Name
  other Elsewhere

Name string ..5
`;

test('a shape is read from a line a field', () => {
  const shapes = shapesOf('x', () => TEXT);
  const port = {
    type: 'object',
    default: { number: 80 },
    required: ['number'],
    properties: { number: { type: 'integer', format: 'int32', minimum: 1, maximum: 65535 }, protocol: { type: 'string' } },
  };
  assert.deepEqual(shapes('Pod'), {
    type: 'object',
    description: 'A pod.',
    required: ['name'],
    'x-kubernetes-validations': [{ rule: 'has(self.a) || has(self.b)', message: 'a or b' }],
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z ]+$', description: 'Its name.' },
      'odd name': { type: 'boolean', nullable: true },
      kind: { type: 'string', enum: ['A', '', 'b:c'], default: 'A', description: 'Which -- of them.' },
      level: { type: 'integer', enum: [1, 2] },
      ports: {
        type: 'array',
        items: port,
        maxItems: 16,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['number', 'protocol'],
        'x-kubernetes-validations': [{ rule: 'self.size() > 0', message: 'some' }],
        description: 'Where it listens.',
      },
      limits: {
        type: 'object',
        minProperties: 1,
        additionalProperties: {
          type: 'integer',
          minimum: 0,
          maximum: 10,
          'x-kubernetes-validations': [{ rule: 'self != 5', message: 'not five' }],
        },
      },
      hosts: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 253 }, 'x-kubernetes-list-type': 'set' },
      steps: {
        type: 'array',
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            oneOf: [{ not: { anyOf: [{ required: ['x'] }, { required: ['y'] }] } }, { required: ['x'] }, { required: ['y'] }],
            properties: { x: { type: 'string' }, y: { 'x-kubernetes-int-or-string': true } },
            'x-kubernetes-validations': [{ rule: 'true', message: 'deep' }],
          },
        },
      },
      rest: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      value: { 'x-kubernetes-preserve-unknown-fields': true, oneOf: [{ type: 'string' }, { required: ['a b'] }] },
      at: { type: 'string', format: 'date-time', default: '2020-01-01T00:00:00Z' },
      extra: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        oneOf: [{ required: ['p'] }, { required: ['q'] }],
        allOf: [{ oneOf: [{ not: { anyOf: [{ required: ['r'] }, { required: ['s'] }] } }, { required: ['r'] }, { required: ['s'] }] }],
        properties: { p: { type: 'number', maximum: 1 } },
      },
    },
  });
});

test('shapes are made once, include others, and may be those of another text', () => {
  const others = shapesOf('y', () => 'Elsewhere object\n  a string');
  let reads = 0;
  const shapes = shapesOf('x', () => (reads++, TEXT), others);
  assert.equal(reads, 0);
  const more = shapes('More');
  assert.deepEqual(Object.keys(more.properties!), ['number', 'protocol', 'name', 'other']);
  assert.deepEqual(more.required, ['number']);
  assert.equal(more.properties!['name'], shapes('Name'));
  assert.equal(more.properties!['other'], others('Elsewhere'));
  assert.equal(shapes('Pod').properties!['ports']!.items, shapes('Port'));
  assert.equal(reads, 1);
});

/** text, what is wrong with it */
const WRONG: readonly [string, RegExp][] = [
  ['A object\n  b Missing', /no such shape: Missing/],
  ['A object\n  b string 1.2', /cannot read .*1\.2/],
  ['A object\n  b string sometimes', /sometimes is not a limit/],
  ['A object\n  b\n', /not a field/],
  ['A object\n  b string- what', /cannot read/],
  ['A object\n  b B 1..2\n\nB object\n  c string', /takes its limits where it is written/],
];

for (const [text, wrong] of WRONG) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => shapesOf('x', () => text)('A'), wrong);
  });
}
