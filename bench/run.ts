/** Runs every benchmark, or those named: `npm run bench -- bring-up`. Each prints JSON lines to standard output. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const all = globSync('*.ts', { cwd: HERE })
  .map((f) => basename(f, '.ts'))
  .filter((f) => f !== 'run')
  .sort();
const named = process.argv.slice(2);
const unknown = named.filter((n) => !all.includes(n));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark is called ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
  process.exit(1);
}
for (const name of named.length > 0 ? named : all) {
  process.stderr.write(`== ${name}\n`);
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(HERE, `${name}.ts`)], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(done.status ?? 1);
}
