import assert from 'node:assert/strict';
import { test } from 'node:test';
import { similar } from './similar.ts';

test('slips of the keyboard are told from other words', () => {
  const words = ['list', 'get', 'pause', 'resume', 'promote', 'abort', 'set-weight', 'why'];
  const table: [string, string | undefined][] = [
    ['promte', 'promote'],
    ['promoote', 'promote'],
    ['prmoote', 'promote'],
    ['primote', 'promote'],
    ['prom', 'promote'],
    ['setweight', 'set-weight'],
    ['set', 'set-weight'],
    ['gett', 'get'],
    ['wyh', 'why'],
    ['demote', undefined],
    ['p', undefined],
    ['', undefined],
  ];
  for (const [typed, word] of table) assert.equal(similar(typed, words), word, typed);
});
