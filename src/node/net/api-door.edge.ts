import { createConnection, createServer, type Socket } from 'node:net';
import { Fault, type Log } from '../../base/index.ts';

export interface ApiDoorOptions {
  /** An address of the node, and a port there. */
  readonly address: string;
  readonly port: number;
  /** The API server's TLS listener, outside of the node's namespaces. */
  readonly socketPath: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Connections at a time; more wait in the kernel. */
const MAX_CONNECTIONS = 2048;

/**
 * Leads pods to the API server: bytes in, bytes out. TLS goes from end to end, so that the certificate is the server's and who
 * asks is known by what they send; the agent lends nobody its own identity. Resolves once it listens.
 */
export async function leadToApi({ address, port, socketPath, log, signal }: ApiDoorOptions): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (client) =>
    join(client, createConnection({ path: socketPath, allowHalfOpen: true })),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Fault('ApiDoorClosed', `pods cannot reach the API server at ${address}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, address, resolve);
  });
  server.on('error', (error) => log.warn('the way to the API server has trouble', { error: error.message }));
  signal.addEventListener('abort', () => server.close());
}

/** Each side's end, and each side's failure, is the other's. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.setNoDelay();
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}
