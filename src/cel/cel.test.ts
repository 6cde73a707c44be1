import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CelCompileError, CelError, CelLimitError, compile, DYN, fromJson, lazily, Meter, nextTurn, type Value } from './index.ts';

const run = (expression: string, self: unknown = {}): Value =>
  compile(expression, { variables: { self: DYN } }).evaluate({ self: fromJson(self) });

const self = { a: 2, name: 'web', list: ['q', 'r'], nested: { deep: [1, 2, 3] } };

for (const expression of [
  '1 + 2 * 3 == 7',
  '-5 % 3 == -2',
  'self.a > 1 && has(self.a)',
  '!has(self.b) || self.b == 1',
  'self.?b.orValue(3) == 3',
  'self.?nested.deep[?7].orValue(9) == 9',
  'self.list.all(x, x.size() < 5)',
  'self.list.exists(x, x == "q")',
  'self.list.exists_one(i, i == "r")',
  'self.list.map(x, x + "!") == ["q!", "r!"]',
  'self.nested.deep.map(x, x > 1, x * 2) == [4, 6]',
  'self.nested.deep.filter(x, x != 2) == [1, 3]',
  'self.list.all(i, v, i < 2 && v != "")',
  'self.list.transformMap(i, v, v) == {0: "q", 1: "r"}',
  '{"a": 1, "b": 2}.transformList(k, v, v > 1, k) == ["b"]',
  '{"a": 1}.transformMapEntry(k, v, {string(v): k}) == {"1": "a"}',
  'cel.bind(x, self.a, x + x) == 4',
  'self.a in [1, 2]',
  '"a" in {"a": 1}',
  'type(self.a) == int && type("") == string',
  'type(timestamp(0)) == google.protobuf.Timestamp',
  'true || 1 / 0 == 1',
  '1 / 0 == 1 || true',
  '[0, 1].exists(x, 1 / x == 1)',
  'dyn(1) == 1.0 && 2 > 1.5',
  'optional.of(1).optMap(x, x + 1).value() == 2',
  'optional.none().hasValue() == false',
  'self == self',
]) {
  test(`holds: ${expression}`, () => assert.equal(run(expression, self), true));
}

for (const [expression, message] of [
  ['self.missing', 'no such key: missing'],
  ['has(self.b.c)', 'no such key: b'],
  ['self.list[5]', 'index out of bounds: 5'],
  ['self.a.all(x, true)', 'no such overload'],
  ['self.a + "x"', 'no such overload'],
  ['9223372036854775807 + 1', 'integer overflow'],
  ['1 / 0', 'division by zero'],
  ['int("x")', "type conversion error from 'string' to 'int'"],
  ['[1, 0].all(x, 2 / x > 0)', 'division by zero'],
] as const) {
  test(`has no value: ${expression}`, () => assert.throws(() => run(expression, self), new CelError(message)));
}

for (const [expression, message] of [
  ['nope', "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"],
  ['1 + "a"', `ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + "a"\n | ..^`],
  ['self.a.nope()', "ERROR: <input>:1:12: undeclared reference to 'nope' (in container '')\n | self.a.nope()\n | ...........^"],
  ['"a".size(1)', `ERROR: <input>:1:9: found no matching overload for 'size' applied to 'string.(int)'\n | "a".size(1)\n | ........^`],
  ['\n  a == 1', "ERROR: <input>:2:3: undeclared reference to 'a' (in container '')\n |   a == 1\n | ..^"],
  ['[1, "a"]', `ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, "a"]\n | ....^`],
  ['has(self)', 'ERROR: <input>:1:4: invalid argument to has() macro\n | has(self)\n | ...^'],
  [
    '1.all(x, true)',
    "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | 1.all(x, true)\n | ^",
  ],
  ['self.x.matches("a(")', 'ERROR: <input>:1:16: invalid matches argument\n | self.x.matches("a(")\n | ...............^'],
  ['duration("x")', 'ERROR: <input>:1:10: invalid duration argument\n | duration("x")\n | .........^'],
] as const) {
  test(`does not compile: ${expression}`, () => assert.throws(() => run(expression), new CelCompileError(message)));
}

test('what cannot be parsed is told with its place', () => {
  assert.throws(() => run('(1'), /^CelCompileError: ERROR: <input>:1:3: Syntax error: /);
});

test('what is too deep or too long does not compile', () => {
  for (const expression of [
    '('.repeat(5000),
    '!'.repeat(90_000) + 'true',
    `${'1+'.repeat(40_000)}1`,
    'x'.repeat(200_000),
    `${'[0].all(x,'.repeat(300)}true`,
  ])
    assert.throws(() => compile(expression, { variables: {} }), CelCompileError);
});

const large = Array.from({ length: 1000 }, (_, i) => `x${i}`);

for (const expression of [
  'self.all(a, self.all(b, self.all(c, a + b + c != "")))',
  'self.map(a, self.map(b, self.map(c, a)))',
  'self.all(a, self.all(b, self == self))',
  'self.all(a, self.all(b, "%s%s".format([self, self]) != ""))',
  'self.all(a, self.all(b, (a + b).replace("", self.join("")) != ""))',
  'self.map(x, self).map(x, self + x).map(x, x + x + x + x).map(x, x + x + x + x)',
  'self.all(a, self.join("").matches("^(.{1,1000})+$") || true)',
  'self.all(a, self.all(b, self.join(a).size() > 0))',
]) {
  test(`is stopped: ${expression}`, () => {
    const meter = new Meter(100_000);
    assert.throws(() => compile(expression, { variables: { self: DYN } }).evaluate({ self: fromJson(large) }, meter), CelLimitError);
  });
}

test('patterns take linear time', () => {
  assert.equal(run('self.matches("^(a+)+$")', `${'a'.repeat(50)}!`), false);
});

test('what variables are read is known, and fields can be computed when they are asked for', () => {
  let asked = 0;
  const program = compile('variables.yes || variables.no', { variables: { variables: DYN, other: DYN } });
  assert.deepEqual([...program.uses], ['variables']);
  const variables = lazily({ yes: () => (asked++, true), no: () => assert.fail('not needed') });
  assert.equal(program.evaluate({ variables }), true);
  assert.equal(asked, 1);
});

test('after costly evaluations, those who wait for a turn get one each', async () => {
  const costly = compile('self.all(a, self.all(b, a == b || a != b))', { variables: { self: DYN } });
  let turns = 0;
  const count = (): void => void (turns++, (again = setImmediate(count)));
  let again = setImmediate(count);
  const seen: number[] = [];
  await Promise.all(
    Array.from({ length: 5 }, async () => {
      await nextTurn();
      seen.push(turns);
      costly.evaluate({ self: fromJson(large.slice(0, 200)) });
    }),
  );
  clearImmediate(again);
  assert.equal(new Set(seen).size, 5, `in turns ${seen.join()}`);
});
