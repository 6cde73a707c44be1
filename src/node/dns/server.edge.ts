import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { messageOf, type Log } from '../../base/index.ts';
import { reply, type Forward } from './reply.ts';
import type { Zone } from './zone.ts';

const MAX_CONNECTIONS = 256;
const IDLE_MS = 10_000;

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves DNS over UDP and TCP. `zone` is asked at every query, so a new zone counts at once; names it does not know go to
 * `forward`, or fail at once without one. Rejects when the address cannot be bound.
 */
export async function startDns(options: {
  readonly address: string;
  /** 0: any free one, the same for both. */
  readonly port: number;
  readonly zone: () => Zone;
  readonly forward?: Forward | undefined;
  readonly log: Log;
}): Promise<DnsServer> {
  const { zone, forward, log } = options;
  let turn = 0;
  const answer = async (message: Uint8Array, overUdp: boolean): Promise<Uint8Array | undefined> => {
    try {
      return await reply(zone(), message, { overUdp, turn: turn++, forward });
    } catch (e) {
      log.warn('a DNS query failed', { error: messageOf(e) });
      return undefined;
    }
  };

  const tcp = createServer({ noDelay: true }, (socket) => serveStream(socket, (message) => answer(message, false)));
  tcp.maxConnections = MAX_CONNECTIONS;
  tcp.listen(options.port, options.address);
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };

  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    void answer(message, true).then((bytes) => {
      if (bytes) udp.send(bytes, from.port, from.address, () => {});
    });
  });
  udp.bind(port, options.address);
  await once(udp, 'listening');
  udp.on('error', (e) => log.warn('the DNS socket failed', { error: e.message }));

  return {
    port,
    async close() {
      udp.close();
      tcp.close();
    },
  };
}

/** DNS over TCP: each message after its length in two bytes. One answer at a time, in order. */
function serveStream(socket: Socket, answer: (message: Uint8Array) => Promise<Uint8Array | undefined>): void {
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const serve = async (): Promise<void> => {
    let pending = Buffer.alloc(0);
    for await (const chunk of socket) {
      pending = Buffer.concat([pending, chunk as Buffer]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const bytes = await answer(pending.subarray(2, end));
        pending = pending.subarray(end);
        if (!bytes) return void socket.destroy();
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        socket.write(Buffer.concat([length, bytes]));
      }
    }
  };
  serve().catch(() => socket.destroy());
}
