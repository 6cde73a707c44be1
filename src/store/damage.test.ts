/** What a store says of files that are not as it left them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { Fault, seededRng, below } from '../base/index.ts';
import { backUpStore, restoreStore, verifyStore } from './backup.edge.ts';
import { encodePreamble, HEADER_BYTES } from './format.ts';
import { openStore } from './journal.edge.ts';
import type { Store } from './types.ts';

interface Thing {
  n: number;
  text?: string;
}

const root = mkdtempSync(join(tmpdir(), 'sluice-damage-'));
after(() => rmSync(root, { recursive: true, force: true }));
let dirs = 0;
const fresh = (): string => join(root, String(++dirs));
const copyOf = (dir: string): string => {
  const copy = fresh();
  cpSync(dir, copy, { recursive: true });
  return copy;
};
const open = (path: string, journalBytes?: number, notice?: (text: string) => void): Store<Thing> =>
  openStore<Thing>({ path, journalBytes, notice });
const fault = (code: string) => (error: unknown) => error instanceof Fault && error.code === code && error.hint !== undefined;
const shown = (store: Store<Thing>): string[] =>
  store.list('/things/').items.map(({ key, revision, object }) => `${key}@${revision}=${object.n}`);
const journal = (dir: string): string => join(dir, '000001.journal');

/** A store of eight commits, and how long its journal was after each of them. */
async function written(): Promise<{ dir: string; lengths: number[]; states: string[][] }> {
  const dir = fresh();
  const store = open(dir);
  const lengths = [statSync(journal(dir)).size];
  const states: string[][] = [[]];
  for (let n = 1; n <= 8; n++) {
    const old = store.get(`/things/a/${n % 3}`);
    const object = { n, text: 'x'.repeat(n * 150) };
    if (n === 7) await store.delete(old!.key, old!.revision);
    else await (old ? store.update(old.key, object, old.revision) : store.create(`/things/a/${n % 3}`, object));
    lengths.push(statSync(journal(dir)).size);
    states.push(shown(store));
  }
  await store.close();
  return { dir, lengths, states };
}

test('a commit that was cut short is dropped, and nothing that was acknowledged before it', async () => {
  const { dir, lengths, states } = await written();
  const size = lengths.at(-1)!;
  const anywhere = Array.from({ length: Math.ceil(size / 41) }, (_, i) => i * 41);
  const sectors = Array.from({ length: Math.ceil(size / 512) }, (_, i) => i * 512);
  for (const cut of [...anywhere, ...sectors, ...lengths]) {
    // Beyond what is on the disk there are whole sectors of nothing, not parts of them.
    for (const zeros of cut % 512 === 0 || lengths.includes(cut) ? [0, 512 - (cut % 512), 1000] : [0]) {
      const copy = copyOf(dir);
      truncateSync(journal(copy), cut);
      // After a power cut a file may have got its new length, and not what was written there.
      if (zeros > 0) truncateSync(journal(copy), cut + zeros);
      const notices: string[] = [];
      const store = open(copy, undefined, (text) => notices.push(text));
      const whole = lengths.findLastIndex((length) => length <= cut);
      assert.deepEqual(shown(store), states[Math.max(0, whole)], `cut at ${cut}`);
      assert.equal(notices.length > 0, zeros > 0 || (cut > 0 && !lengths.includes(cut)), `cut at ${cut}: ${notices.join()}`);
      const { revision } = await store.create('/things/b/new', { n: 0 });
      await store.close();
      const again = open(copy);
      assert.equal(again.get('/things/b/new')?.revision, revision);
      await again.close();
    }
  }
});

test('a bit that has changed anywhere is said, and what was written is never taken for something else', async () => {
  const { dir } = await written();
  const whole = readFileSync(journal(dir));
  const copy = copyOf(dir);
  const rng = seededRng(3);
  for (let at = 0; at < whole.length; at += 1 + below(rng, 9)) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << below(rng, 8);
    writeFileSync(journal(copy), bytes);
    assert.throws(() => open(copy), fault('StoreDamaged'), `byte ${at}`);
    assert.throws(() => verifyStore(copy), fault('StoreDamaged'), `byte ${at}`);
  }
  writeFileSync(journal(copy), whole);
  assert.deepEqual(verifyStore(copy), { objects: 2, revision: 8 }, 'the damage is in the file, not in the directory');
});

test('pages of zeros in the middle, a missing file and a file from the future are said', async () => {
  const dir = fresh();
  const store = open(dir, 2000);
  for (let n = 0; n < 30; n++) await store.create(`/things/a/${n}`, { n, text: 'x'.repeat(300) });
  await store.close();
  const names = readdirSync(dir).filter((name) => name !== 'lock');
  const snapshot = names.find((name) => name.endsWith('.snapshot'))!;
  const number = snapshot.slice(0, 6);
  assert.deepEqual(names.sort(), [`${number}.journal`, snapshot], 'what a snapshot replaces is gone');
  const table: [string, (copy: string) => void, string][] = [
    ['zeros', (copy) => writeFileSync(join(copy, snapshot), readFileSync(join(copy, snapshot)).fill(0, 1024, 1536)), 'StoreDamaged'],
    ['a snapshot cut off', (copy) => truncateSync(join(copy, snapshot), 2000), 'StoreDamaged'],
    [
      'a snapshot without its end',
      (copy) => truncateSync(join(copy, snapshot), statSync(join(copy, snapshot)).size - HEADER_BYTES),
      'StoreDamaged',
    ],
    ['no snapshot', (copy) => rmSync(join(copy, snapshot)), 'StoreDamaged'],
    ["another store's journal", (copy) => writeFileSync(join(copy, `${number}.journal`), encodePreamble('journal', 5)), 'StoreDamaged'],
    ['the future', (copy) => writeFileSync(join(copy, `${number}.journal`), encodePreamble('journal', 0, 3)), 'StoreFormat'],
  ];
  for (const [name, damage, code] of table) {
    const copy = copyOf(dir);
    damage(copy);
    assert.throws(() => open(copy), fault(code), name);
  }
});

test('one opener at a time, and for its owner alone', async () => {
  const dir = fresh();
  mkdirSync(dir);
  writeFileSync(journal(dir), '');
  chmodSync(journal(dir), 0o644);
  const store = open(dir);
  assert.throws(
    () => open(dir),
    (error) => fault('StoreInUse')(error) && String(error).includes(`pid ${process.pid}`),
  );
  await assert.rejects(async () => restoreStore(dir, join(root, 'none'), { force: true }), fault('BackupUnusable'));
  await store.create('/things/a/a', { n: 1 });
  for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);
  await store.close();
  await open(dir).close();
});

/** Writes without pause and says what was acknowledged. */
const WRITER = `
import { openStore } from ${JSON.stringify(new URL('./journal.edge.ts', import.meta.url).href)};
const store = openStore({ path: process.argv[1], journalBytes: 20000 });
for (let n = 1; ; n++) {
  const key = '/things/w/' + n % 50;
  const old = store.get(key);
  await (old ? store.update(key, { n }, old.revision) : store.create(key, { n }));
  process.stdout.write(n + '\\n');
}
`;

test(
  'a backup of a store that is being written holds all that was acknowledged before it, and nothing out of turn',
  { timeout: 60_000 },
  async () => {
    const dir = fresh();
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let acknowledged = 0;
    const lines = createInterface({ input: child.stdout }).on('line', (line) => (acknowledged = Number(line)));
    const backups: [string, number, number][] = [];
    while (backups.length < 25) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (acknowledged === 0) continue;
      const before = acknowledged;
      const file = join(root, `live-${backups.length}`);
      const { revision } = await backUpStore(dir, file);
      backups.push([file, before, revision]);
    }
    child.kill('SIGKILL');
    await ended;
    lines.close();
    for (const [file, before, revision] of backups) {
      assert.ok(revision >= before, `write ${before} was acknowledged, the backup ends at ${revision}`);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const to = fresh();
      await restoreStore(to, file, { force: false });
      const store = open(to);
      // Write n had revision n and key n % 50, so that a moment of the store is the last 50 writes.
      const numbers = store.list('/things/').items.map((item) => item.object.n);
      const count = Math.min(50, revision);
      assert.deepEqual(
        numbers.sort((a, b) => a - b),
        Array.from({ length: count }, (_, i) => revision - count + 1 + i),
      );
      await store.close();
    }
  },
);

test('a restored store goes on above the revisions of both, and keeps what it replaced', async () => {
  const dir = fresh();
  let store = open(dir);
  const a = await store.create('/things/a/a', { n: 1 });
  const file = join(root, 'backup');
  const told: number[] = [];
  assert.deepEqual(await backUpStore(dir, file, (done) => told.push(done)).then(({ objects, revision }) => ({ objects, revision })), {
    objects: 1,
    revision: 1,
  });
  assert.deepEqual(told, [1]);
  for (let n = 2; n < 6; n++) await store.update('/things/a/a', { n }, n === 2 ? a.revision : n - 1);
  await assert.rejects(restoreStore(dir, file, { force: true }), fault('StoreInUse'));
  await store.close();

  await assert.rejects(restoreStore(dir, file, { force: false }), fault('StoreExists'));
  const { kept } = await restoreStore(dir, file, { force: true });
  store = open(dir);
  assert.deepEqual(shown(store), ['/things/a/a@1=1']);
  assert.ok(store.revision > 5);
  assert.throws(() => store.watch('/things/', 5), /too old/, 'a client of what was before lists again');
  assert.equal((await store.create('/things/a/b', { n: 9 })).revision, store.revision);
  await store.close();
  assert.deepEqual(verifyStore(kept!), { objects: 1, revision: 5 });

  // Damage does not stand in the way of what mends it, and the revisions behind the damage count.
  const copy = fresh();
  mkdirSync(copy);
  copyFileSync(journal(kept!), journal(copy));
  const bytes = readFileSync(journal(copy));
  bytes[HEADER_BYTES + 60]! ^= 1;
  writeFileSync(journal(copy), bytes);
  assert.throws(() => open(copy), fault('StoreDamaged'));
  await restoreStore(copy, file, { force: true });
  store = open(copy);
  assert.deepEqual(shown(store), ['/things/a/a@1=1']);
  assert.ok(store.revision > 5);
  await store.close();

  for (const [name, content] of [
    ['nothing', ''],
    ['a text', 'apiVersion: v1\nkind: ConfigMap\n'.repeat(20)],
    ['half of it', readFileSync(file).subarray(0, -40)],
    ['a journal', readFileSync(journal(kept!))],
  ] as const) {
    const wrong = join(root, 'wrong');
    writeFileSync(wrong, content);
    await assert.rejects(restoreStore(dir, wrong, { force: true }), fault('BackupUnusable'), name);
  }
  await assert.rejects(backUpStore(join(root, 'nowhere'), file), fault('StoreMissing'));
  await assert.rejects(backUpStore(dir, join(root, 'no', 'such', 'directory')), fault('BackupFailed'));
});
