import { readdirSync, readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';

/** What a container has used and uses. */
export interface Usage {
  /** Seconds of CPU time since it started, of all its processes and those they have waited for. */
  readonly cpuSeconds: number;
  /** Resident memory in bytes; shared pages count in each process. */
  readonly memoryBytes: number;
}

/** sysconf(_SC_CLK_TCK) and the page size, the same on every Linux that Node runs on with 4 KiB pages. */
const TICKS = 100;
const PAGE_BYTES = 4096;

interface Process {
  readonly parent: number;
  readonly ticks: number;
  readonly pages: number;
}

/** The use of each tree of processes, by the process at its root. One pass over /proc. */
export function usageOf(roots: readonly number[]): Map<number, Usage> {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const found = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (found) processes.set(pid, found);
  }
  const children = Map.groupBy(processes.keys(), (pid) => processes.get(pid)!.parent);
  const total = (pid: number): { ticks: number; pages: number } => {
    const own = processes.get(pid) ?? { ticks: 0, pages: 0 };
    let { ticks, pages } = own;
    for (const child of children.get(pid) ?? []) {
      const below = total(child);
      ticks += below.ticks;
      pages += below.pages;
    }
    return { ticks, pages };
  };
  return new Map(
    roots.map((pid) => {
      const { ticks, pages } = total(pid);
      return [pid, { cpuSeconds: ticks / TICKS, memoryBytes: pages * PAGE_BYTES }];
    }),
  );
}

/** What this machine uses as a whole, since it was started: a node's use is that of all its processes. */
export function usageOfMachine(): Usage {
  const busy = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  return { cpuSeconds: busy / 1000, memoryBytes: totalmem() - freemem() };
}

function readStat(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const f = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(f[1]), ticks: Number(f[11]) + Number(f[12]) + Number(f[13]) + Number(f[14]), pages: Number(f[21]) };
  } catch {
    return undefined;
  }
}
