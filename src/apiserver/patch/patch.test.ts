import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isApiError, type Schema } from '../../api/index.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicPatch } from './strategic-patch.ts';

describe('JSON patch', () => {
  for (const [what, document, patch, expected] of [
    ['adds a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['inserts into a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }], { l: [1, 2, 3] }],
    ['appends to a list', { l: [1] }, [{ op: 'add', path: '/l/-', value: 2 }], { l: [1, 2] }],
    ['removes', { a: { b: 1, c: 2 } }, [{ op: 'remove', path: '/a/b' }], { a: { c: 2 } }],
    ['replaces', { l: [{ n: 1 }] }, [{ op: 'replace', path: '/l/0/n', value: 2 }], { l: [{ n: 2 }] }],
    ['replaces all', { a: 1 }, [{ op: 'replace', path: '', value: { b: 1 } }], { b: 1 }],
    [
      'moves and copies',
      { a: 1 },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'move', from: '/a', path: '/c' },
      ],
      { b: 1, c: 1 },
    ],
    [
      'escapes',
      { 'a/b': 1, 'c~d': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'test', path: '/c~0d', value: 2 },
      ],
      { 'c~d': 2 },
    ],
  ] as const) {
    test(what, () => {
      const before = structuredClone(document);
      assert.deepEqual(applyJsonPatch(document, patch), expected);
      assert.deepEqual(document, before, 'the document is left alone');
    });
  }

  for (const [what, patch, reason] of [
    ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
    ['a path that is not there', [{ op: 'replace', path: '/x/y', value: 2 }], 'Invalid'],
    ['an index out of range', [{ op: 'add', path: '/l/5', value: 2 }], 'Invalid'],
    ['the prototype', [{ op: 'add', path: '/__proto__/x', value: 2 }], 'Invalid'],
    ['an unknown operation', [{ op: 'grow', path: '/a' }], 'BadRequest'],
    ['no value', [{ op: 'add', path: '/a' }], 'BadRequest'],
    ['no list', { op: 'add' }, 'BadRequest'],
    [
      'copies of copies that grow without bounds',
      Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '', path: `/x${i}` })),
      'RequestEntityTooLarge',
    ],
  ] as const) {
    test(`refuses ${what}`, () =>
      assert.throws(
        () => applyJsonPatch({ a: 1, l: [] }, patch),
        (e) => isApiError(e, reason),
      ));
  }
});

test('merge patch: RFC 7386, appendix A', () => {
  for (const [document, patch, expected] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    assert.deepEqual(applyMergePatch(document, patch), expected);
  }
});

describe('strategic merge patch', () => {
  const env: Schema = { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } } };
  const schema: Schema = {
    type: 'object',
    properties: {
      containers: {
        type: 'array',
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-patch-merge-key': 'name',
        items: {
          type: 'object',
          properties: {
            env: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': 'name', items: env },
            args: { type: 'array' },
          },
        },
      },
      finalizers: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', items: { type: 'string' } },
      strategy: { type: 'object', 'x-kubernetes-patch-strategy': 'retainKeys', properties: {} },
    },
  };
  const a = { name: 'a', image: '1', args: ['x'], env: [{ name: 'E', value: '1' }] };
  const b = { name: 'b', image: '1' };

  for (const [what, document, patch, expected] of [
    [
      'merges items by their key',
      { containers: [a, b] },
      { containers: [{ name: 'a', image: '2' }] },
      { containers: [{ ...a, image: '2' }, b] },
    ],
    ['adds items', { containers: [a] }, { containers: [{ name: 'c' }] }, { containers: [a, { name: 'c' }] }],
    ['deletes items', { containers: [a, b] }, { containers: [{ name: 'a', $patch: 'delete' }] }, { containers: [b] }],
    ['replaces lists', { containers: [a, b] }, { containers: [{ $patch: 'replace' }, { name: 'z' }] }, { containers: [{ name: 'z' }] }],
    ['replaces plain lists', { containers: [a] }, { containers: [{ name: 'a', args: ['y'] }] }, { containers: [{ ...a, args: ['y'] }] }],
    [
      'goes deep',
      { containers: [a] },
      { containers: [{ name: 'a', env: [{ name: 'F', value: '2' }] }] },
      { containers: [{ ...a, env: [...a.env, { name: 'F', value: '2' }] }] },
    ],
    ['orders items', { containers: [a, b] }, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }, { containers: [b, a] }],
    [
      'orders merged items, the unnamed behind what they followed',
      { containers: [a, b] },
      { containers: [{ name: 'c' }], '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }] },
      { containers: [{ name: 'c' }, a, b] },
    ],
    ['adds to primitive lists', { finalizers: ['x'] }, { finalizers: ['y', 'x'] }, { finalizers: ['x', 'y'] }],
    ['deletes from primitive lists', { finalizers: ['x', 'y'] }, { '$deleteFromPrimitiveList/finalizers': ['x'] }, { finalizers: ['y'] }],
    [
      'retains keys',
      { strategy: { type: 'RollingUpdate', rollingUpdate: {} } },
      { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      { strategy: { type: 'Recreate' } },
    ],
    ['removes by null', { x: 1, y: 2 }, { x: null }, { y: 2 }],
    ['deletes maps', { m: { a: 1 }, y: 2 }, { m: { $patch: 'delete' } }, { y: 2 }],
    ['replaces maps', { m: { a: 1 } }, { m: { $patch: 'replace', b: 2 } }, { m: { b: 2 } }],
  ] as const) {
    test(what, () => {
      const before = structuredClone(document);
      assert.deepEqual(applyStrategicPatch(schema, document, patch), expected);
      assert.deepEqual(document, before, 'the document is left alone');
    });
  }

  test('long lists are merged in time that grows with their length, and the longest are refused', { timeout: 20_000 }, () => {
    const many = (count: number, letter: string): string[] => Array.from({ length: count }, (_, i) => `${letter}${i}`);
    const document = { finalizers: many(10_000, 'a') };
    const patch = { finalizers: many(10_000, 'b'), '$deleteFromPrimitiveList/finalizers': many(100_000, 'c') };
    assert.equal((applyStrategicPatch(schema, document, patch) as { finalizers: unknown[] }).finalizers.length, 20_000);
    assert.throws(
      () => applyStrategicPatch(schema, document, { finalizers: many(10_001, 'b') }),
      (e) => isApiError(e, 'RequestEntityTooLarge'),
    );
  });

  test('an item without its key is a bad request', () => {
    assert.throws(
      () => applyStrategicPatch(schema, { containers: [a] }, { containers: [{ image: '2' }] }),
      (e) => isApiError(e, 'BadRequest'),
    );
  });
});
