/** Long-lived processes of an instance: started apart from the terminal, found again by pid file. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { isAlive, processId, signalProcess, sleep, systemClock, writePidFile, type ProcessId } from '../../base/index.ts';

/** A log longer than this is put aside: at the next start of its process, or when this one writes on. */
const MAX_LOG_BYTES = 16 * 2 ** 20;

/** When a process has read and run most of its program. */
const STARTED_MS = 5_000;

/** For a process that may be killed: keeps what Node has compiled for the next one; by itself Node does so at a proper end only. */
export function keepCompiled(): void {
  setTimeout(flushCompileCache, STARTED_MS).unref();
}

/** A log for a process that is about to start, to append to; what earlier ones wrote is kept up to a limit. */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // One old log is kept: enough to look back, and no more than twice the limit on disk.
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, 'a', 0o600);
}

/** Writes lines to a log as long as this process lives, for others to follow by its name. */
export function lineWriter(path: string): (line: string) => void {
  let fd = openLog(path);
  return (line) => {
    writeSync(fd, line);
    if (fstatSync(fd).size <= MAX_LOG_BYTES) return;
    closeSync(fd);
    fd = openLog(path);
  };
}

/** Starts a process that outlives this one; its output is appended to `log`. */
export function startDaemon(
  file: string,
  args: readonly string[],
  options: { log: string; pidFile: string; env?: NodeJS.ProcessEnv },
): ProcessId {
  mkdirSync(dirname(options.pidFile), { recursive: true, mode: 0o700 });
  const out = openLog(options.log);
  try {
    const child = spawn(file, args, { detached: true, stdio: ['ignore', out, out], env: options.env ?? process.env, cwd: '/' });
    child.on('error', () => {}); // No pid then: said below.
    const id = child.pid === undefined ? undefined : processId(child.pid);
    if (!id) throw new Error(`${file} did not start; see ${options.log}`);
    child.unref();
    writePidFile(options.pidFile, id);
    return id;
  } finally {
    closeSync(out);
  }
}

/** Asks a process to end, then makes it; resolves when it is gone. */
export async function stopProcess(id: ProcessId, graceMs: number): Promise<void> {
  signalProcess(id, 'SIGTERM');
  const deadline = systemClock.monotonic() + graceMs;
  while (isAlive(id) && systemClock.monotonic() < deadline) await sleep(systemClock, 20);
  signalProcess(id, 'SIGKILL');
  while (isAlive(id)) await sleep(systemClock, 10);
}
