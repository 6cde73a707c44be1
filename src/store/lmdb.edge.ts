import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import { Fault, messageOf } from '../base/index.ts';
import type { Backend, Write } from './backend.ts';
import { createStore, type StoreOptions } from './store.ts';
import type { Store } from './types.ts';

/** Of the layout on disk: a value is eight bytes of revision, then JSON. */
const FORMAT = 1;
const REVISION_BYTES = 8;

/**
 * Opens, and where needed makes, the store in a directory. One process at a time may have it open.
 * Throws a Fault when the directory cannot be used.
 */
export function openStore<T extends object>(options: StoreOptions<T> & { readonly path: string }): Store<T> {
  try {
    return createStore(lmdbBackend(options.path), options);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('StoreUnusable', `the store in ${options.path} cannot be opened: ${messageOf(cause)}`, {
      hint: 'Check that the directory is writable and its disk is not full; to start afresh, move it away.',
      cause,
    });
  }
}

function lmdbBackend(path: string): Backend {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // Without overlapping syncs a commit is acknowledged when LMDB itself has it on disk, meta page and all.
  const root = open({ path, noSubdir: false, overlappingSync: false, encoding: 'binary', maxDbs: 2 });
  const meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' });
  const values = root.openDB<Buffer, string>({ name: 'values', encoding: 'binary' });

  const format = meta.get('format');
  if (format !== undefined && format !== FORMAT) {
    throw new Fault('StoreFormat', `the store in ${path} has format ${format}, and this version of Sluice knows format ${FORMAT}`, {
      hint: 'Use the version of Sluice that made it, or move the directory away to start afresh.',
    });
  }

  return {
    load() {
      return { revision: meta.get('revision') ?? 0, values: read() };
    },
    async commit(writes, revision) {
      await root.batch(() => {
        for (const write of writes) apply(write);
        void meta.put('format', FORMAT);
        void meta.put('revision', revision);
      });
    },
    close: () => root.close(),
  };

  function apply({ key, revision, bytes }: Write): void {
    if (!bytes) return void values.remove(key);
    const value = Buffer.allocUnsafe(REVISION_BYTES + bytes.length);
    value.writeBigUInt64BE(BigInt(revision));
    bytes.copy(value, REVISION_BYTES);
    void values.put(key, value);
  }

  function* read(): Generator<{ key: string; revision: number; bytes: Buffer }> {
    for (const { key, value } of values.getRange()) {
      yield { key, revision: Number(value.readBigUInt64BE()), bytes: Buffer.from(value.subarray(REVISION_BYTES)) };
    }
  }
}
