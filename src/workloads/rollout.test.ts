import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSetSize, oldSetSizes, proportionalSizes, rollingBounds, type SetCount } from './rollout.ts';

const set = (name: string, wanted: number, available = wanted, sizedFor?: number): SetCount => ({ name, wanted, available, sizedFor });

test('bounds: surge rounds up, unavailable down, and something can always move', () => {
  const table: [replicas: number, surge: number | string | undefined, unavailable: number | string | undefined, want: [number, number]][] =
    [
      [4, undefined, undefined, [1, 1]],
      [3, undefined, undefined, [1, 0]],
      [10, undefined, undefined, [3, 2]],
      [1, undefined, undefined, [1, 0]],
      [5, 0, 0, [0, 1]],
      [5, '0%', '10%', [0, 1]],
      [2, 1, 5, [1, 2]],
      [0, '25%', '25%', [0, 0]],
      [3, 'many', 1, [0, 1]],
    ];
  for (const [replicas, surge, unavailable, [s, u]] of table) {
    assert.deepEqual(rollingBounds(replicas, surge, unavailable), { surge: s, unavailable: u }, `${replicas} ${surge} ${unavailable}`);
  }
});

test('the new set grows into the surge', () => {
  const bounds = { surge: 2, unavailable: 0 };
  assert.equal(newSetSize(10, bounds, 0, [set('old', 10)]), 2);
  assert.equal(newSetSize(10, bounds, 2, [set('old', 10)]), 2);
  assert.equal(newSetSize(10, bounds, 2, [set('old', 7)]), 5);
  assert.equal(newSetSize(10, bounds, 8, [set('old', 1)]), 10);
  assert.equal(newSetSize(3, bounds, 5, []), 3);
});

test('old sets shrink as far as enough stays available', () => {
  const table: [string, number, { surge: number; unavailable: number }, SetCount, SetCount[], Record<string, number>][] = [
    ['nothing new is ready', 3, { surge: 1, unavailable: 0 }, set('new', 1, 0), [set('a', 3)], { a: 3 }],
    ['one new is ready', 3, { surge: 1, unavailable: 0 }, set('new', 1, 1), [set('a', 3)], { a: 2 }],
    ['one may be missing', 4, { surge: 1, unavailable: 1 }, set('new', 1, 0), [set('a', 4)], { a: 3 }],
    [
      'sick ones go first, wherever they are',
      3,
      { surge: 1, unavailable: 0 },
      set('new', 1, 1),
      [set('a', 2), set('b', 1, 0)],
      { a: 2, b: 0 },
    ],
    ['sick ones go although nothing new is ready', 10, { surge: 3, unavailable: 2 }, set('new', 3, 0), [set('a', 10, 8)], { a: 8 }],
    ['the oldest first', 3, { surge: 3, unavailable: 0 }, set('new', 3, 3), [set('a', 1), set('b', 2)], { a: 0, b: 0 }],
    ['a status that lags does not let too many go', 3, { surge: 1, unavailable: 0 }, set('new', 1, 1), [set('a', 2, 3)], { a: 2 }],
  ];
  for (const [name, replicas, bounds, fresh, old, want] of table) {
    assert.deepEqual(Object.fromEntries(oldSetSizes(replicas, bounds, fresh, old)), want, name);
  }
});

test('scaling in the middle of a rollout is shared out in proportion, and adds up', () => {
  const table: [string, number, number, SetCount[], Record<string, number>][] = [
    ['10 to 15, as in the Kubernetes docs', 15, 3, [set('old', 8, 8, 13), set('new', 5, 5, 13)], { old: 11, new: 7 }],
    ['down', 5, 1, [set('old', 8, 8, 12), set('new', 4, 4, 12)], { old: 4, new: 2 }],
    ['to nothing', 0, 0, [set('old', 8, 8, 12), set('new', 4, 4, 12)], { old: 0, new: 0 }],
    ['the same', 10, 2, [set('old', 8, 8, 12), set('new', 4, 4, 12)], { old: 8, new: 4 }],
  ];
  for (const [name, replicas, surge, sets, want] of table) {
    const sizes = Object.fromEntries(proportionalSizes(replicas, surge, sets));
    assert.deepEqual(sizes, want, name);
    const total = Object.values(sizes).reduce((a, b) => a + b, 0);
    assert.equal(total, replicas === 0 ? 0 : replicas + surge, name);
  }
});
