/**
 * The bytes of the store's files, format 2. A file is a row of frames; a frame is one commit, or a part of a snapshot:
 *
 *   "SLCF" | length of the payload, u32 | CRC-32 of the payload, u32 | revision, u64 | CRC-32 of these 20 bytes, u32 | payload
 *
 * The payload is a row of writes: key length u16 | value length u32 (all ones: the key is gone) | revision u64 | key | value.
 * The first frame of a file holds JSON that says what the file is. All numbers are big-endian.
 */
import { crc32 } from 'node:zlib';
import type { Write } from './backend.ts';

export const FORMAT = 2;

const MAGIC = 0x534c4346;
export const HEADER_BYTES = 24;
const WRITE_BYTES = 14;
const GONE = 0xffffffff;
/** What a disk writes whole. */
const SECTOR = 512;
/** So many zeros in a row, up to the end of a sector, are in no frame that was written whole. */
const ZEROS = 8;

/** What the first frame of a file says of it. */
export interface Preamble {
  readonly format: number;
  readonly kind: 'journal' | 'snapshot' | 'backup';
}

export interface Header {
  readonly length: number;
  readonly crc: number;
  /** The last revision in the frame; of a snapshot's frames: the one the whole of it is true for. */
  readonly revision: number;
}

export function encodeFrame(payload: Buffer, revision: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  payload.copy(frame, HEADER_BYTES);
  return sealed(frame, revision);
}

export function encodeWrites(writes: readonly Write[], revision: number): Buffer {
  let length = HEADER_BYTES;
  for (const { key, bytes } of writes) length += WRITE_BYTES + Buffer.byteLength(key) + (bytes?.length ?? 0);
  const frame = Buffer.allocUnsafe(length);
  let at = HEADER_BYTES;
  for (const write of writes) {
    const key = frame.write(write.key, at + WRITE_BYTES);
    frame.writeUInt16BE(key, at);
    frame.writeUInt32BE(write.bytes?.length ?? GONE, at + 2);
    frame.writeBigUInt64BE(BigInt(write.revision), at + 6);
    at += WRITE_BYTES + key;
    if (write.bytes) at += write.bytes.copy(frame, at);
  }
  return sealed(frame, revision);
}

export function encodePreamble(kind: Preamble['kind'], revision: number, format = FORMAT): Buffer {
  return encodeFrame(Buffer.from(JSON.stringify({ format, kind } satisfies Preamble)), revision);
}

function sealed(frame: Buffer, revision: number): Buffer {
  frame.writeUInt32BE(MAGIC, 0);
  frame.writeUInt32BE(frame.length - HEADER_BYTES, 4);
  frame.writeUInt32BE(crc32(frame.subarray(HEADER_BYTES)), 8);
  frame.writeBigUInt64BE(BigInt(revision), 12);
  frame.writeUInt32BE(crc32(frame.subarray(0, 20)), 20);
  return frame;
}

/** The header at the beginning of `bytes`; undefined when that is none. */
export function decodeHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(20) !== crc32(bytes.subarray(0, 20))) return;
  return { length: bytes.readUInt32BE(4), crc: bytes.readUInt32BE(8), revision: Number(bytes.readBigUInt64BE(12)) };
}

export const isWhole = (header: Header, payload: Buffer): boolean => payload.length === header.length && crc32(payload) === header.crc;

/**
 * True when the last bytes of a file, from `at` on, are a commit that a crash cut short, and so was never acknowledged: the file ends before
 * the frame does, or a sector of it is still zero. A frame that is there to its end and says something else than was written is damage.
 */
export function isTorn(tail: Buffer, at: number): boolean {
  const header = decodeHeader(tail);
  if (tail.length < HEADER_BYTES || (header && tail.length < HEADER_BYTES + header.length)) return true;
  for (let from = 0; from < tail.length;) {
    const to = Math.min(tail.length, from + SECTOR - ((at + from) % SECTOR));
    if (to - from >= ZEROS && tail.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}

/** The revision of the last whole frame that begins anywhere in `bytes`; undefined when there is none. */
export function lastWholeFrame(bytes: Buffer): number | undefined {
  const magic = Buffer.alloc(4);
  magic.writeUInt32BE(MAGIC);
  let revision: number | undefined;
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const header = decodeHeader(bytes.subarray(at, at + HEADER_BYTES));
    const from = at + HEADER_BYTES;
    if (header && isWhole(header, bytes.subarray(from, from + header.length))) revision = Math.max(revision ?? 0, header.revision);
  }
  return revision;
}

/** The writes of a frame. Their values are copies: the payload may be reused. */
export function* decodeWrites(payload: Buffer): Generator<Write> {
  for (let at = 0; at < payload.length;) {
    const keyLength = payload.readUInt16BE(at);
    const length = payload.readUInt32BE(at + 2);
    const revision = Number(payload.readBigUInt64BE(at + 6));
    at += WRITE_BYTES;
    const key = payload.toString('utf8', at, (at += keyLength));
    if (length === GONE) yield { key, revision, bytes: undefined };
    else yield { key, revision, bytes: Buffer.from(payload.subarray(at, (at += length))) };
  }
}
