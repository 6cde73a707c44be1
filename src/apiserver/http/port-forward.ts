import type { Duplex } from 'node:stream';
import { messageOf } from '../../base/index.ts';
import { serveSpdy, type SpdyStream } from './spdy-session.ts';

/** Connections that are only half announced: an error stream waits here for its data stream. */
const MAX_HALF_OPEN = 256;

/**
 * Serves `portforward` on a SPDY connection: for each TCP connection the client opens an error stream and a data stream that
 * carry the same `requestid`. `dial` opens the byte stream to a port of the pod; why it failed is said on the error stream.
 */
export function servePortForward(transport: Duplex, dial: (port: number) => Promise<Duplex>): Promise<void> {
  const waiting = new Map<string, SpdyStream>();
  return serveSpdy(transport, (stream) => {
    const id = stream.headers['requestid'] ?? '';
    const type = stream.headers['streamtype'];
    if (type === 'error') {
      if (waiting.size >= MAX_HALF_OPEN) return void stream.destroy();
      waiting.set(id, stream.resume());
      stream.once('close', () => waiting.delete(id));
      return;
    }
    const error = waiting.get(id);
    waiting.delete(id);
    if (type !== 'data' || !error) return void stream.destroy();
    void forward(stream, error, Number(stream.headers['port']), dial);
  });
}

async function forward(data: SpdyStream, error: SpdyStream, port: number, dial: (port: number) => Promise<Duplex>): Promise<void> {
  let target: Duplex;
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError('the port is not a number from 1 to 65535');
    target = await dial(port);
  } catch (reason) {
    error.end(`error forwarding port ${port}: ${messageOf(reason)}`);
    data.end().resume();
    return;
  }
  const failed = (reason: Error): void => {
    if (error.writable) error.end(`error forwarding port ${port}: ${reason.message}`);
    data.destroy();
  };
  target.on('error', failed);
  target.once('close', () => {
    if (error.writable) error.end();
    if (data.writable) data.end();
  });
  data.once('close', () => {
    if (!data.readableEnded || data.errored) target.destroy();
  });
  data.pipe(target);
  target.pipe(data);
}
