import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { Fault } from '../base/index.ts';
import { openStore } from './journal.edge.ts';
import type { Store } from './types.ts';

interface Thing {
  n: number;
  rv?: number;
}

const root = mkdtempSync(join(tmpdir(), 'sluice-store-'));
after(() => rmSync(root, { recursive: true, force: true }));
const open = (path: string): Store<Thing> => openStore<Thing>({ path, stamp: (object, rv) => ({ ...object, rv }) });

test('what was written is there after a reopening, under the same revisions', async () => {
  const path = join(root, 're.opened');
  let store = open(path);
  const a = await store.create('/things/x/a', { n: 1 });
  await store.update('/things/x/a', { n: 2 }, a.revision);
  const b = await store.create('/things/x/b', { n: 3 });
  await store.delete('/things/x/b', b.revision);
  await store.close();

  store = open(path);
  assert.equal(store.revision, 4, 'the deletion keeps its revision');
  assert.deepEqual(
    store.list('/things/').items.map((v) => [v.key, v.revision, v.object]),
    [['/things/x/a', 2, { n: 2, rv: 2 }]],
  );
  assert.throws(() => store.watch('/things/', 3), /too old/);
  assert.equal((await store.create('/things/x/c', { n: 5 })).revision, 5);
  await store.close();
});

test('a directory that cannot be used is named', () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  assert.throws(
    () => open(path),
    (error) => error instanceof Fault && error.message.includes(path) && error.hint !== undefined,
  );
});

/** Writes without pause, and says each write that was acknowledged. */
const WRITER = `
import { openStore } from ${JSON.stringify(new URL('./journal.edge.ts', import.meta.url).href)};
const store = openStore({ path: process.argv[1], journalBytes: 4000, stamp: (o, rv) => ({ ...o, rv }) });
process.stdout.write('open ' + store.revision + '\\n');
await Promise.all(Array.from({ length: 8 }, async (_, w) => {
  for (let n = 0; ; n++) {
    const key = '/things/w/' + w;
    const old = store.get(key);
    const put = old ? await store.update(key, { n: old.object.n + 1 }, old.revision) : await store.create(key, { n: 0 });
    process.stdout.write(w + ' ' + put.revision + ' ' + put.object.n + '\\n');
  }
}));
`;

test('kill -9 loses no acknowledged write and reuses no revision, snapshots under way or not', { timeout: 60_000 }, async () => {
  const path = join(root, 'killed');
  const acknowledged = new Map<string, { revision: number; n: number }>();
  const revisions = new Set<number>();
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [worker, revision, n] = line.split(' ');
      if (worker === 'open') continue;
      assert.ok(!revisions.has(Number(revision)), `revision ${revision} was given twice`);
      revisions.add(Number(revision));
      acknowledged.set(worker!, { revision: Number(revision), n: Number(n) });
      if (++lines === 60 + round * 37) child.kill('SIGKILL');
    }
    await ended;

    const store = open(path);
    assert.ok(store.revision >= Math.max(...revisions));
    for (const [worker, { revision, n }] of acknowledged) {
      const kept = store.get(`/things/w/${worker}`);
      assert.ok(kept && kept.revision >= revision && kept.object.n >= n, `worker ${worker}: write ${n} was acknowledged and is lost`);
    }
    await store.close();
  }
  assert.ok(revisions.size > 300);
});
