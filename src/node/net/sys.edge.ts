import { closeSync, openSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';
import { Fault } from '../../base/index.ts';

/** The system calls Node has no name for. Each acts on the calling thread and returns before anything else runs on it. */

export const AF_INET = 2;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const CLONE_NEWNET = 0x40000000;
const MS_BIND = 4096;
const MNT_DETACH = 2;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const EAGAIN = 11;
/** The number of close_range(2) on every architecture; older C libraries have no name for it. */
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const AFTER_STDIO = 3;

/** The error's name (`EPERM`) of a positive errno. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`;
}

type Call = (...args: (number | string | Uint8Array | null)[]) => number;

function bindLibc(): Record<
  'socket' | 'close' | 'syscall' | 'send' | 'recv' | 'setsockopt' | 'setns' | 'unshare' | 'mount' | 'umount2' | 'if_nametoindex',
  Call
> {
  const self = koffi.load(null);
  const f = (signature: string): Call => self.func(signature);
  return {
    socket: f('int socket(int domain, int type, int protocol)'),
    close: f('int close(int fd)'),
    syscall: f('long syscall(long number, unsigned long first, unsigned long second, unsigned long third)'),
    send: f('long send(int fd, const void *data, size_t length, int flags)'),
    recv: f('long recv(int fd, void *data, size_t length, int flags)'),
    setsockopt: f('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    setns: f('int setns(int fd, int type)'),
    unshare: f('int unshare(int flags)'),
    mount: f('int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)'),
    umount2: f('int umount2(const char *target, int flags)'),
    if_nametoindex: f('unsigned int if_nametoindex(const char *name)'),
  };
}

/** Loaded at first use: only the agent calls it. */
let bound: ReturnType<typeof bindLibc> | undefined;
const libc = (): ReturnType<typeof bindLibc> => (bound ??= bindLibc());

function must(result: number, what: string): number {
  if (result >= 0) return result;
  const name = errnoName(koffi.errno());
  throw new Fault('KernelRefused', `${what}: ${name}`, { hint: 'Run "sluice doctor" to see what this machine allows.' });
}

/** A descriptor the caller closes with {@link closeDescriptor}, or hands to Node. Not inherited by children. */
export function openSocket(family: number, type: number, protocol: number): number {
  return must(libc().socket(family, type | SOCK_CLOEXEC, protocol), 'open a socket');
}

export function closeDescriptor(fd: number): void {
  libc().close(fd);
}

/**
 * Keeps what this process has open now, beside its stdio, from the processes it starts: libraries and callers open files
 * that are inherited, and a pod must not hold the store or somebody's pipe. Kernels before 5.11 cannot, and are left as they are.
 */
export function sealDescriptors(): void {
  libc().syscall(SYS_CLOSE_RANGE, AFTER_STDIO, 0xffffffff, CLOSE_RANGE_CLOEXEC);
}

/** Makes room to send `bytes` in one datagram. */
export function growSendBuffer(fd: number, bytes: number): void {
  const size = new Uint8Array(Uint32Array.of(bytes).buffer);
  if (libc().setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, size, 4) < 0) libc().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, size, 4);
}

export function sendDatagram(fd: number, data: Uint8Array, what: string): void {
  must(libc().send(fd, data, data.length, 0), what);
}

/** What is waiting in the socket; undefined when nothing is. */
export function receiveNow(fd: number, buffer: Uint8Array): Uint8Array | undefined {
  const n = libc().recv(fd, buffer, buffer.length, MSG_DONTWAIT);
  if (n < 0 && koffi.errno() === EAGAIN) return undefined;
  return buffer.subarray(0, must(n, 'receive from the kernel'));
}

const OWN_NETNS = '/proc/thread-self/ns/net';

/** Runs `fn` with this thread in the network namespace behind `path`, and brings the thread back. `fn` must be synchronous. */
export function inNetns<T>(path: string, fn: () => T): T {
  const target = openSync(path, 'r');
  try {
    return elsewhere(() => must(libc().setns(target, CLONE_NEWNET), `enter ${path}`), fn);
  } finally {
    closeSync(target);
  }
}

/** Runs `fn` with this thread in a new network namespace, which lives as long as something holds it ({@link openOwnNetns}). */
export function inNewNetns<T>(fn: () => T): T {
  return elsewhere(() => must(libc().unshare(CLONE_NEWNET), 'make a network namespace'), fn);
}

function elsewhere<T>(go: () => void, fn: () => T): T {
  const home = openSync(OWN_NETNS, 'r');
  try {
    go();
    try {
      return fn();
    } finally {
      must(libc().setns(home, CLONE_NEWNET), 'return to the network namespace of the node');
    }
  } finally {
    closeSync(home);
  }
}

/** A descriptor of this thread's network namespace, for the caller to close with {@link closeDescriptor}. */
export function openOwnNetns(): number {
  return openSync(OWN_NETNS, 'r');
}

/** Binds an open network namespace to the file `path`, so that it lives without a process. */
export function keepNetns(fd: number, path: string): void {
  must(libc().mount(`/proc/thread-self/fd/${fd}`, path, null, MS_BIND, null), `keep the network namespace at ${path}`);
}

/** Undoes {@link keepNetns}; the namespace ends with the last process in it. */
export function releaseNetns(path: string): void {
  must(libc().umount2(path, MNT_DETACH), `release the network namespace at ${path}`);
}

/** The number of a link of this thread's network namespace. */
export function linkIndex(name: string): number {
  const index = libc().if_nametoindex(name);
  if (index === 0) throw new Fault('KernelRefused', `find link ${name}: ${errnoName(koffi.errno())}`);
  return index;
}
