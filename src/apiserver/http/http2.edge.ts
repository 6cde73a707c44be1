import { createServer, type ServerHttp2Session } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';

/**
 * What may be open at once on one connection; client-go opens another one past that. It is far more than a program has: streams that
 * were reset still count for a moment, and one too many is refused in a way that client-go does not try again.
 */
const MAX_STREAMS = 1000;
/** A connection that nothing is open on is closed after this time. */
const IDLE_MS = 120_000;
/** What is held for all streams of one connection, in MB: a client with many lists under way is refused no new request for them. */
const SESSION_MEMORY_MB = 128;

export interface Http2 {
  /** Takes no new requests; those under way may end. */
  close(): void;
  /** Breaks off what is left. */
  destroy(): void;
}

/**
 * Lets a TLS server speak HTTP/2 to the clients that choose it (ALPN): client-go's, which then have all their watches on one
 * connection. Each stream has a window of its own, so that a watch which is not read holds up no other. Upgrades are of HTTP/1.1 alone.
 */
export function serveHttp2(tls: Server, onRequest: (req: IncomingMessage, res: ServerResponse) => void): Http2 {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    settings: { maxConcurrentStreams: MAX_STREAMS, enablePush: false, initialWindowSize: 1 << 20 },
    maxSessionMemory: SESSION_MEMORY_MB,
  });
  server.on('session', (session) => {
    let open = 0;
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
    session.on('stream', (stream) => {
      open++;
      stream.once('close', () => open--);
    });
    session.setTimeout(IDLE_MS, () => {
      if (open === 0) session.close();
    });
  });
  server.on('request', (req, res) => {
    // The two have the same shape, as far as it is used here, but for these.
    const headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => !name.startsWith(':')));
    Object.defineProperty(req, 'headers', { value: { host: req.authority, ...headers } });
    Object.assign(req, { headersDistinct: distinct(req.rawHeaders) });
    onRequest(req as unknown as IncomingMessage, res as unknown as ServerResponse);
  });

  const http1 = tls.listeners('secureConnection') as ((this: Server, socket: TLSSocket) => void)[];
  tls.removeAllListeners('secureConnection');
  tls.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'h2') server.emit('connection', socket);
    else for (const serve of http1) serve.call(tls, socket);
  });
  return {
    close: () => sessions.forEach((session) => session.close()),
    destroy: () => sessions.forEach((session) => session.destroy()),
  };
}

/** Each value of each header: the names and values of a request in turn. */
function distinct(raw: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) (headers[raw[i]!.toLowerCase()] ??= []).push(raw[i + 1]!);
  return headers;
}
