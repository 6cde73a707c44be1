import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import type { Backend } from './backend.ts';
import { createStore, memoryStore } from './store.ts';
import { StoreError, type Store, type StoreErrorCode, type StoreEvent, type Watch } from './types.ts';

interface Thing {
  n: number;
  rv?: number;
}

const stamp = (object: Thing, rv: number): Thing => ({ ...object, rv });
const open = (options: { history?: number; backlog?: number } = {}): Store<Thing> => memoryStore<Thing>({ stamp, ...options });
const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;
const key = (name: string, ns = 'a'): string => `/things/${ns}/${name}`;

async function take(watch: Watch<Thing>, count: number): Promise<StoreEvent<Thing>[]> {
  const out: StoreEvent<Thing>[] = [];
  for await (const event of watch) if (out.push(event) === count) break;
  return out;
}

describe('writes', () => {
  test('each has its own revision, written into the object and its bytes', async () => {
    const store = open();
    const a = await store.create(key('a'), { n: 1 });
    const b = await store.create(key('b'), { n: 2 });
    const a2 = await store.update(key('a'), { n: 3 }, a.revision);
    assert.deepEqual([a.revision, b.revision, a2.revision, store.revision], [1, 2, 3, 3]);
    assert.deepEqual(a2.object, { n: 3, rv: 3 });
    assert.equal(a2.bytes.toString(), '{"n":3,"rv":3}');
    assert.equal(store.get(key('a')), a2);
    assert.ok(Object.isFrozen(a2.object));
  });

  test('are refused for what is there', async () => {
    const store = open();
    const a = await store.create(key('a'), { n: 1 });
    await assert.rejects(store.create(key('a'), { n: 2 }), code('exists'));
    await assert.rejects(store.update(key('a'), { n: 2 }, a.revision + 1), code('conflict'));
    await assert.rejects(store.update(key('b'), { n: 2 }, 1), code('missing'));
    await assert.rejects(store.delete(key('a'), 7), code('conflict'));
    const gone = await store.delete(key('a'), a.revision);
    assert.deepEqual(gone.object, { n: 1, rv: 2 });
    await assert.rejects(store.delete(key('a'), a.revision), code('missing'));
    assert.equal(store.revision, 2);
  });

  test('of the same turn are compared with each other, and a loser is told only when it can read the winner', async () => {
    const store = open();
    const first = store.create(key('a'), { n: 1 });
    await assert.rejects(store.create(key('a'), { n: 2 }), (error) => code('exists')(error) && store.get(key('a'))?.object.n === 1);
    const { revision } = await first;
    const winner = store.update(key('a'), { n: 2 }, revision);
    const loser = store.update(key('a'), { n: 3 }, revision);
    await assert.rejects(loser, (error) => code('conflict')(error) && store.get(key('a'))?.object.n === 2);
    await winner;
  });

  test('are not seen before they are on disk, and share commits', async () => {
    const commits: number[] = [];
    let release = (): void => {};
    const backend: Backend = {
      load: () => ({ revision: 40, values: [] }),
      commit: (writes) => new Promise((resolve) => (commits.push(writes.length), (release = resolve))),
      close: () => Promise.resolve(),
    };
    const store = createStore<Thing>(backend, { stamp });
    const watch = store.watch('/things/', 40);
    const one = Promise.all([store.create(key('a'), { n: 1 }), store.create(key('b'), { n: 1 })]);
    await turn();
    assert.deepEqual([store.revision, store.get(key('a')), store.list('/things/').items.length], [40, undefined, 0]);
    const two = store.create(key('c'), { n: 1 });
    release();
    await one;
    assert.deepEqual([store.revision, commits], [42, [2, 1]]);
    release();
    await two;
    assert.deepEqual(
      (await take(watch, 3)).map((e) => e.revision),
      [41, 42, 43],
    );
  });

  test('stop when the disk refuses one', async () => {
    const backend: Backend = {
      load: () => ({ revision: 0, values: [] }),
      commit: () => Promise.reject(new Error('no space')),
      close: () => Promise.resolve(),
    };
    const store = createStore<Thing>(backend, { stamp });
    const both = await Promise.allSettled([store.create(key('a'), { n: 1 }), store.create(key('b'), { n: 1 })]);
    assert.ok(both.every((r) => r.status === 'rejected' && code('failed')(r.reason)));
    await assert.rejects(store.create(key('c'), { n: 1 }), code('failed'));
    assert.equal(store.get(key('a')), undefined);
  });
});

describe('list', () => {
  test('is in the order of keys, by prefix', async () => {
    const store = open();
    for (const name of ['c', 'a', 'b']) await store.create(key(name), { n: 0 });
    await store.create(key('a', 'b'), { n: 0 });
    await store.create('/thingsandmore/a/x', { n: 0 });
    assert.deepEqual(
      store.list('/things/').items.map((v) => v.key),
      [key('a'), key('b'), key('c'), key('a', 'b')],
    );
    assert.deepEqual(
      store.list('/things/b/').items.map((v) => v.key),
      [key('a', 'b')],
    );
    assert.deepEqual([store.count('/things/'), store.count('/nothing/')], [4, 0]);
  });

  test('at an old revision undoes what came later', async () => {
    const store = open();
    const a = await store.create(key('a'), { n: 1 });
    const b = await store.create(key('b'), { n: 2 });
    await store.update(key('a'), { n: 9 }, a.revision);
    await store.delete(key('b'), b.revision);
    await store.create(key('c'), { n: 3 });
    await store.create(key('b'), { n: 4 });
    const then = store.list('/things/', 2);
    assert.deepEqual(
      [then.revision, then.items.map((v) => [v.key, v.object.n])],
      [
        2,
        [
          [key('a'), 1],
          [key('b'), 2],
        ],
      ],
    );
    assert.throws(() => store.list('/things/', 99), code('future'));
    store.compact(3);
    assert.throws(() => store.list('/things/', 2), code('compacted'));
    assert.equal(store.list('/things/', 3).items.length, 2);
  });
});

describe('watch', () => {
  test('replays, then follows, without a gap or another prefix', async () => {
    const store = open();
    const a = await store.create(key('a'), { n: 1 });
    const watch = store.watch('/things/a/', 0);
    await store.create(key('x', 'other'), { n: 1 });
    const a2 = await store.update(key('a'), { n: 2 }, a.revision);
    await store.delete(key('a'), a2.revision);
    const events = await take(watch, 3);
    assert.deepEqual(
      events.map((e) => [e.type, e.revision, e.type === 'progress' ? 0 : e.previous?.revision]),
      [
        ['put', 1, undefined],
        ['put', 3, 1],
        ['delete', 4, 3],
      ],
    );
  });

  test('progress comes after all it promises', async () => {
    const store = open();
    const watch = store.watch('/things/', 0);
    await store.create(key('a'), { n: 1 });
    await store.create('/others/a/a', { n: 1 });
    watch.progress();
    watch.progress();
    const events = await take(watch, 2);
    assert.deepEqual(
      events.map((e) => [e.type, e.revision]),
      [
        ['put', 1],
        ['progress', 2],
      ],
    );
  });

  test('from before the history fails, at its edge it does not', async () => {
    const store = open({ history: 4 });
    let { revision } = await store.create(key('a'), { n: 0 });
    for (let n = 1; n < 10; n++) ({ revision } = await store.update(key('a'), { n }, revision));
    assert.throws(() => store.watch('/things/', 1), code('compacted'));
    assert.throws(() => store.watch('/things/', 11), code('future'));
    const watch = store.watch('/things/', 7);
    assert.deepEqual(
      (await take(watch, 3)).map((e) => e.revision),
      [8, 9, 10],
    );
  });

  test('of a slow reader is closed, not skipped', async () => {
    const store = open({ backlog: 3 });
    const slow = store.watch('/things/', 0);
    const fast = store.watch('/things/', 0);
    const seen = take(fast, 5);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await store.create(key(name), { n: 0 });
    assert.equal((await seen).length, 5);
    await assert.rejects(take(slow, 1), code('slow'));
  });

  test('ends cleanly by its signal and with the store', async () => {
    const store = open();
    const abort = new AbortController();
    const ends = [take(store.watch('/things/', 0, { signal: abort.signal }), 9), take(store.watch('/things/', 0), 9)];
    abort.abort();
    assert.deepEqual(await ends[0], []);
    await store.close();
    assert.deepEqual(await ends[1], []);
    await assert.rejects(store.create(key('a'), { n: 1 }), code('closed'));
  });

  test('a reader may write in the same turn in which it is told', { timeout: 5000 }, async () => {
    const store = open();
    const watch = store.watch('/things/', 0);
    const iterator = watch[Symbol.asyncIterator]();
    const answered = iterator.next().then(() => store.create(key('b'), { n: 1 }));
    await store.create(key('a'), { n: 1 });
    assert.equal((await answered).revision, 2);
  });

  test('history and backlog are bounded in bytes too, and so is a value', async () => {
    const store = memoryStore<{ text: string }>({ stamp: (o) => o });
    const text = 'x'.repeat(1024 * 1024);
    const slow = store.watch('/things/', 0);
    let { revision } = await store.create(key('a'), { text });
    for (let n = 0; n < 70; n++) ({ revision } = await store.update(key('a'), { text }, revision));
    assert.throws(() => store.watch('/things/', 1), code('compacted'));
    await assert.rejects(slow[Symbol.asyncIterator]().next(), code('slow'));
    await assert.rejects(store.update(key('a'), { text: text + text }, revision), code('large'));
    assert.equal(store.revision, revision, 'what is refused uses up no revision');
  });
});
