import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, Fault, isAlive, type Log, messageOf, processId, type ProcessId, signalProcess, sleep } from '../../base/index.ts';
import type { PodNetworks } from '../net/types.ts';
import type { ContainerPlan } from '../plan/types.ts';
import { followLogFile } from './log-file.edge.ts';
import { lockedFlags, parseMountinfo, withoutLinks } from './mounts.ts';
import { openPty } from './pty.edge.ts';
import { fstab, processWords, setupScript, SHIM_SCRIPT, TERMINAL_SCRIPT, type Bind, type ProcessContext } from './scripts.ts';
import type { Template } from './template.edge.ts';
import { StartError, type ContainerRef, type ContainerRuntime, type Inspection, type PodSetting } from './types.ts';
import { materialize, unmountVolume } from './volumes.edge.ts';

/** How long the root of a container may take to put together. */
const START_TIMEOUT_MS = 15_000;
const START_POLL_MS = 3;
/** How often running containers are looked at, beside the notices of the file system. */
const LIVENESS_POLL_MS = 1000;
const { SIGTERM } = constants.signals;
/** What a shell reports of a process that nobody waited for. */
const LOST_EXIT_CODE = 255;
/** The environment of the shims; containers have their own. */
const SHIM_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

export interface RuntimeOptions {
  /** Holds one directory a pod, named by its uid; outlives the agent and the node. */
  readonly podsDir: string;
  readonly template: Template;
  readonly networks: Pick<PodNetworks, 'within'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What this implementation tells beside the port. */
export interface Containers extends ContainerRuntime {
  /** Where the files of an attempt are. */
  directory(ref: ContainerRef): string;
  /** PID 1 of the container, in the node's PID namespace. */
  initPid(ref: ContainerRef): number | undefined;
}

/** Containers as processes in namespaces; all that is known of them is in files and in the processes themselves. */
export function containerRuntime(options: RuntimeOptions): Containers {
  const { podsDir, template, networks, clock, log, signal } = options;
  mkdirSync(podsDir, { recursive: true, mode: 0o700 });
  const watched = new Map<string, () => void>();

  const podDir = (uid: string): string => join(podsDir, uid);
  const volumesDir = (uid: string): string => join(podDir(uid), 'volumes');
  const attemptsDir = (uid: string, container: string): string => join(podDir(uid), 'containers', container);
  const directory = (ref: ContainerRef): string => join(attemptsDir(ref.uid, ref.container), String(ref.attempt));

  function inspect(ref: ContainerRef): Inspection {
    const dir = directory(ref);
    const startedAt = timeOf(join(dir, 'started'));
    if (startedAt === undefined) return { state: 'absent' };
    const exit = readText(join(dir, 'exit'));
    if (exit !== undefined) return { state: 'exited', startedAt, finishedAt: timeOf(join(dir, 'exit'))!, exitCode: Number(exit) };
    const init = initOf(dir);
    const shim = shimOf(dir);
    if ((init && isAlive(init)) || (shim && isAlive(shim))) return { state: 'running', startedAt };
    const late = readText(join(dir, 'exit'));
    if (late !== undefined) return { state: 'exited', startedAt, finishedAt: timeOf(join(dir, 'exit'))!, exitCode: Number(late) };
    const message = 'The container ended while nobody could take its exit code (its shim or the node was killed).';
    return { state: 'exited', startedAt, finishedAt: clock.now(), exitCode: LOST_EXIT_CODE, message, lost: true };
  }

  async function start(ref: ContainerRef, plan: ContainerPlan, pod: PodSetting, beside?: ContainerRef): Promise<void> {
    const neighbour = beside && initOf(directory(beside));
    if (beside && !(neighbour && isAlive(neighbour))) throw new StartError(`container ${beside.container} is not running`);
    const dir = directory(ref);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    try {
      writeAttempt(dir, ref.uid, plan, pod);
    } catch (error) {
      throw new StartError(messageOf(error));
    }
    // What is typed into a terminal is for its far end alone: a second reader of the FIFO would take every other line.
    const stdin = plan.terminal ? 'none' : plan.stdin;
    const child = networks.within(ref.uid, () =>
      spawn('sh', ['-c', SHIM_SCRIPT, 'sluice-shim', stdin, ...(neighbour ? [String(neighbour.pid)] : [])], {
        cwd: dir,
        env: SHIM_ENV,
        detached: true,
        stdio: 'ignore',
      }),
    );
    child.on('error', (error) => log.error('a shim could not be started', { error: error.message }));
    child.unref();
    const shim = child.pid === undefined ? undefined : processId(child.pid);
    if (shim) writeFileSync(join(dir, 'shim'), `${shim.pid} ${shim.startTime}\n`);
    let letGo: (() => void) | undefined;
    try {
      const deadline = clock.monotonic() + START_TIMEOUT_MS;
      while (!readText(join(dir, 'started'))) {
        if (existsSync(join(dir, 'exit')) || clock.monotonic() > deadline || child.pid === undefined) {
          const why =
            readText(join(dir, 'setup.err'))?.trim() || readText(join(dir, 'log'))?.trim() || 'its namespaces took too long to set up';
          signalInit(dir, 'SIGKILL');
          throw new StartError(why.slice(0, 1000));
        }
        if (plan.terminal && readText(join(dir, 'rooted'))) letGo ??= openTerminal(dir);
        await sleep(clock, START_POLL_MS);
      }
      // Whoever ends the container from now on is heard.
      while (inspect(ref).state === 'running' && !catchesTerm(dir) && clock.monotonic() < deadline) await sleep(clock, START_POLL_MS);
    } finally {
      letGo?.();
    }
  }

  function writeAttempt(dir: string, uid: string, plan: ContainerPlan, pod: PodSetting): void {
    const sources = new Map(pod.volumes.map((v) => [v.name, materialize(volumesDir(uid), v)]));
    const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
    const root = join(dir, 'root');
    const binds: Bind[] = [];
    const at = (path: string): string => withoutLinks(path, template.links);
    const bind = (source: string, path: string, readOnly: boolean): void => {
      const real = realpathSync(source);
      const target = at(path);
      placeTarget(root, target, statSync(real).isDirectory());
      binds.push({ source: real, target, readOnly, flags: lockedFlags(mounts, real) });
    };
    mkdirSync(root, { recursive: true, mode: 0o755 });
    for (const m of plan.imageMounts) {
      if (m.createDirectory) mkdirSync(m.source, { recursive: true, mode: 0o700 });
      if (!existsSync(m.source)) throw new Fault('ImageFileMissing', `image "${plan.image}" needs ${m.source}, which does not exist`);
      bind(m.source, m.target, m.readOnly !== false);
    }
    for (const m of plan.volumeMounts) {
      const source = join(sources.get(m.volume)!, m.subPath);
      if (m.subPath && !existsSync(source)) mkdirSync(source, { recursive: true });
      const files = pod.volumes.find((v) => v.name === m.volume)?.kind === 'files';
      bind(source, m.target, m.readOnly || files);
    }
    const etc = { '/etc/hosts': pod.hosts, '/etc/hostname': `${pod.hostname}\n`, '/etc/resolv.conf': pod.resolvConf };
    for (const [path, text] of Object.entries({ ...etc, ...plan.files })) {
      mkdirSync(dirname(join(root, at(path))), { recursive: true, mode: 0o755 });
      writeFileSync(join(root, at(path)), text, { mode: 0o644 });
    }
    mkdirSync(join(root, at(plan.workingDir)), { recursive: true, mode: 0o755 });
    const context: ProcessContext = { env: plan.env, capabilities: plan.capabilities, noNewPrivileges: plan.noNewPrivileges };
    writeFileSync(join(dir, 'fstab'), fstab(template.paths, template.mounts, binds));
    writeFileSync(join(dir, 'setup'), setupScript({ ...plan, ...context, paths: template.paths, hostname: pod.hostname }), { mode: 0o600 });
    writeFileSync(join(dir, 'process.json'), JSON.stringify({ ...context, workingDir: plan.workingDir }), { mode: 0o600 });
    const fifos = [...(plan.stdin === 'none' ? [] : ['stdin']), ...(plan.terminal ? ['opened'] : [])];
    if (fifos.length > 0) execFileSync('mkfifo', ['-m', '600', ...fifos], { cwd: dir });
  }

  function signalInit(dir: string, name: 'SIGTERM' | 'SIGKILL'): boolean {
    const init = initOf(dir);
    return init !== undefined && signalProcess(init, name);
  }

  const poll = (): void => {
    for (const check of watched.values()) check();
    if (!signal.aborted) clock.after(LIVENESS_POLL_MS, poll);
  };
  clock.after(LIVENESS_POLL_MS, poll);

  return {
    directory,
    initPid: (ref) => initOf(directory(ref))?.pid,
    start,
    inspect,

    watch(ref, ended) {
      const dir = directory(ref);
      if (!existsSync(dir)) {
        queueMicrotask(ended);
        return () => {};
      }
      const log = followLogFile(dir, clock);
      const watcher = watch(dir, (_event, file) => {
        if (file === 'exit') check();
        if (file === 'log') log.grew();
      });
      const stop = (): void => {
        watched.delete(dir);
        watcher.close();
        log.stop();
      };
      const check = (): void => {
        if (inspect(ref).state === 'running') return log.grew();
        if (!watched.has(dir)) return;
        log.grew();
        stop();
        ended();
      };
      watcher.on('error', stop);
      watched.set(dir, check);
      queueMicrotask(check);
      return stop;
    },

    signal: (ref, name) => signalInit(directory(ref), name),

    exec(ref, argv, { stdio, tty = false, env = [] }) {
      const dir = directory(ref);
      const init = initOf(dir);
      if (!init || !isAlive(init)) throw new Fault('ContainerNotRunning', `container ${ref.container} is not running`);
      const saved = JSON.parse(readFileSync(join(dir, 'process.json'), 'utf8')) as ProcessContext & { workingDir: string };
      const inside = processWords({ ...saved, env: [...saved.env, ...env] }, argv);
      const enter = ['nsenter', '--target', String(init.pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--'];
      // The directory is that of the container; a shell inside goes there, since it may not exist outside.
      // A terminal's session begins inside, where its number means something: shells with job control ask for it.
      const session = tty ? ['setsid', '--ctty', '--wait'] : [];
      const [command, ...args] = [...enter, ...session, 'sh', '-c', 'cd "$0" && exec "$@"', saved.workingDir, ...inside];
      return spawn(command!, args, { cwd: '/', env: SHIM_ENV, stdio, detached: !tty });
    },

    syncVolumes(uid, volumes) {
      for (const v of volumes) if (v.kind === 'files') materialize(volumesDir(uid), v);
    },

    prune(uid, container, keep) {
      for (const name of list(attemptsDir(uid, container))) {
        if (Number(name) < keep) rmSync(join(attemptsDir(uid, container), name), { recursive: true, force: true });
      }
    },

    async remove(uid) {
      const containers = join(podDir(uid), 'containers');
      const dirs = list(containers).flatMap((c) => list(join(containers, c)).map((a) => join(containers, c, a)));
      for (const dir of dirs) {
        watched.delete(dir);
        signalInit(dir, 'SIGKILL');
      }
      // The shims write into these directories until their containers are gone.
      const deadline = clock.monotonic() + START_TIMEOUT_MS;
      const busy = (dir: string): boolean => [initOf(dir), shimOf(dir)].some((p) => p !== undefined && isAlive(p));
      while (dirs.some(busy) && clock.monotonic() < deadline) await sleep(clock, 10);
      for (const name of list(volumesDir(uid))) unmountVolume(join(volumesDir(uid), name));
      rmSync(podDir(uid), { recursive: true, force: true });
    },

    pods: () => list(podsDir),
  };
}

/** The container's PID 1 as the node sees it, from what it wrote of itself. */
function initOf(dir: string): ProcessId | undefined {
  const stat = readText(join(dir, 'init'));
  if (!stat?.endsWith('\n')) return undefined;
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return startTime === undefined ? undefined : { pid: parseInt(stat, 10), startTime };
}

/**
 * Opens the far end of the container's terminal for a process that outlives this one. Returns what closes this one's own ends, which is
 * for when the container has the terminal open: before, its far end would find that nobody is there.
 */
function openTerminal(dir: string): () => void {
  const init = `/proc/${initOf(dir)!.pid}`;
  const pty = openPty(`${init}/root`);
  // What its setup has as stderr is the pipe to the log: so the log is complete only when the terminal has said all.
  const output = openSync(`${init}/fd/4`, 'w');
  spawn('sh', ['-c', TERMINAL_SCRIPT], {
    cwd: dir,
    env: SHIM_ENV,
    detached: true,
    stdio: ['ignore', output, 'ignore', pty.master],
  }).unref();
  closeSync(output);
  closeSync(pty.master);
  writeFileSync(join(dir, 'opened'), 'opened\n');
  return () => closeSync(pty.slave);
}

/** Whether PID 1 of the container has set its traps: until then the kernel drops a SIGTERM that is sent to it (pid_namespaces(7)). */
function catchesTerm(dir: string): boolean {
  const init = initOf(dir);
  const caught = init && /^SigCgt:\s*([0-9a-f]+)$/m.exec(readText(`/proc/${init.pid}/status`) ?? '')?.[1];
  return caught !== undefined && (BigInt(`0x${caught}`) >> BigInt(SIGTERM - 1)) % 2n === 1n;
}

function shimOf(dir: string): ProcessId | undefined {
  const m = /^(\d+) (\d+)\n$/.exec(readText(join(dir, 'shim')) ?? '');
  return m ? { pid: Number(m[1]), startTime: m[2]! } : undefined;
}

/** Makes the mount point of `target` in the files that are copied into the root. */
function placeTarget(root: string, target: string, directory: boolean): void {
  const path = join(root, target);
  mkdirSync(directory ? path : dirname(path), { recursive: true, mode: 0o755 });
  if (!directory && !existsSync(path)) closeSync(openSync(path, 'w'));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function timeOf(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
