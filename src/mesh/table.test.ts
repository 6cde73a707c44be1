import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRng } from '../base/index.ts';
import { changedKeys, Table } from './table.ts';

test('each version holds what a map of its own would, and tells in which keys the next ones differ', () => {
  const rng = seededRng(7);
  const versions = [{ table: new Table<number>(), plain: new Map<string, number>() }];
  for (let i = 0; i < 300; i++) {
    const base = versions[rng.next() < 0.9 ? versions.length - 1 : Math.floor(rng.next() * versions.length)]!;
    const changes = Array.from({ length: 1 + Math.floor(rng.next() * 3) }, (): [string, number | undefined] => [
      `k${Math.floor(rng.next() * 12)}`,
      rng.next() < 0.3 ? undefined : Math.floor(rng.next() * 4),
    ]);
    const plain = new Map(base.plain);
    for (const [key, value] of changes) {
      if (value === undefined) plain.delete(key);
      else plain.set(key, value);
    }
    versions.push({ table: base.table.with(changes), plain });
  }
  const sorted = (map: ReadonlyMap<string, number>): [string, number][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const { table, plain } of versions) {
    assert.deepEqual(sorted(table), sorted(plain));
    assert.equal(table.size, plain.size);
    for (let k = 0; k < 12; k++) {
      assert.equal(table.get(`k${k}`), plain.get(`k${k}`));
      assert.equal(table.has(`k${k}`), plain.has(`k${k}`));
    }
  }
  for (const [i, { table, plain }] of versions.entries())
    for (const later of versions.slice(i, i + 20))
      assert.deepEqual(changedKeys(table, later.table).sort(), changedKeys(plain, later.plain).sort());
});

test('a change that changes nothing is no other version', () => {
  const one = new Table([['a', 1]]);
  assert.equal(one.with([['a', 1]]), one);
  assert.equal(one.with([['b', undefined]]), one);
});
