/** One at a time: who starts or stops an instance, and who works on its store. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, messageOf, sleep, systemClock, tryLock, type Lock } from '../../base/index.ts';
import type { InstancePaths } from './paths.ts';

const POLL_MS = 50;
/** Longer than `up` takes before it gives up. */
const PATIENCE_MS = 90_000;

/** Makes a directory that only this user may read. */
export function makePrivate(dir: string, hint: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault('DirectoryUnwritable', `${dir} cannot be made: ${messageOf(cause)}`, { hint, cause });
  }
}

function lockIn(paths: InstancePaths, file: string, note: string): Lock | { readonly heldBy: string } {
  const hint = 'Make it writable for you, or put the state elsewhere with --state.';
  makePrivate(paths.stateDir, hint);
  try {
    accessSync(paths.stateDir, constants.W_OK | constants.X_OK);
    return tryLock(join(paths.stateDir, file), note);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('DirectoryUnwritable', `${paths.stateDir} cannot be written: ${messageOf(cause)}`, { hint, cause });
  }
}

/** Waits until nobody else starts or stops this instance, and keeps others waiting until released. `who` is what they are told. */
export async function takeTurn(paths: InstancePaths, who: string, say: (text: string) => void): Promise<Lock> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  for (let told = false; ; told = true) {
    const lock = lockIn(paths, 'lock', `${who} (pid ${process.pid})`);
    if ('release' in lock) return lock;
    if (!told) say(`"${lock.heldBy}" is at work on this instance; waiting for it ...`);
    if (systemClock.monotonic() > deadline)
      throw new Fault('InstanceBusy', `"${lock.heldBy}" has been at work on this instance for ${PATIENCE_MS / 1000} s`, {
        hint: 'Look at "sluice status"; if that command hangs, end it and try again.',
      });
    await sleep(systemClock, POLL_MS);
  }
}

/** Makes this process the one that works on the store, until it ends. */
export function claimStore(paths: InstancePaths): Lock {
  const lock = lockIn(paths, 'control-plane.lock', `pid ${process.pid}, sockets in ${paths.runDir}`);
  if ('release' in lock) return lock;
  throw new Fault('StateInUse', `another control plane (${lock.heldBy}) works on ${paths.stateDir}`, {
    hint: 'Stop it with "sluice down", or choose another --name or --state.',
  });
}
