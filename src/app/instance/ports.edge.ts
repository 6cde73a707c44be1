/** Host ports: which are free, and who holds the ones that are not. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { Fault } from '../../base/index.ts';

export type PortState = 'free' | 'taken' | 'forbidden';

export function portState(port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? 'forbidden' : 'taken'));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve('free')));
  });
}

/** A process that listens. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

export const holderText = (h: Holder): string => `${h.command} (pid ${h.pid})`;

/** The process that listens on a TCP port; undefined when there is none that this user may see. */
export function portHolder(port: number): Holder | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    try {
      for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
        const f = line.trim().split(/\s+/);
        if (f[3] === '0A' && f[1]?.endsWith(`:${hex}`)) inodes.add(`socket:[${f[9]}]`);
      }
    } catch {
      // No IPv6, perhaps.
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((d) => /^\d+$/.test(d))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`))) return { pid: Number(pid), command: commandOf(pid) };
    } catch {
      // Somebody else's process.
    }
  }
  return undefined;
}

/** The name of its program: `comm` would be that of a thread. */
function commandOf(pid: string): string {
  const [file = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return basename(file) || readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** How many ports after the wanted one are tried. */
const TRIES = 200;

/** `wanted` when it is free; a Fault that names the holder when it was asked for by name; else the next free port. */
export async function choosePort(
  wanted: number,
  options: { explicit: boolean; flag: string; what: string; taken: ReadonlySet<number> },
): Promise<number> {
  const { explicit, flag, what, taken } = options;
  const last = Math.min(wanted + TRIES, 65535);
  for (let port = wanted; port <= last; port++) {
    const state = taken.has(port) ? 'taken' : await portState(port);
    if (state === 'free') return port;
    if (explicit) throw refusal(port, state, flag, what);
  }
  throw new Fault('PortTaken', `no port from ${wanted} to ${last} is free for ${what}`, {
    hint: `Choose one with ${flag}.`,
  });
}

function refusal(port: number, state: PortState, flag: string, what: string): Fault {
  if (state === 'forbidden')
    return new Fault('PortForbidden', `port ${port}, which ${what} is to listen on, is not for ordinary users`, {
      hint: `Choose a port from 1024 on with ${flag}, or allow it: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`,
    });
  const holder = portHolder(port);
  return new Fault('PortTaken', `port ${port}, which ${what} is to listen on, is taken${holder ? ` by ${holderText(holder)}` : ''}`, {
    hint: `Stop what listens there, or choose another port with ${flag}.`,
  });
}
