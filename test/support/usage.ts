/** What a process of this machine has used so far, as its kernel counts it. */
import { readFileSync } from 'node:fs';

export interface Usage {
  /** Milliseconds on processors; counted in steps of ten. */
  readonly workedMs: number;
  readonly rssMb: number;
}

export function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
  return { workedMs: (Number(fields[11]) + Number(fields[12])) * 10, rssMb: Math.round(Number(rss) / 1024) };
}
