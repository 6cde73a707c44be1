/** What a process of this machine uses, as its kernel counts it. */
import { readFileSync } from 'node:fs';

const TICK_MS = 10;

/** Milliseconds on processors so far, to the nearest ten. */
export function workedMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Megabytes of memory. */
export function rssMbOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!) / 1024);
}
