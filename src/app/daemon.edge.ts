/** Long-lived processes of an instance: started apart from the terminal, found again by pid file. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A process by pid and start time: a pid alone may belong to somebody else by now. */
export interface ProcessId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly startTime: string;
}

/** The process with that pid, or undefined when it is gone or only waits to be reaped. */
export function processId(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { pid, startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

export function writePidFile(file: string, id: ProcessId): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${id.pid} ${id.startTime}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The process a pid file names, when it still runs. */
export function readPidFile(file: string): ProcessId | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [pid, startTime] = text.trim().split(' ');
  const running = processId(Number(pid));
  return running && running.startTime === startTime ? running : undefined;
}

/** Starts a process that outlives this one; its output is appended to `log`. */
export function startDaemon(
  file: string,
  args: readonly string[],
  options: { log: string; pidFile: string; env?: NodeJS.ProcessEnv },
): ProcessId {
  mkdirSync(dirname(options.log), { recursive: true, mode: 0o700 });
  const out = openSync(options.log, 'a', 0o600);
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
  const alive = (): boolean => processId(id.pid)?.startTime === id.startTime;
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (alive()) process.kill(id.pid, name);
    } catch {
      // Gone between the look and the signal.
    }
  };
  signal('SIGTERM');
  const until = Date.now() + graceMs;
  while (alive() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  signal('SIGKILL');
  while (alive()) await new Promise((resolve) => setTimeout(resolve, 10));
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true });
}
