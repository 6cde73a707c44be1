import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  Fault,
  isAlive,
  onlyChild,
  processId,
  readPidFile,
  signalProcess,
  sleep,
  systemClock,
  type Log,
  type ProcessId,
} from '../../base/index.ts';
import type { NodeSandbox } from '../net/types.ts';
import { INIT_SCRIPT } from './init.ts';

const PID_FILE = 'node.pid';
const STOP_TIMEOUT_MS = 10_000;

/** Namespaces of the node: the same for root and for an ordinary user, so that both are one case. */
const UNSHARE = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--fork'];

/** Where the files stand that keep the pods' network namespaces, as seen inside the node. */
export function netnsDir(runDir: string): string {
  return join(runDir, 'netns');
}

/**
 * Brings up the namespaces, in a session of their own: nothing in them ends with the caller.
 * Throws `Fault` with what the kernel said when they cannot be made.
 */
export async function startNode(options: { readonly runDir: string; readonly log: Log }): Promise<NodeSandbox> {
  const { runDir, log } = options;
  mkdirSync(netnsDir(runDir), { recursive: true, mode: 0o700 });
  const pidFile = join(runDir, PID_FILE);
  rmSync(pidFile, { force: true });
  const child = spawn('unshare', [...UNSHARE, 'sh', '-c', INIT_SCRIPT, 'sluice-init', pidFile, netnsDir(runDir)], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await readiness(child);
  const init = readPidFile(pidFile);
  if (!init) throw new Fault('NodeNotStarted', 'the node ended right after it started', { hint: 'Run "sluice doctor".' });
  log.info('node started', { pid: init.pid });
  return sandbox(init);
}

/** Resolves when init has said that it is ready; then lets go of it. */
function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void =>
      reject(
        new Fault('NodeNotStarted', `the node's namespaces could not be made: ${why}`, {
          hint: 'Run "sluice doctor": it names what is missing and how to allow it.',
        }),
      );
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.stdout!.once('data', () => {
      child.stdout!.destroy();
      child.stderr!.destroy();
      child.unref();
      resolve();
    });
    child.once('error', (e) => fail(e.message));
    child.once('close', (code) => fail(said.trim() || `exit code ${code}`));
  });
}

/** The node that an earlier control plane left running under `runDir`. */
export function adoptNode(runDir: string): NodeSandbox | undefined {
  const init = readPidFile(join(runDir, PID_FILE));
  return init && sandbox(init);
}

/** Ends the node and with it every process inside. Resolves when they are gone; at once when there is no node. */
export async function stopNode(runDir: string): Promise<void> {
  const init = readPidFile(join(runDir, PID_FILE));
  if (!init) return;
  // The kernel kills a PID namespace with its init and lets init go only when it is empty.
  signalProcess(init, 'SIGKILL');
  const deadline = systemClock.monotonic() + STOP_TIMEOUT_MS;
  while (isAlive(init)) {
    if (systemClock.monotonic() > deadline)
      throw new Fault('NodeNotStopped', `process ${init.pid} does not end`, {
        hint: 'Something in the node waits for a device or a file system; look for state D in "ps".',
      });
    await sleep(systemClock, 10);
  }
  rmSync(join(runDir, PID_FILE), { force: true });
}

function sandbox(init: ProcessId): NodeSandbox {
  const into = ['-t', String(init.pid), '-U', '-m', '-n', '-p', '--preserve-credentials', '--'];
  return {
    initPid: init.pid,
    enter(command, args, options = {}) {
      const { cwd, ...rest } = options;
      // Entering a mount namespace leaves the working directory behind.
      const run = cwd === undefined ? [command, ...args] : ['sh', '-c', 'cd "$0" && exec "$@"', String(cwd), command, ...args];
      return spawn('nsenter', [...into, ...run], rest);
    },
    signal(child, signal) {
      const inside = child.pid === undefined ? undefined : insideOf(child.pid);
      return inside !== undefined && signalProcess(inside, signal);
    },
  };
}

/** The process that an `nsenter` waits for. */
export function insideOf(nsenter: number): ProcessId | undefined {
  const pid = onlyChild(nsenter);
  return pid === undefined ? undefined : processId(pid);
}
