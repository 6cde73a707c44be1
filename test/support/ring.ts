/** Walks a ring: a test that takes a process of its own, because it makes namespaces. CI walks it as root and as an ordinary user. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 120_000;

export interface Ring {
  readonly title: string;
  /** The program that walks. */
  readonly program: URL;
  /** Files it is given as arguments. */
  readonly files?: readonly string[];
  /** What it says when it came to its end. */
  readonly last: RegExp;
}

export function walkRing(ring: Ring): void {
  test(`${ring.title}, as user ${process.getuid!()}`, async () => {
    const { said, code } = await walk(ring);
    assert.equal(code, 0, said);
    assert.match(said, ring.last);
  });
}

async function walk({ program, files = [] }: Ring): Promise<{ said: string; code: number | null }> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const tmp = mkdtempSync(join(tmpdir(), 'ring-'));
  try {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(program), ...files], {
      env: { ...env, TMPDIR: tmp },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { said: out + err, code: await closed };
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}
