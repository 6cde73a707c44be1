/** Connections that carry bytes, with and without TLS. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** A server that answers the first bytes of a client with its name and these, and ends. */
export async function greeter(t: TestContext, name: string): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => socket.end(`${name}: ${bytes.toString()}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What is answered to these bytes; empty when the connection is refused or cut. TLS where a server name is given. */
export function bytesOver(to: ConnectionOptions & { port: number }, sent: string): Promise<string> {
  const { port, servername, host = '127.0.0.1' } = to;
  const socket = servername ? connectTls({ rejectUnauthorized: false, ...to, host }) : connect({ host, port });
  return new Promise((resolve) => {
    let said = '';
    socket.setTimeout(5000, () => socket.destroy());
    socket.on(servername ? 'secureConnect' : 'connect', () => socket.write(sent));
    socket.on('data', (bytes: Buffer) => (said += bytes.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(said));
  });
}
