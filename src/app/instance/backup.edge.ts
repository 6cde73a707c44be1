/** Copies of what an instance's store holds, to a file and back. */
import { existsSync } from 'node:fs';
import { Fault } from '../../base/index.ts';
import { backUpStore, restoreStore, type StoreFacts } from '../../store/index.ts';
import { anythingRuns } from './instance.edge.ts';
import type { InstancePaths } from './paths.ts';
import { takeTurn } from './turn.edge.ts';

export interface BackupOptions {
  /** Write over a file, or over a store, that is there. */
  readonly force: boolean;
  say(text: string): void;
}

/** How often is told how far it is, in objects: in tenths of all, and not at all for few. */
const TENTHS = 10;
const FEW = 5000;

const progress =
  (say: (text: string) => void) =>
  (done: number, all: number): void => {
    const tenth = (n: number): number => Math.floor((n * TENTHS) / all);
    if (all >= FEW && done > 0 && tenth(done) > tenth(done - 1)) say(`${done} of ${all} objects ...`);
  };

/** Writes every object of the instance, as of one moment, to a file; whether the instance runs makes no difference. */
export async function backUp(
  paths: InstancePaths,
  file: string,
  { force, say }: BackupOptions,
): Promise<StoreFacts & { readonly bytes: number }> {
  if (existsSync(file) && !force)
    throw new Fault('BackupExists', `${file} is there already`, { hint: 'Name another file, or write over it with --force.' });
  say(`reading and checking the store of "${paths.name}" ...`);
  return backUpStore(paths.storeDir, file, progress(say));
}

/** Puts a backup in the place of the instance's objects. The instance must be down. */
export async function restore(
  paths: InstancePaths,
  file: string,
  { force, say }: BackupOptions,
): Promise<StoreFacts & { readonly kept: string | undefined }> {
  const turn = await takeTurn(paths, 'sluice restore', say);
  try {
    if (anythingRuns(paths))
      throw new Fault('InstanceUp', `the instance "${paths.name}" is up`, { hint: 'Stop it first: "sluice down" keeps its state.' });
    say(`reading and checking ${file} ...`);
    return await restoreStore(paths.storeDir, file, { force, progress: progress(say) });
  } finally {
    turn.release();
  }
}
