import { closeSync, constants, openSync } from 'node:fs';
import koffi from 'koffi';
import { Fault } from '../../base/index.ts';

/** ioctl(2) requests of terminals, as asm-generic numbers them (x86 and arm). */
const TIOCGPTN = 0x80045430;
const TIOCSPTLCK = 0x40045431;
const TIOCSWINSZ = 0x5414;

/** A terminal made inside a container, as file descriptors. */
export interface Pty {
  /** For the command's stdin, stdout and stderr; close it once the command has started. */
  readonly slave: number;
  /** What the user sees and types. */
  readonly master: number;
}

type Ioctl = (fd: number, request: number, argument: Uint8Array) => number;
let bound: Ioctl | undefined;
const ioctl = (fd: number, request: number, argument: Uint8Array): void => {
  bound ??= koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)') as unknown as Ioctl;
  if (bound(fd, request, argument) < 0) throw new Fault('NoTerminal', 'a terminal could not be made in the container');
};

/** Makes a terminal in the container whose root directory is `root` (`/proc/<pid>/root`). */
export function openPty(root: string): Pty {
  const master = openSync(`${root}/dev/pts/ptmx`, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const number = new Int32Array(1);
    ioctl(master, TIOCSPTLCK, new Uint8Array(number.buffer));
    ioctl(master, TIOCGPTN, new Uint8Array(number.buffer));
    const slave = openSync(`${root}/dev/pts/${number[0]}`, constants.O_RDWR | constants.O_NOCTTY);
    return { slave, master };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Tells a terminal, by either end, how large its window is. */
export function resizePty(fd: number, columns: number, rows: number): void {
  ioctl(fd, TIOCSWINSZ, new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer));
}
