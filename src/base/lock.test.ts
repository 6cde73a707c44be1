import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tryLock } from './lock.edge.ts';

const HOLDER = `
  const { tryLock } = await import(process.argv[1]);
  tryLock(process.argv[2], 'the other');
  process.stdout.write('held');
  setInterval(() => {}, 1000);
`;

test('one holder at a time; a killed holder holds nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lock-'));
  try {
    const path = join(dir, 'lock');
    const mine = tryLock(path, 'me, first');
    assert.ok('release' in mine);
    assert.deepEqual(tryLock(path, 'me, again'), { heldBy: 'me, first' });
    mine.release();

    const other = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, new URL('./lock.edge.ts', import.meta.url).href, path], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(other.stdout, 'data');
    assert.deepEqual(tryLock(path, 'me'), { heldBy: 'the other' });
    other.kill('SIGKILL');
    await once(other, 'exit');
    const again = tryLock(path, 'me');
    assert.ok('release' in again);
    again.release();
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a lock in a directory that was removed keeps nobody from the new one', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lock-'));
  const path = join(dir, 'lock');
  try {
    const old = tryLock(path, 'old');
    rmSync(path);
    const fresh = tryLock(path, 'new');
    assert.ok('release' in fresh && 'release' in old);
    assert.deepEqual(tryLock(path, 'third'), { heldBy: 'new' });
    old.release();
    fresh.release();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
