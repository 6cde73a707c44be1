/** What a process tells of itself over HTTP: that it lives, and what it counts. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault, messageOf } from '../base/index.ts';

export interface OwnPages {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves once it listens; `port` 0: any. `metrics`: in Prometheus' text format. */
export async function serveOwnPages(metrics: () => Iterable<Buffer>, address: string, port: number): Promise<OwnPages> {
  const server = createServer((request, response) => {
    request.resume();
    const { pathname } = new URL(request.url ?? '/', 'http://own');
    if (pathname === '/metrics')
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(Buffer.concat([...metrics()]));
    else if (pathname === '/healthz') response.writeHead(200, { 'content-type': 'text/plain' }).end('OK');
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('There are /healthz and /metrics.\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Fault('PortTaken', `${address}:${port} cannot be listened on: ${messageOf(cause)}`, {
          hint: 'Choose another with --port.',
          cause,
        }),
      ),
    );
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
