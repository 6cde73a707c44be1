/** How the store's files come to be: for their owner alone, whole, and on the disk before anybody relies on them. */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  write as writeFd,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Value } from './backend.ts';
import { encodeFrame, encodePreamble, encodeWrites, type Preamble } from './format.ts';

/** How much of a snapshot is one frame, in bytes. */
const PART_BYTES = 1 << 20;

const PRIVATE = 0o600;

const writeSome = promisify(writeFd) as unknown as (fd: number, bytes: Buffer) => Promise<{ bytesWritten: number }>;

/** Opens a file to append to; what is written is on the disk when the call returns. `end`: where it is cut off first. */
export function openDurable(path: string, end: number): number {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_DSYNC, PRIVATE);
  fchmodSync(fd, PRIVATE);
  ftruncateSync(fd, end);
  fsyncSync(fd);
  return fd;
}

export async function append(fd: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await writeSome(fd, bytes.subarray(at))).bytesWritten;
}

export function appendSync(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes.subarray(at));
}

/** Makes the names in a directory last. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes all values to a file that is there as a whole or not at all, a part at a time so that others get their turn. Resolves with its size. */
export async function writeSealed(
  path: string,
  kind: Exclude<Preamble['kind'], 'journal'>,
  revision: number,
  values: readonly Value[],
  written?: (values: number) => void,
): Promise<number> {
  const part = `${path}.part`;
  const fd = openSync(part, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC, PRIVATE);
  let size = 0;
  const put = async (frame: Buffer): Promise<void> => {
    await append(fd, frame);
    size += frame.length;
  };
  try {
    fchmodSync(fd, PRIVATE);
    await put(encodePreamble(kind, revision));
    for (let from = 0; from < values.length;) {
      let to = from;
      for (let bytes = 0; to < values.length && bytes < PART_BYTES; to++) bytes += values[to]!.bytes.length;
      await put(encodeWrites(values.slice(from, to), revision));
      written?.(to);
      from = to;
    }
    // An empty frame says that nothing is missing.
    await put(encodeFrame(Buffer.alloc(0), revision));
  } catch (error) {
    closeSync(fd);
    rmSync(part, { force: true });
    throw error;
  }
  closeSync(fd);
  renameSync(part, path);
  syncDirectory(dirname(path));
  return size;
}
