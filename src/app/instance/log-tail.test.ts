import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWords } from './log-tail.ts';

const line = (level: string, msg: string, more: object = {}): string => JSON.stringify({ ts: '', level, msg, ...more });

test('the last error counts, with its cause and what to do', () => {
  const log = [line('error', 'old'), line('error', 'new', { error: 'EADDRINUSE', hint: 'Stop it.' }), line('info', 'bye'), ''].join('\n');
  assert.deepEqual(lastWords(log), { message: 'new: EADDRINUSE', hint: 'Stop it.' });
});

test('a crash leaves its last lines', () => {
  const log = `${line('info', 'up')}\n${Array.from({ length: 20 }, (_, i) => `frame ${i}`).join('\n')}\n`;
  assert.deepEqual(lastWords(log).message.split('\n'), [
    'frame 12',
    'frame 13',
    'frame 14',
    'frame 15',
    'frame 16',
    'frame 17',
    'frame 18',
    'frame 19',
  ]);
  assert.equal(lastWords('null\n7\n').message, 'null\n7');
});
