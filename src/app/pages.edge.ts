/** HTTP servers on which a process tells of itself: each page is made when it is asked for. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault, messageOf, type Log } from '../base/index.ts';
import type { Page } from './own-pages.ts';

/** A Unix socket that only this user can open, or a port; `port` 0: any. */
export type Place = { readonly socketPath: string } | { readonly address: string; readonly port: number };

export interface Pages {
  /** Undefined for a socket. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

/** Resolves once it listens. Throws a `Fault` when the port is taken. */
export async function servePages(place: Place, answer: (url: URL) => Page, log: Log): Promise<Pages> {
  const server = createServer((request, response) => {
    request.resume();
    try {
      const { status, body } = answer(new URL((request.url ?? '/').replace(/^\/+/, '/'), 'http://own'));
      const asIs = typeof body === 'string' || body instanceof Uint8Array;
      response
        .writeHead(status, { 'content-type': asIs ? 'text/plain; version=0.0.4' : 'application/json' })
        .end(asIs ? body : `${JSON.stringify(body, null, 2)}\n`);
    } catch (error) {
      log.error('a page could not be made', { path: request.url, error: messageOf(error) });
      response.writeHead(500).end(`${messageOf(error)}\n`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    if ('socketPath' in place) {
      rmSync(place.socketPath, { force: true });
      server.once('error', reject).listen(place.socketPath, resolve);
    } else {
      const { address, port } = place;
      const refused = (cause: Error): void =>
        reject(
          new Fault('PortTaken', `${address}:${port} cannot be listened on: ${messageOf(cause)}`, {
            hint: 'Choose another with --port.',
            cause,
          }),
        );
      server.once('error', refused).listen(port, address, resolve);
    }
  });
  if ('socketPath' in place) chmodSync(place.socketPath, 0o600);
  return {
    port: 'port' in place ? (server.address() as AddressInfo).port : undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
