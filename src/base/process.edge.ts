import { readFileSync, writeFileSync, renameSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with its number. */
export interface ProcessId {
  /** In this process's PID namespace. */
  readonly pid: number;
  /** Clock ticks since boot at which it started (proc(5), field 22 of `stat`). */
  readonly startTime: string;
}

/** The process with this number now; undefined when there is none, or only its remains. */
export function processId(pid: number): ProcessId | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command's name is in parentheses and may hold anything; the fields after it do not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTime = fields[19];
  return state === 'Z' || state === 'X' || startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.startTime === id.startTime;
}

/** Reads a file of `<pid> <start time>`; undefined when the process it names is gone. */
export function readPidFile(path: string): ProcessId | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const m = /^(\d+) (\d+)\n$/.exec(text);
  const id = m ? { pid: Number(m[1]), startTime: m[2]! } : undefined;
  return id && isAlive(id) ? id : undefined;
}

export function writePidFile(path: string, id: ProcessId): void {
  writeFileSync(`${path}.new`, `${id.pid} ${id.startTime}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The only child of a process, e.g. of an `nsenter` that forked into a PID namespace. */
export function onlyChild(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ');
    return child ? Number(child) : undefined;
  } catch {
    return undefined;
  }
}

/** Sends a signal; false when the process is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    return process.kill(id.pid, signal);
  } catch {
    return false;
  }
}
