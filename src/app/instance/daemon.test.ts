import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lineWriter } from './daemon.edge.ts';

test('a log goes on where it was, and is put aside under another name when it is long', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'log-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'below', 'log');
  lineWriter(path)('first\n');
  const write = lineWriter(path);
  write('second\n');
  assert.equal(readFileSync(path, 'utf8'), 'first\nsecond\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const long = `${'x'.repeat(2 ** 20)}\n`;
  for (let i = 0; i < 40; i++) write(long);
  write('last\n');
  assert.deepEqual(readdirSync(join(dir, 'below')).sort(), ['log', 'log.old']);
  assert.ok(readFileSync(path, 'utf8').endsWith('last\n'));
  assert.ok(statSync(path).size + statSync(`${path}.old`).size < 34 * 2 ** 20, 'bounded, however much is written');
});
