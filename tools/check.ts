/** What is checked without running the program: types, lint, format, unused code. Ends with 1 when anything is wrong. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CODE = ['src', 'samples', 'tools', 'test', 'bench', 'bin'];
const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ['tsc', ['-p', '.']],
  ['oxlint', ['--type-aware', '--deny-warnings', '--quiet', ...CODE]],
  ['oxfmt', ['--check', ...CODE]],
  ['knip', ['--no-progress']],
];

let failed = 0;
for (const [tool, args] of CHECKS) {
  const started = performance.now();
  const done = spawnSync(join(ROOT, 'node_modules', '.bin', tool), args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  });
  const ok = done.status === 0;
  if (!ok) failed++;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${tool} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  if (!ok) process.stdout.write(`${done.stdout}${done.stderr}\n`);
}
process.exit(failed === 0 ? 0 : 1);
