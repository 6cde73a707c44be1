/** Copies of a store: made at any time, put back while nobody has the store open. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, messageOf } from '../base/index.ts';
import type { Value } from './backend.ts';
import { syncDirectory, writeSealed } from './files.edge.ts';
import { lastWholeFrame } from './format.ts';
import { withStore } from './journal.edge.ts';
import { Damage, fileName, generations, readSealed, readStore, type FileKind } from './read.edge.ts';

/** What is in a store or in a backup of one. */
export interface StoreFacts {
  readonly objects: number;
  /** The last revision that was given out. */
  readonly revision: number;
}

/**
 * How far a restored store's revisions are ahead of all that were seen before, so that none is given out twice even if the end of a
 * damaged journal, and the revisions in it, can no longer be read.
 */
const REVISION_GAP = 1_000_000;

/** Where a restore keeps the files that it replaces; those of the restore before are removed. */
const KEPT = 'before-restore';

const KINDS: readonly FileKind[] = ['snapshot', 'journal'];

const isEmpty = (dir: string): boolean => KINDS.every((kind) => generations(dir, kind).length === 0);

/** Reads and checks all that is in a store, also while it is in use. Undefined when there is none. Throws Fault when it is damaged. */
export function verifyStore(dir: string): StoreFacts | undefined {
  if (isEmpty(dir)) return undefined;
  const { values, revision } = readStore(dir);
  return { objects: values.size, revision };
}

/**
 * Writes all that is in a store at one moment to a file, also while the store is in use. `progress` is told how many of the objects are
 * written. Throws Fault when there is no store, it is damaged, or the file cannot be written.
 */
export async function backUpStore(
  dir: string,
  file: string,
  progress?: (done: number, all: number) => void,
): Promise<StoreFacts & { readonly bytes: number }> {
  if (isEmpty(dir)) {
    throw new Fault('StoreMissing', `there is no store in ${dir}`, { hint: 'Name the instance to back up with --name and --state.' });
  }
  const { values, revision } = readStore(dir);
  try {
    const all = [...values.values()];
    const bytes = await writeSealed(file, 'backup', revision, all, (done) => progress?.(done, all.length));
    return { objects: all.length, revision, bytes };
  } catch (cause) {
    throw new Fault('BackupFailed', `the backup could not be written: ${messageOf(cause)}`, {
      hint: `Check that ${file} can be written and its disk has room.`,
      cause,
    });
  }
}

/**
 * Puts a backup in the place of a store that nobody has open. What was there is kept beside it until the next restore. Revisions go on
 * above those of both. Throws Fault: the file is no whole backup, the store is in use, or it holds something and `force` is not set.
 */
export async function restoreStore(
  dir: string,
  file: string,
  { force, progress }: { readonly force: boolean; readonly progress?: ((done: number, all: number) => void) | undefined },
): Promise<StoreFacts & { readonly kept: string | undefined }> {
  const values = new Map<string, Value>();
  const backup = readBackup(file, values);
  return withStore(dir, async (lock) => {
    try {
      const empty = isEmpty(dir);
      if (!empty && !force) {
        throw new Fault('StoreExists', `there is a store in ${dir} already`, {
          hint: 'Use --force to put the backup in its place; what is there now is kept until the next restore.',
        });
      }
      const revision = Math.max(backup, highestRevision(dir)) + REVISION_GAP;
      const number = Math.max(0, ...KINDS.flatMap((kind) => generations(dir, kind))) + 1;
      const old = KINDS.flatMap((kind) => generations(dir, kind).map((n) => fileName(n, kind)));
      const all = [...values.values()];
      // From the renaming at its end on this is the store: it is the newest snapshot, and has no journal yet.
      await writeSealed(join(dir, fileName(number, 'snapshot')), 'snapshot', revision, all, (done) => progress?.(done, all.length));
      const kept = join(dir, KEPT);
      if (!empty) {
        rmSync(kept, { recursive: true, force: true });
        mkdirSync(kept, { mode: 0o700 });
        for (const name of old) renameSync(join(dir, name), join(kept, name));
        syncDirectory(dir);
      }
      return { objects: all.length, revision, kept: empty ? undefined : kept };
    } finally {
      lock.release();
    }
  });
}

function readBackup(file: string, values: Map<string, Value>): number {
  try {
    return readSealed(file, 'backup', values).revision;
  } catch (cause) {
    const why = cause instanceof Damage ? cause.message : cause instanceof Fault ? undefined : messageOf(cause);
    if (why === undefined) throw cause;
    throw new Fault('BackupUnusable', `nothing was restored: ${why}`, {
      hint: 'Name a file that "sluice backup" has written; nothing of the instance has changed.',
      cause,
    });
  }
}

/** The highest revision that was given out, as far as it can still be read. */
function highestRevision(dir: string): number {
  try {
    return readStore(dir).revision;
  } catch {
    const files = KINDS.flatMap((kind) => generations(dir, kind).map((n) => join(dir, fileName(n, kind))));
    return Math.max(0, ...files.map((path) => lastWholeFrame(readFileSync(path)) ?? 0));
  }
}
