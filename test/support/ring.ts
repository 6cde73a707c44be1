/** Walks a ring - a test that takes a process of its own, because it makes namespaces - as this user and as an ordinary one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Nobody's: an ordinary user without a name, a home or a group of friends. */
const ORDINARY = 61_234;
const TIMEOUT_MS = 120_000;

export interface Ring {
  readonly title: string;
  /** The program that walks. */
  readonly program: URL;
  /** Files it is given as arguments; each user gets them where it may read them. */
  readonly files?: readonly string[];
  /** What it says when it came to its end. */
  readonly last: RegExp;
}

/** One test a user: this one and, as root, one who is not. */
export function walkAs(ring: Ring): void {
  const me = process.getuid!();
  for (const uid of me === 0 ? [undefined, ORDINARY] : [undefined]) {
    test(`${ring.title}, as user ${uid ?? me}`, async () => {
      const { said, code } = await walk(ring, uid);
      assert.equal(code, 0, said);
      assert.match(said, ring.last);
    });
  }
}

async function walk({ program, files = [] }: Ring, uid: number | undefined): Promise<{ said: string; code: number | null }> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const tmp = mkdtempSync(join(tmpdir(), 'ring-'));
  try {
    if (uid !== undefined) chownSync(tmp, uid, uid);
    const args = uid === undefined ? files : files.map((file) => copyFor(tmp, file));
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(program), ...args], {
      env: { ...env, TMPDIR: tmp },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { said: out + err, code: await closed };
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}

/** Root's caches are closed to others. */
function copyFor(dir: string, file: string): string {
  const copy = join(dir, basename(file));
  copyFileSync(file, copy);
  chmodSync(copy, 0o755);
  return copy;
}
