import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './spdy-headers.ts';
import { SpdyReader, SpdyWriter, type SpdyFrame } from './spdy.ts';

const MAX_STREAMS = 1024;
const RST_PROTOCOL_ERROR = 1;
const RST_CANCEL = 5;
const RST_REFUSED = 3;

/** One stream of a session. Ending the writable side sends FIN; destroying it sends RST. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #send: (frame: SpdyFrame, done?: () => void) => void;
  #resume: (() => void) | undefined;
  #finished = false;

  constructor(id: number, headers: SpdyHeaders, send: (frame: SpdyFrame, done?: () => void) => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#send = send;
  }

  /** Takes what the peer sent; resolves when there is room for more. Data after its FIN breaks the stream. */
  receive(data: Uint8Array, fin: boolean): Promise<void> | undefined {
    if (this.#finished) this.destroy();
    if (this.destroyed) return undefined;
    this.#finished = fin;
    const room = data.length === 0 || this.push(data);
    if (fin) this.push(null);
    return room || fin ? undefined : new Promise((resolve) => (this.#resume = resolve));
  }

  #continue(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  override _read(): void {
    this.#continue();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send({ type: 'data', stream: this.id, data: chunk, fin: false }, done);
  }

  override _final(done: () => void): void {
    this.#send({ type: 'data', stream: this.id, data: new Uint8Array(0), fin: true }, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#continue();
    if (!this.writableFinished) this.#send({ type: 'reset', stream: this.id, status: RST_CANCEL });
    done(error);
  }
}

/**
 * The server's side of a SPDY/3.1 connection over `transport`: accepts the streams that the client opens, answers pings.
 * Resolves when the connection has ended; all streams are destroyed by then. Flow control is the transport's own: one stream
 * that is not read holds up the others, as in the reference implementation, where windows are not used either.
 */
export async function serveSpdy(transport: Duplex, onStream: (stream: SpdyStream) => void): Promise<void> {
  const reader = new SpdyReader();
  const writer = new SpdyWriter();
  const streams = new Map<number, SpdyStream>();
  const send = (frame: SpdyFrame, done?: () => void): void => {
    if (!transport.writable) return done?.();
    transport.write(writer.write(frame), () => done?.());
  };
  /** Resolves when it has gone out: who does not take answers is not listened to, so that none pile up. */
  const answer = (frame: SpdyFrame): Promise<void> => new Promise((resolve) => send(frame, resolve));
  const open = async (id: number, headers: SpdyHeaders, fin: boolean): Promise<void> => {
    if (streams.has(id) || id % 2 === 0) return answer({ type: 'reset', stream: id, status: RST_PROTOCOL_ERROR });
    if (streams.size >= MAX_STREAMS) return answer({ type: 'reset', stream: id, status: RST_REFUSED });
    const stream = new SpdyStream(id, headers, send);
    streams.set(id, stream);
    stream.on('error', () => {});
    stream.once('close', () => streams.delete(id));
    const replied = answer({ type: 'reply', stream: id, headers: {}, fin: false });
    if (fin) void stream.receive(new Uint8Array(0), true);
    onStream(stream);
    await replied;
  };
  const destroyAll = (): void => {
    for (const stream of streams.values()) stream.destroy();
  };
  // Seen by nobody else while a stream that is not read holds up the loop, or once it has ended.
  transport.once('close', destroyAll).on('error', () => {});
  try {
    for await (const chunk of transport.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      for (const frame of reader.push(chunk)) {
        switch (frame.type) {
          case 'open':
            await open(frame.stream, frame.headers, frame.fin);
            break;
          case 'data':
            await streams.get(frame.stream)?.receive(frame.data, frame.fin);
            break;
          case 'reset':
            streams.get(frame.stream)?.destroy();
            break;
          case 'ping':
            // Odd ids are the client's; an even one would be the answer to a ping of ours, and we send none.
            if (frame.id % 2 === 1) await answer(frame);
            break;
          case 'goaway':
            return;
          case 'reply':
            break;
        }
      }
    }
  } catch {
    // A damaged or broken connection ends like any other: its streams are destroyed below.
  } finally {
    destroyAll();
    // What is still queued goes out first; what still comes in is of no interest.
    if (!transport.destroyed) transport.end().resume();
  }
}
