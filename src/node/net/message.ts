/**
 * Netlink's framing: messages of a header and attributes, in this machine's byte order (little endian on every platform
 * Node runs on that has Linux namespaces), padded to four bytes. What an attribute's integer means in which order is its
 * protocol's business, so both orders are here.
 */

/** Header flags. */
export const REQUEST = 1;
export const ACK = 4;
export const EXCL = 0x200;
export const CREATE = 0x400;
export const APPEND = 0x800;
/** With NEW*: take the place of what is there. Shares its bit with the start of a dump. */
export const REPLACE = 0x100;

const NESTED = 0x8000;
const HEADER = 16;
const ERROR = 2;

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const p of parts) length += p.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function u8(n: number): Uint8Array {
  return Uint8Array.of(n & 0xff);
}

/** In the machine's order. */
export function u32(n: number): Uint8Array {
  return Uint8Array.of(n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, (n >>> 24) & 0xff);
}

/** In network order. */
export function be16(n: number): Uint8Array {
  return Uint8Array.of((n >> 8) & 0xff, n & 0xff);
}

/** In network order; negative numbers in two's complement. */
export function be32(n: number): Uint8Array {
  return Uint8Array.of((n >>> 24) & 0xff, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff);
}

/** A string as the kernel reads it: with a NUL at its end. */
export function text(s: string): Uint8Array {
  return concat([Buffer.from(s, 'utf8'), u8(0)]);
}

/** One attribute. Throws RangeError when the payload does not fit the 16 bits of its length. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const length = 4 + payload.length;
  if (length > 0xffff) throw new RangeError(`netlink attribute ${type} of ${length} bytes; the format ends at 65535`);
  const out = new Uint8Array((length + 3) & ~3);
  out[0] = length & 0xff;
  out[1] = length >> 8;
  out[2] = type & 0xff;
  out[3] = type >> 8;
  out.set(payload, 4);
  return out;
}

/** An attribute made of attributes. */
export function nest(type: number, ...attributes: readonly Uint8Array[]): Uint8Array {
  return attribute(type | NESTED, concat(attributes));
}

/** A request before it has a sequence number. */
export interface Request {
  readonly type: number;
  readonly flags: number;
  /** The protocol's own header, then attributes. */
  readonly body: Uint8Array;
  /** What it does, for the error message (`add route 10.244.0.5/32`). */
  readonly what: string;
}

/** One datagram of requests, numbered from `seq`. */
export function encode(requests: readonly Request[], seq: number): Uint8Array {
  return concat(
    requests.map((r, i) => {
      const length = HEADER + r.body.length;
      const out = new Uint8Array((length + 3) & ~3);
      const view = new DataView(out.buffer);
      view.setUint32(0, length, true);
      view.setUint16(4, r.type, true);
      view.setUint16(6, r.flags, true);
      view.setUint32(8, seq + i, true);
      out.set(r.body, HEADER);
      return out;
    }),
  );
}

/** The kernel's word on one request. */
export interface Reply {
  readonly seq: number;
  /** 0, or the error as a positive number (`ENOENT` is 2). */
  readonly errno: number;
}

/** Acknowledgements and errors in what was received; other messages are passed over. */
export function replies(received: Uint8Array): Reply[] {
  const view = new DataView(received.buffer, received.byteOffset, received.byteLength);
  const out: Reply[] = [];
  for (let at = 0; at + HEADER <= received.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > received.length) break;
    if (view.getUint16(at + 4, true) === ERROR && length >= HEADER + 4) {
      out.push({ seq: view.getUint32(at + 8, true), errno: 0 - view.getInt32(at + HEADER, true) });
    }
    at += (length + 3) & ~3;
  }
  return out;
}
