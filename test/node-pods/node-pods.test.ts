import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RING = fileURLToPath(new URL('./ring.edge.ts', import.meta.url));
/** Nobody's: an ordinary user without a name, a home or a group of friends. */
const ORDINARY = 61_235;

/** Walks the ring as this user; resolves with what it said, and its exit code. */
async function walk(uid: number | undefined): Promise<{ said: string; code: number | null }> {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const tmp = mkdtempSync(join(tmpdir(), 'ring-'));
  try {
    if (uid !== undefined) chownSync(tmp, uid, uid);
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', RING], {
      env: { ...env, TMPDIR: tmp },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { said: out + err, code: await closed };
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}

const me = process.getuid?.() ?? 0;

for (const uid of me === 0 ? [undefined, ORDINARY] : [undefined]) {
  test(`pods on a real node, as user ${uid ?? me}`, async () => {
    const { said, code } = await walk(uid);
    assert.equal(code, 0, said);
    assert.match(said, /- done/);
  });
}
