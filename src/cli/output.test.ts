import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/index.ts';
import type { CommandContext } from './context.ts';
import { errorText, show, table } from './output.ts';

test('columns are as wide as their widest cell, and nothing trails the last', () => {
  assert.equal(table([['a', 'bb', 'c'], ['aaa', 'b', 'long'], ['x']]), 'a     bb   c\naaa   b    long\nx\n');
  assert.equal(table([]), '');
});

test('a mistake is answered with what is wrong and what to do', () => {
  assert.equal(errorText(new Fault('X', 'it broke', { hint: 'Mend it.' })), 'error: it broke\nMend it.\n');
  assert.equal(errorText(new Fault('X', 'it broke')), 'error: it broke\n');
  assert.equal(errorText(new Error('oops')), 'error: oops\n');
  assert.equal(errorText('text'), 'error: text\n');
});

test('a result is laid out for people, or printed whole for programs', () => {
  for (const [output, expected] of [
    ['text', 'for people\n'],
    ['json', '{\n  "a": 1\n}\n'],
    ['yaml', 'a: 1\n'],
  ] as const) {
    let printed = '';
    const print = (text: string): void => void (printed += text);
    show({ output, print } as unknown as CommandContext, { a: 1 }, () => 'for people\n');
    assert.equal(printed, expected);
  }
});
