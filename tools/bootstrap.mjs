// Written for Node 20, plain JavaScript: it runs before anything is installed. It sees to the packages and to a Node
// that is new enough, says what it does, and then starts the program proper.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_WANTED = '24.21.0';
const NODE_MAJOR = 24;
/** How often somebody who waits is told how long it has been. */
const TELL_MS = 10_000;

const say = (text) => process.stderr.write(`sluice: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function cacheDir() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
}

/** Runs npm; says now and then that it is still at it. */
async function npm(args, what, undo = () => {}) {
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  say(`${what} ...`);
  const telling = setInterval(() => say(`... ${seconds()} s so far`), TELL_MS);
  const quiet = ['--no-fund', '--no-audit', '--no-update-notifier', '--loglevel=error', '--fetch-retry-maxtimeout=15000'];
  const child = spawn('npm', [...args, ...quiet], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const status = await new Promise((resolve) => {
    child.on('error', (error) =>
      fail(`npm could not be started (${error.message}). Install npm, which comes with Node.js, and try again.`),
    );
    child.on('exit', resolve);
  });
  clearInterval(telling);
  if (status === 0) return say(`... done in ${seconds()} s`);
  undo();
  fail(`"npm ${args.join(' ')}" failed; its message is above. Check that npm reaches its registry (npm ping), then try again.`);
}

/** Installs the packages of the lock file, unless just these are there already. */
async function ensurePackages() {
  const lock = join(ROOT, 'package-lock.json');
  if (!existsSync(lock)) return; // Installed as a package: npm has brought everything.
  const wanted = createHash('sha256').update(readFileSync(lock)).digest('hex');
  const stamp = join(ROOT, 'node_modules', '.sluice-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await npm(['ci'], 'installing the packages of package-lock.json (once)');
  writeFileSync(stamp, wanted);
}

/** The path of a Node that is new enough: the one that runs, a cached one, or one brought in through npm. */
async function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  if (process.platform !== 'linux') fail('Sluice runs on Linux.');
  const arch = { x64: 'x64', arm64: 'arm64' }[process.arch];
  if (!arch) fail(`there is no packaged Node for ${process.arch}; install Node ${NODE_MAJOR} or newer and try again.`);
  const home = join(cacheDir(), `node-${NODE_WANTED}`);
  const binary = join(home, 'node_modules', `node-linux-${arch}`, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const staging = `${home}.${process.pid}`;
  try {
    mkdirSync(staging, { recursive: true });
  } catch (error) {
    fail(`${staging} cannot be made (${error.message}). Set XDG_CACHE_HOME to a directory of your own, or install Node ${NODE_MAJOR}.`);
  }
  await npm(
    ['install', '--prefix', staging, '--no-save', '--ignore-scripts', `node-linux-${arch}@${NODE_WANTED}`],
    `this is Node ${process.versions.node}; installing Node ${NODE_WANTED} through npm (once)`,
    () => rmSync(staging, { recursive: true, force: true }),
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
export async function run(script, args) {
  const node = await ensureNode();
  await ensurePackages();
  // What Node makes of our TypeScript is kept: read anew, it costs every command and every process of an instance a second.
  const env = { NODE_COMPILE_CACHE: join(cacheDir(), 'compiled'), ...process.env };
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the child as well; a second one would count as impatience.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}
