/** Locks between processes: held by an open file, so that the kernel lets go of them however the holder ends. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { Fault } from './fault.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

type Flock = (fd: number, operation: number) => number;
let bound: Flock | undefined;
const flock: Flock = (fd, operation) =>
  (bound ??= koffi.load(null).func('int flock(int fd, int operation)') as unknown as Flock)(fd, operation);

export interface Lock {
  release(): void;
}

/** Takes the lock at `path`, or says what its holder has left there. `note` is what others are told while it is held. */
export function tryLock(path: string, note: string): Lock | { readonly heldBy: string } {
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const errno = koffi.errno();
      const heldBy = readFileSync(fd, 'utf8').trim();
      closeSync(fd);
      if (errno === EWOULDBLOCK) return { heldBy };
      throw new Fault('LockRefused', `${path} cannot be locked (errno ${errno})`, {
        hint: 'Keep the state on a local file system: --state names another directory.',
      });
    }
    // Its directory may have been removed and made again since it was opened: then this is a lock that nobody else sees.
    if (isSame(fd, path)) {
      ftruncateSync(fd);
      writeSync(fd, `${note}\n`, 0);
      return { release: () => closeSync(fd) };
    }
    closeSync(fd);
  }
}

function isSame(fd: number, path: string): boolean {
  try {
    return fstatSync(fd).ino === statSync(path).ino;
  } catch {
    return false;
  }
}
