/** Reads the files of a store and checks every byte of them, whether or not somebody is writing them. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, messageOf } from '../base/index.ts';
import type { Value } from './backend.ts';
import { decodeHeader, decodeWrites, FORMAT, HEADER_BYTES, isTorn, isWhole, lastWholeFrame, type Header, type Preamble } from './format.ts';

/** What is read at once, in bytes. */
const CHUNK = 1 << 20;

/** What the files of a store amount to. */
export interface Contents {
  readonly revision: number;
  readonly values: ReadonlyMap<string, Value>;
  /** The number of the newest snapshot or journal; 0 when there is none. */
  readonly generation: number;
  /** Where the newest journal ends, what was never acknowledged left out; 0 when there is no journal of this generation. */
  readonly end: number;
  /** How many bytes of a commit that was cut short follow there. */
  readonly torn: number;
}

/** A file that does not hold what was written to it. */
export class Damage extends Fault {
  constructor(path: string, what: string) {
    super('StoreDamaged', `${path} is damaged: ${what}`, {
      hint: 'Restore a backup with "sluice restore FILE --force" (the damaged files are kept), or move the directory away to start afresh.',
    });
  }
}

export type FileKind = 'snapshot' | 'journal';
export const fileName = (generation: number, kind: FileKind): string => `${String(generation).padStart(6, '0')}.${kind}`;

/** The numbers of the files of a kind, lowest first. */
export function generations(dir: string, kind: FileKind): number[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .flatMap((name) => new RegExp(`^(\\d{6,})\\.${kind}$`).exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** All that was committed. Throws Damage, and Fault for a format from the future. */
export function readStore(dir: string): Contents {
  for (let attempt = 1; ; attempt++) {
    try {
      return readOnce(dir);
    } catch (error) {
      // The writer has put a new snapshot in the place of what was about to be read.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 5) throw error;
    }
  }
}

function readOnce(dir: string): Contents {
  const values = new Map<string, Value>();
  const base = generations(dir, 'snapshot').at(-1) ?? 0;
  const journals = generations(dir, 'journal').filter((n) => n >= base);
  let revision = base > 0 ? readSealed(join(dir, fileName(base, 'snapshot')), 'snapshot', values).revision : 0;
  let [end, torn] = [0, 0];
  for (const [i, generation] of journals.entries()) {
    const path = join(dir, fileName(generation, 'journal'));
    // The snapshot of a generation is true for where its journal begins; before the first one nothing is.
    if (generation !== Math.max(base, 1) + i) throw new Damage(dir, `the journal before ${path} is missing`);
    let first = true;
    const read = readFrames(path, 'journal', (header, payload) => {
      if (first && header.revision !== revision) {
        throw new Damage(path, `it begins at revision ${header.revision}, and what is before it ends at ${revision}`);
      }
      if (!first) for (const write of decodeWrites(payload)) apply(values, write);
      first = false;
      revision = header.revision;
    });
    [end, torn] = [first ? 0 : read.end, read.torn];
    if (torn > 0 && i < journals.length - 1) throw new Damage(path, 'its end is missing');
  }
  return { revision, values, generation: Math.max(base, journals.at(-1) ?? 0), end: (journals.at(-1) ?? 0) >= base ? end : 0, torn };
}

/** Reads a file that was written as a whole: a snapshot or a backup. */
export function readSealed(path: string, kind: 'snapshot' | 'backup', into: Map<string, Value>): { revision: number; bytes: number } {
  let sealed = false;
  let revision = 0;
  let first = true;
  const { end, torn } = readFrames(path, kind, (header, payload) => {
    if (!first) for (const write of decodeWrites(payload)) apply(into, write);
    first = false;
    revision = header.revision;
    sealed = header.length === 0;
  });
  if (torn > 0 || !sealed) throw new Damage(path, 'its end is missing');
  return { revision, bytes: end };
}

function apply(values: Map<string, Value>, { key, revision, bytes }: Value | (Omit<Value, 'bytes'> & { readonly bytes: undefined })): void {
  if (bytes) values.set(key, { key, revision, bytes });
  else values.delete(key);
}

/** Hands on each whole frame, the first one being the preamble. */
function readFrames(
  path: string,
  kind: Preamble['kind'],
  each: (header: Header, payload: Buffer) => void,
): { readonly end: number; readonly torn: number } {
  const file = new Bytes(path);
  try {
    for (let first = true; ; first = false) {
      const at = file.at;
      const head = file.take(HEADER_BYTES);
      if (head.length === 0) return { end: at, torn: 0 };
      const header = decodeHeader(head);
      const payload = header && file.take(header.length);
      if (!header || !payload || !isWhole(header, payload)) {
        const tail = file.from(at);
        if (lastWholeFrame(tail) === undefined && isTorn(tail, at)) return { end: at, torn: tail.length };
        throw new Damage(path, `what is at byte ${at} is not what was written there`);
      }
      if (first) checkPreamble(path, kind, payload);
      each(header, payload);
    }
  } finally {
    file.close();
  }
}

function checkPreamble(path: string, kind: Preamble['kind'], payload: Buffer): void {
  let found: Partial<Preamble> = {};
  try {
    found = JSON.parse(payload.toString()) as Partial<Preamble>;
  } catch {
    // said below
  }
  if (typeof found.format === 'number' && found.format > FORMAT) {
    throw new Fault('StoreFormat', `${path} has format ${found.format}, and this version of Sluice knows formats up to ${FORMAT}`, {
      hint: 'Use the version of Sluice that made it, or a later one.',
    });
  }
  if (found.format !== FORMAT || found.kind !== kind) throw new Damage(path, `it is no ${kind}`);
}

/** A file read from its beginning to where it ended when it was opened. */
class Bytes {
  at = 0;
  readonly #fd: number;
  readonly #size: number;
  #chunk = Buffer.alloc(0);
  /** Where in the file the chunk begins. */
  #base = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.#size = fstatSync(this.#fd).size;
  }

  /** The next bytes; fewer at the end of the file. Valid until the next call. */
  take(length: number): Buffer {
    const end = Math.min(this.#size, this.at + length);
    if (end > this.#base + this.#chunk.length) this.#load(this.at, Math.max(CHUNK, end - this.at));
    const from = this.at - this.#base;
    this.at = end;
    return this.#chunk.subarray(from, end - this.#base);
  }

  from(at: number): Buffer {
    this.#load(at, this.#size - at);
    this.at = this.#size;
    return this.#chunk;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #load(at: number, length: number): void {
    const chunk = Buffer.allocUnsafeSlow(Math.min(length, this.#size - at));
    let read = 0;
    try {
      while (read < chunk.length) {
        const n = readSync(this.#fd, chunk, read, chunk.length - read, at + read);
        if (n === 0) break;
        read += n;
      }
    } catch (cause) {
      throw new Fault('StoreUnreadable', `the disk does not give back what the store wrote: ${messageOf(cause)}`, {
        hint: 'Check the disk; then restore a backup with "sluice restore FILE --force".',
        cause,
      });
    }
    this.#chunk = chunk.subarray(0, read);
    this.#base = at;
  }
}
