import { HeaderReader, HeaderWriter, type SpdyHeaders } from './spdy-headers.ts';

/** The frames of SPDY/3.1 that Kubernetes' streaming uses. Flow control and settings are not used by its clients and are skipped. */
export type SpdyFrame =
  | { readonly type: 'open'; readonly stream: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'reply'; readonly stream: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'data'; readonly stream: number; readonly data: Uint8Array; readonly fin: boolean }
  | { readonly type: 'reset'; readonly stream: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastStream: number };

const VERSION = 0x8003;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const FLAG_FIN = 1;

/** The most a frame may carry; what is sent is cut to it. */
export const MAX_SPDY_FRAME_BYTES = 1024 * 1024;
const DATA_BYTES = 32 * 1024;

/** Puts frames together from bytes as they arrive. */
export class SpdyReader {
  readonly #headers = new HeaderReader();
  #held: Buffer = Buffer.alloc(0);

  /** Throws on what is not SPDY/3.1: the connection is of no more use then. */
  push(chunk: Uint8Array): SpdyFrame[] {
    const bytes =
      this.#held.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([this.#held, chunk]);
    const frames: SpdyFrame[] = [];
    let at = 0;
    while (bytes.length - at >= 8) {
      const length = bytes.readUIntBE(at + 5, 3);
      if (length > MAX_SPDY_FRAME_BYTES)
        throw new RangeError(`a SPDY frame of ${length} bytes is more than the ${MAX_SPDY_FRAME_BYTES} allowed`);
      if (bytes.length - at < 8 + length) break;
      const frame = this.#frame(bytes.readUInt32BE(at), bytes[at + 4]!, bytes.subarray(at + 8, at + 8 + length));
      if (frame) frames.push(frame);
      at += 8 + length;
    }
    this.#held = Buffer.from(bytes.subarray(at));
    return frames;
  }

  #frame(word: number, flags: number, payload: Buffer): SpdyFrame | undefined {
    const fin = (flags & FLAG_FIN) !== 0;
    if (word < 0x80000000) return { type: 'data', stream: word, data: payload, fin };
    if (word >>> 16 !== VERSION) throw new RangeError(`SPDY version ${(word >>> 16) & 0x7fff} is not spoken here, only 3`);
    switch (word & 0xffff) {
      case SYN_STREAM:
        return { type: 'open', stream: payload.readUInt32BE(0), headers: this.#headers.read(payload.subarray(10)), fin };
      case SYN_REPLY:
        return { type: 'reply', stream: payload.readUInt32BE(0), headers: this.#headers.read(payload.subarray(4)), fin };
      case RST_STREAM:
        return { type: 'reset', stream: payload.readUInt32BE(0), status: payload.readUInt32BE(4) };
      case PING:
        return { type: 'ping', id: payload.readUInt32BE(0) };
      case GOAWAY:
        return { type: 'goaway', lastStream: payload.readUInt32BE(0) };
      default:
        return undefined;
    }
  }
}

/** Writes frames; one for each direction of a connection, because header compression has a state. */
export class SpdyWriter {
  readonly #headers = new HeaderWriter();

  write(frame: SpdyFrame): Uint8Array {
    switch (frame.type) {
      case 'open': {
        const associatedAndPriority = Buffer.alloc(6);
        return control(SYN_STREAM, frame.fin, [uint32(frame.stream), associatedAndPriority, this.#headers.write(frame.headers)]);
      }
      case 'reply':
        return control(SYN_REPLY, frame.fin, [uint32(frame.stream), this.#headers.write(frame.headers)]);
      case 'data':
        return dataFrames(frame.stream, frame.data, frame.fin);
      case 'reset':
        return control(RST_STREAM, false, [uint32(frame.stream), uint32(frame.status)]);
      case 'ping':
        return control(PING, false, [uint32(frame.id)]);
      case 'goaway':
        return control(GOAWAY, false, [uint32(frame.lastStream), uint32(0)]);
    }
  }
}

function control(type: number, fin: boolean, parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, p) => sum + p.length, 0);
  return Buffer.concat([uint32(((VERSION << 16) | type) >>> 0), uint32((((fin ? FLAG_FIN : 0) << 24) | length) >>> 0), ...parts]);
}

function dataFrames(stream: number, data: Uint8Array, fin: boolean): Uint8Array {
  const out: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += DATA_BYTES) {
    const part = data.subarray(at, at + DATA_BYTES);
    const last = at + DATA_BYTES >= data.length;
    out.push(uint32(stream), uint32((((fin && last ? FLAG_FIN : 0) << 24) | part.length) >>> 0), part);
  }
  return Buffer.concat(out);
}

function uint32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}
