/** The backend on disk: a journal of commits, and now and then a snapshot that takes the place of the journals before it. */
import { closeSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, messageOf, tryLock, type Lock } from '../base/index.ts';
import type { Backend, Value } from './backend.ts';
import { append, appendSync, openDurable, syncDirectory, writeSealed } from './files.edge.ts';
import { encodePreamble, encodeWrites } from './format.ts';
import { fileName, generations, readStore } from './read.edge.ts';
import { createStore, type StoreOptions } from './store.ts';
import type { Store } from './types.ts';

/** How long a journal gets, in bytes, before a snapshot is made; a store that is larger than that waits for as much again. */
const JOURNAL_BYTES = 32 * 1024 * 1024;

export interface DiskOptions {
  readonly path: string;
  /** Told what a user may want to know of how the files were found. */
  readonly notice?: ((text: string) => void) | undefined;
  /** In place of 32 MB. */
  readonly journalBytes?: number | undefined;
}

/**
 * Opens, and where needed makes, the store in a directory. One process at a time may have it open.
 * Throws a Fault when the directory cannot be used or holds something else than what was written.
 */
export function openStore<T extends object>(options: StoreOptions<T> & DiskOptions): Store<T> {
  return withStore(options.path, (lock) => createStore(journalBackend(options, lock), options));
}

/** Takes the directory for this process alone and works on it; the lock is let go when that fails. */
export function withStore<R>(path: string, work: (lock: Lock) => R): R {
  let lock: Lock | { readonly heldBy: string } | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = tryLock(join(path, 'lock'), `pid ${process.pid}`);
    if ('release' in lock) return work(lock);
  } catch (cause) {
    if (lock && 'release' in lock) lock.release();
    if (cause instanceof Fault) throw cause;
    throw new Fault('StoreUnusable', `the store in ${path} cannot be opened: ${messageOf(cause)}`, {
      hint: 'Check that the directory is writable and its disk is not full; to start afresh, move it away.',
      cause,
    });
  }
  throw new Fault('StoreInUse', `the store in ${path} is in use by another process (${lock.heldBy})`, {
    hint: 'Stop the instance it belongs to with "sluice down", or choose another --name or --state.',
  });
}

function journalBackend({ path: dir, notice, journalBytes = JOURNAL_BYTES }: DiskOptions, lock: Lock): Backend {
  let generation = 1;
  let fd = -1;
  let size = 0;
  let limit = journalBytes;
  let snapshot: Promise<void> | undefined;

  const start = (number: number, revision: number): void => {
    const next = openDurable(join(dir, fileName(number, 'journal')), 0);
    const preamble = encodePreamble('journal', revision);
    appendSync(next, preamble);
    syncDirectory(dir);
    if (fd >= 0) closeSync(fd);
    [generation, fd, size] = [number, next, preamble.length];
  };

  /** Begins a new journal, and writes down beside the commits to come what was before it. */
  const rotate = (revision: number, values: readonly Value[]): void => {
    start(generation + 1, revision);
    const number = generation;
    snapshot = writeSealed(join(dir, fileName(number, 'snapshot')), 'snapshot', revision, values)
      .then((bytes) => {
        limit = Math.max(journalBytes, bytes);
        removeOlder(dir, number);
      })
      .catch((error: unknown) => {
        // Nothing is lost: the journals are all there, and after as much again it is tried again.
        limit = journalBytes;
        notice?.(`the store could not write a snapshot: ${messageOf(error)}`);
      })
      .finally(() => (snapshot = undefined));
  };

  return {
    load() {
      removeParts(dir);
      const { revision, values, generation: last, end, torn } = readStore(dir);
      if (torn > 0) notice?.(`the last commit was cut short before it was acknowledged; its ${torn} bytes are dropped`);
      generation = Math.max(1, last);
      if (end === 0) start(generation, revision);
      else {
        fd = openDurable(join(dir, fileName(generation, 'journal')), end);
        size = end;
      }
      removeOlder(dir, generations(dir, 'snapshot').at(-1) ?? 0);
      return { revision, values: [...values.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) };
    },
    async commit(writes, revision, live) {
      if (size > limit && !snapshot) rotate(writes[0]!.revision - 1, [...live()]);
      const frame = encodeWrites(writes, revision);
      await append(fd, frame);
      size += frame.length;
    },
    async close() {
      await snapshot;
      closeSync(fd);
      lock.release();
    },
  };
}

function removeParts(dir: string): void {
  for (const name of readdirSync(dir)) if (name.endsWith('.part')) rmSync(join(dir, name));
}

/** Removes what the snapshot of a generation takes the place of. */
export function removeOlder(dir: string, generation: number): void {
  for (const kind of ['snapshot', 'journal'] as const) {
    for (const number of generations(dir, kind)) if (number < generation) rmSync(join(dir, fileName(number, kind)));
  }
}
