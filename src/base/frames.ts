/**
 * Frames of one exec or attach session between the API server and the node's agent: `u32be payload length, u8 channel, payload`.
 * Several byte streams share one connection this way, in both directions.
 */
export const Channel = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** JSON: `{"exitCode":n}`, or `{"error":"..."}` when the process could not be started. The last frame of a session. */
  exit: 3,
  /** JSON: `{"width":columns,"height":rows}`. */
  resize: 4,
  /** The payload is one byte: the channel that has ended. */
  close: 5,
} as const;
export type Channel = (typeof Channel)[keyof typeof Channel];

export interface Frame {
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** The most that one frame may carry; writers split, readers refuse. */
export const MAX_FRAME_BYTES = 1024 * 1024;

const HEADER_BYTES = 5;

/** One frame, or several when `data` is more than a frame may carry. */
export function encodeFrame(channel: number, data: string | Uint8Array): Uint8Array {
  const payload = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const count = Math.max(1, Math.ceil(payload.length / MAX_FRAME_BYTES));
  const out = Buffer.allocUnsafe(payload.length + count * HEADER_BYTES);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const part = payload.subarray(i * MAX_FRAME_BYTES, (i + 1) * MAX_FRAME_BYTES);
    out.writeUInt32BE(part.length, at);
    out[at + 4] = channel;
    out.set(part, at + HEADER_BYTES);
    at += HEADER_BYTES + part.length;
  }
  return out;
}

/** Puts frames together from bytes as they arrive. */
export class FrameDecoder {
  #held: Uint8Array = new Uint8Array(0);

  /** The frames completed by `chunk`. Throws a RangeError on a frame that is too large: the connection is of no more use then. */
  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes is more than the ${MAX_FRAME_BYTES} allowed`);
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      frames.push({ channel: view.getUint8(at + 4), payload: bytes.subarray(at + HEADER_BYTES, end) });
      at = end;
    }
    this.#held = at === bytes.length ? new Uint8Array(0) : Uint8Array.from(bytes.subarray(at));
    return frames;
  }
}
