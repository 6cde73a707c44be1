import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createDoor, type AddressInfo, type Server as NetServer } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../api/index.ts';
import { measureProcess, Fault, type Clock, type Log } from '../../base/index.ts';
import type { Auth } from '../auth/auth.ts';
import { ANONYMOUS, NODE, SERVER } from '../auth/identity.ts';
import { createDialer } from '../dialer.ts';
import type { Kubelet } from '../kubelet.ts';
import type { Registry, User } from '../registry.ts';
import { admit, type Admitted } from './admit.ts';
import { asApiError, sendError, type Api } from './call.ts';
import { createDocuments, type Documents } from './documents.ts';
import { serveHttp2 } from './http2.edge.ts';
import { serveObjects } from './objects.ts';
import { measureRequests, type Measure } from './request-metrics.ts';
import { serveUpgrade } from './streams.edge.ts';

export interface ApiServerOptions {
  readonly registry: Registry;
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  readonly log: Log;
  /** PEM. */
  readonly tls: {
    readonly cert: string;
    readonly key: string;
    /** Who vouches for clients' certificates; absent: nobody. */
    readonly ca?: string;
  };
  /** 0: any free one. */
  readonly port: number;
  /** `127.0.0.1` unless given. */
  readonly host?: string;
  /** For the node's agent and the programs of this machine's user: who can open it is trusted (0600). */
  readonly socketPath: string;
  /**
   * Where the TLS listener is reached by those who cannot reach its port: pods, through the node. It says nothing of who comes: that
   * is in what they send, as at the port. Absent: nowhere.
   */
  readonly tlsSocketPath?: string | undefined;
  readonly auth: Pick<Auth, 'authenticator' | 'authorizer' | 'keySet'>;
  /** `v1.35.2`. */
  readonly version: string;
}

export interface ApiServer {
  readonly port: number;
  /** Stops accepting, ends watches and streams, and resolves when both listeners are closed. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 4096;
/**
 * A connection that nothing is asked on is closed after this time, as the real server does it. After Node's own five seconds, a moment in
 * which the machine had no time for the server was enough to close connections whose next request had come already.
 */
const IDLE_MS = 90_000;

/** Serves the Kubernetes API: over TLS on loopback, and over a Unix socket. Throws a Fault when it cannot listen. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const stopping = new AbortController();
  const { registry, kubelet, clock, log, version } = options;
  const dialer = createDialer(() => registry.client(SERVER), kubelet);
  const api: Api = { registry, kubelet, dialer, clock, log, version, stopping: stopping.signal };
  const { auth } = options;
  const measure = measureRequests(registry.metrics, registry.catalog, clock);
  measureProcess(registry.metrics);
  const documents = createDocuments(api, auth.keySet);
  const upgraded = new Set<Duplex>();

  /** `local`: who comes without credentials. */
  const attach = (server: Server, local: User): ((req: IncomingMessage, res: ServerResponse) => void) => {
    const admitted = (req: IncomingMessage): Promise<Admitted> => admit(req, auth, local);
    server.maxConnections = MAX_CONNECTIONS;
    server.keepAliveTimeout = IDLE_MS;
    server.on('error', (error) => log.error('the API server has trouble with its listener', { error: error.message }));
    const serve = (req: IncomingMessage, res: ServerResponse): void => void answer(api, documents, measure, req, res, admitted);
    server.on('request', serve);
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgraded.add(socket);
      socket.once('close', () => upgraded.delete(socket));
      socket.on('error', () => socket.destroy());
      void upgrade(api, measure, req, socket, head, admitted);
    });
    return serve;
  };

  const tls = createTlsServer({
    ...options.tls,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    requestCert: true,
    rejectUnauthorized: false,
  });
  const http2 = serveHttp2(tls, attach(tls, ANONYMOUS));
  const local = createServer();
  attach(local, NODE);

  // A second door of the same server: what comes in here is taken for a connection to its port.
  const door = createDoor((socket) => tls.emit('connection', socket));
  door.maxConnections = MAX_CONNECTIONS;

  await listenAt(local, options.socketPath);
  if (options.tlsSocketPath) await listenAt(door, options.tlsSocketPath);
  try {
    await listen(tls, { port: options.port, host: options.host ?? '127.0.0.1' });
  } catch (error) {
    local.close();
    door.close();
    throw error;
  }
  return {
    port: (tls.address() as AddressInfo).port,
    async close() {
      stopping.abort();
      const closed = [tls, local, door].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of upgraded) socket.destroy();
      // Answers under way get a moment; connections that only wait are closed now.
      for (const server of [tls, local]) server.closeIdleConnections();
      http2.close();
      const timer = clock.after(1000, () => {
        http2.destroy();
        for (const server of [tls, local]) server.closeAllConnections();
      });
      await Promise.all(closed);
      timer.cancel();
    },
  };
}

/** A socket that only its owner may open. */
async function listenAt(server: NetServer, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  await listen(server, { path });
  chmodSync(path, 0o600);
}

function listen(server: NetServer, where: { path: string } | { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const at = 'path' in where ? where.path : `${where.host}:${where.port}`;
      const hint = error.code === 'EADDRINUSE' ? 'Stop what listens there, or choose another port.' : undefined;
      reject(
        new Fault('ApiServerCannotListen', `the API server cannot listen on ${at}: ${error.message}`, {
          cause: error,
          ...(hint ? { hint } : {}),
        }),
      );
    };
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

type Admit = (req: IncomingMessage) => Promise<Admitted>;

async function answer(
  api: Api,
  documents: Documents,
  measure: Measure,
  req: IncomingMessage,
  res: ServerResponse,
  admitted: Admit,
): Promise<void> {
  // A client that goes away while it is answered is no failure of ours.
  res.on('error', () => {});
  const call = { req, res, url: new URL('http://server/'), user: ANONYMOUS };
  try {
    const { info, ...rest } = await admitted(req);
    Object.assign(call, rest);
    const measured = measure(req.method ?? '', info, call.url.searchParams);
    res.once('close', () => measured.done(res.statusCode));
    if (info.type === 'resource') await serveObjects(api, call, info);
    else if (req.method !== 'GET' && req.method !== 'HEAD') throw new ApiError('MethodNotAllowed', 'only GET is served here');
    else if (info.type === 'discovery') documents.discovery(call, info);
    else await documents.other(call, info.path);
  } catch (error) {
    sendError(api, call, error);
  }
}

async function upgrade(api: Api, measure: Measure, req: IncomingMessage, socket: Duplex, head: Buffer, admitted: Admit): Promise<void> {
  let code = 101;
  try {
    const { url, info, user } = await admitted(req);
    const measured = measure(req.method ?? '', info, url.searchParams);
    socket.once('close', () => measured.done(code));
    if (info.type !== 'resource') throw new ApiError('BadRequest', 'nothing can be upgraded here');
    await serveUpgrade(api, { req, socket, head, url, user }, info);
  } catch (error) {
    if (socket.destroyed || !socket.writable) return;
    const failure = asApiError(error, api.log);
    ({ code } = failure);
    const body = JSON.stringify(failure.body());
    socket.end(
      `HTTP/1.1 ${failure.code} ${STATUS_CODES[failure.code] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}
