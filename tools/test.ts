/**
 * Runs the tests: everything by default; `--unit` only those that need no machine, `--ring` only those that do
 * (real Envoy, kubectl, namespaces), `--nodes` of these the ones that differ by who runs them; `--soak` the long counts.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homedir } from 'node:os';
import { bundledTool, ensureEnvoy, ENVOY_VERSION } from '../src/app/index.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const args = new Set(process.argv.slice(2));

function filesOf(patterns: readonly string[], except: readonly string[] = []): string[] {
  return patterns.flatMap((p) => globSync(p, { cwd: ROOT, exclude: except })).sort();
}

const UNIT = filesOf(['src/**/*.test.ts', 'samples/**/*.test.ts', 'tools/**/*.test.ts', 'test/sim/**/*.test.ts']);
const SOAK = filesOf(['test/soak/**/*.test.ts']);
/** Whatever else there is: no test is left out because nobody named its folder. */
const RING = filesOf(['test/**/*.test.ts'], [...UNIT, ...SOAK]);
/** Nodes and whole instances: users, namespaces and networks are in these. What speaks to servers alone is the same for everybody. */
const NODES = filesOf(['test/{node-net,node-pods,road}/**/*.test.ts']);

interface Options {
  readonly atOnce: number;
  readonly env: NodeJS.ProcessEnv;
  /** For one test. */
  readonly timeoutMs: number;
  /** For all of them: what a test leaves behind may keep the process of its file, which no test's time ends. */
  readonly minutes: number;
}

function run(title: string, files: readonly string[], options: Options): void {
  if (files.length === 0) throw new Error(`${title}: there are no test files`);
  process.stdout.write(`\n== ${title}: ${files.length} files\n`);
  const done = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--test',
      `--test-concurrency=${options.atOnce}`,
      `--test-timeout=${options.timeoutMs}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(ROOT, 'tools/slowest.ts')}`,
      '--test-reporter-destination=stdout',
      ...files,
    ],
    { cwd: ROOT, stdio: 'inherit', env: options.env, timeout: options.minutes * 60_000 },
  );
  if (done.error) process.stderr.write(`${title}: not done within ${options.minutes} minutes\n`);
  if (done.status !== 0) process.exit(done.status ?? 1);
}

const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
const envoy = await ensureEnvoy(process.env, cacheDir, (text) => process.stderr.write(`${text}\n`));
const kubectl = bundledTool('kubectl', cacheDir);
const helm = bundledTool('helm', cacheDir);
process.stdout.write(
  `Envoy ${ENVOY_VERSION} (${envoy.from}), kubectl ${kubectl ? 'bundled' : 'from the PATH'}, helm ${helm ? 'bundled' : 'from the PATH'}, uid ${process.getuid!()}\n`,
);
const env = {
  // As the start of every command sets it.
  NODE_COMPILE_CACHE: join(cacheDir, 'compiled'),
  ...process.env,
  SLUICE_ENVOY: envoy.path,
  PATH: [kubectl && dirname(kubectl), dirname(process.execPath), process.env.PATH].filter(Boolean).join(':'),
};

if (args.has('--soak')) run('soak', SOAK, { atOnce: 1, env, timeoutMs: 3_600_000 * 2, minutes: 360 });
else if (args.has('--nodes')) run('nodes and instances', NODES, { atOnce: 2, env, timeoutMs: 300_000, minutes: 20 });
else {
  if (!args.has('--ring')) run('unit and simulation', UNIT, { atOnce: 2, env, timeoutMs: 60_000, minutes: 10 });
  // Each instance is a machine of its own to what runs in it, and mostly waits: for pods, proxies, the next look at a canary.
  if (!args.has('--unit')) run('real ring', RING, { atOnce: 2, env, timeoutMs: 300_000, minutes: 25 });
}
