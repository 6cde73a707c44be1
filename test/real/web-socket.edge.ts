/** Connections that are upgraded, as WebSockets are. */
import { createServer, request, type Server } from 'node:http';

/** A server that takes upgrades, and says back what comes first. */
export function repeater(): Server {
  const server = createServer();
  server.on('upgrade', (_req, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
    socket.on('data', (bytes: Buffer) => socket.end(`you said ${bytes.toString()}`));
    socket.on('error', () => undefined);
  });
  return server;
}

/** The first that is answered to `said` by the host, behind a port of the machine. */
export function overWebSocket(port: number, host: string, said: string): Promise<string> {
  const headers = {
    host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, headers, agent: false });
    req.on('upgrade', (_res, socket, head) => {
      const done = (bytes: Buffer): void => {
        resolve(bytes.toString());
        socket.destroy();
      };
      if (head.length) done(head);
      socket.on('data', done);
      socket.write(said);
    });
    req.on('response', (res) => reject(new Error(`answered with ${res.statusCode}`)));
    req.on('error', reject);
    req.end();
  });
}
