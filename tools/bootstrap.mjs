// Written for Node 20, plain JavaScript: it runs before anything is installed. It sees to the packages and to a Node
// that is new enough, says what it does, and then starts the program proper.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_WANTED = '24.21.0';
const NODE_MAJOR = 24;

const say = (text) => process.stderr.write(`sluice: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function cacheDir() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
}

function npm(args, what) {
  const started = Date.now();
  say(`${what} ...`);
  const quiet = ['--no-fund', '--no-audit', '--loglevel=error'];
  const done = spawnSync('npm', [...args, ...quiet], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.error) fail(`npm could not be started (${done.error.message}). Install npm, which comes with Node.js, and try again.`);
  if (done.status !== 0) fail(`"npm ${args.join(' ')}" failed. Its message is above; check that npm reaches its registry, then try again.`);
  say(`${what}: done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Installs the packages of the lock file, unless just these are there already. */
function ensurePackages() {
  const lock = join(ROOT, 'package-lock.json');
  if (!existsSync(lock)) return; // Installed as a package: npm has brought everything.
  const wanted = createHash('sha256').update(readFileSync(lock)).digest('hex');
  const stamp = join(ROOT, 'node_modules', '.sluice-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  npm(['ci'], 'installing the packages of package-lock.json');
  writeFileSync(stamp, wanted);
}

/** The path of a Node that is new enough: the one that runs, a cached one, or one brought in through npm. */
function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  if (process.platform !== 'linux') fail('Sluice runs on Linux.');
  const arch = { x64: 'x64', arm64: 'arm64' }[process.arch];
  if (!arch) fail(`there is no packaged Node for ${process.arch}; install Node ${NODE_MAJOR} or newer and try again.`);
  const home = join(cacheDir(), `node-${NODE_WANTED}`);
  const binary = join(home, 'node_modules', `node-linux-${arch}`, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const staging = `${home}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  npm(
    ['install', '--prefix', staging, '--no-save', '--ignore-scripts', `node-linux-${arch}@${NODE_WANTED}`],
    `this is Node ${process.versions.node}; bringing in Node ${NODE_WANTED}`,
  );
  try {
    renameSync(staging, home);
  } catch (error) {
    if (!existsSync(binary)) throw error; // Somebody else was first, and that is as good.
    rmSync(staging, { recursive: true, force: true });
  }
  return binary;
}

/** Runs a script of the project with its arguments on a new enough Node and ends with its exit status. */
export function run(script, args) {
  const node = ensureNode();
  ensurePackages();
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
