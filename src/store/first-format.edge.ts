/** Format 1, which earlier versions wrote: an LMDB file, a value being eight bytes of revision, then JSON. It is read once, and kept. */
import { closeSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Lmdb from 'lmdb';
import { Fault } from '../base/index.ts';
import type { Value } from './backend.ts';
import { appendSync, openDurable, syncDirectory } from './files.edge.ts';
import { encodeFrame, encodePreamble, encodeWrites } from './format.ts';
import { fileName, generations } from './read.edge.ts';

const REVISION_BYTES = 8;
/** How many values make a frame. */
const PART = 500;

/** Where the files of format 1 are kept after the upgrade; there is one such backup at most. */
const KEPT = 'before-format-2';

/** Brings a directory of format 1 to the present format; does nothing for any other. */
export function upgradeFirstFormat(dir: string): void {
  if (!existsSync(join(dir, 'data.mdb'))) return;
  // What is there already was made from it by an upgrade that did not get to its end.
  if (generations(dir, 'snapshot').length === 0) convert(dir);
  rmSync(join(dir, KEPT), { recursive: true, force: true });
  mkdirSync(join(dir, KEPT), { mode: 0o700 });
  renameSync(join(dir, 'data.mdb'), join(dir, KEPT, 'data.mdb'));
  rmSync(join(dir, 'lock.mdb'), { force: true });
  syncDirectory(dir);
}

function convert(dir: string): void {
  const { open } = createRequire(import.meta.url)('lmdb') as typeof Lmdb;
  const root = open({ path: dir, noSubdir: false, encoding: 'binary', maxDbs: 2, readOnly: true });
  const meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' });
  const format = meta.get('format') ?? 1;
  if (format !== 1) {
    throw new Fault('StoreFormat', `the store in ${dir} has format ${format}, and this version of Sluice does not know it`, {
      hint: 'Use the version of Sluice that made it, or move the directory away to start afresh.',
    });
  }
  const revision = meta.get('revision') ?? 0;
  const values: Value[] = [];
  for (const { key, value } of root.openDB<Buffer, string>({ name: 'values', encoding: 'binary' }).getRange()) {
    values.push({ key, revision: Number(value.readBigUInt64BE()), bytes: Buffer.from(value.subarray(REVISION_BYTES)) });
  }
  void root.close();
  const part = join(dir, `${fileName(1, 'snapshot')}.part`);
  const fd = openDurable(part, 0);
  appendSync(fd, encodePreamble('snapshot', revision));
  for (let at = 0; at < values.length; at += PART) appendSync(fd, encodeWrites(values.slice(at, at + PART), revision));
  appendSync(fd, encodeFrame(Buffer.alloc(0), revision));
  closeSync(fd);
  renameSync(part, join(dir, fileName(1, 'snapshot')));
  syncDirectory(dir);
}
