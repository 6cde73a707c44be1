import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copy, equal, parseJson } from './json.ts';

for (const [text, duplicates] of [
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ['a']],
  ['{"spec":{"x":1,"y":[{"n":1},{"n":1,"n":2}],"x":3}}', ['spec.y[1].n', 'spec.x']],
  ['{"l":[[{"a":1,"a":1}]],"s":"{\\"a\\":1,\\"a\\":1}"}', ['l[0][0].a']],
  ['{"annotations":{"a/b":"1","a/b":"2"}}', ['annotations[a/b]']],
  ['[{"a":1},{"a":1}]', []],
  ['"x"', []],
] as const) {
  test(`duplicates in ${text}`, () => {
    const parsed = parseJson(text);
    assert.deepEqual(parsed.duplicates, duplicates);
    assert.deepEqual(parsed.value, JSON.parse(text));
  });
}

test('half a character is read as U+FFFD, as Go reads it, in keys as well', () => {
  const text = String.raw`{"a\ud800":["\uDFFFb","\ud83d\ude00"],"__proto__":1}`;
  const { value } = parseJson(text) as { value: Record<string, unknown> };
  assert.deepEqual(value['a\ufffd'], ['\ufffdb', '😀']);
  assert.ok(Object.hasOwn(value, '__proto__'));
});

test('what is not JSON, or nested without end, is a SyntaxError', () => {
  assert.throws(() => parseJson('{"a":'), SyntaxError);
  assert.throws(() => parseJson('['.repeat(300) + ']'.repeat(300)), SyntaxError);
});

test('a copy is free of the original and of prototypes', () => {
  const original = JSON.parse('{"a":[{"b":1}],"__proto__":{"evil":true}}') as { a: { b: number }[] };
  const made = copy(original);
  made.a[0]!.b = 2;
  assert.equal(original.a[0]!.b, 1);
  assert.equal('evil' in made, false);
});

test('equality looks at values, not at order or undefined', () => {
  assert.ok(equal({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1, d: undefined }));
  assert.ok(!equal({ a: 1 }, { a: 1, b: null }));
  assert.ok(!equal([1, 2], [2, 1]));
  assert.ok(!equal({}, []));
});
