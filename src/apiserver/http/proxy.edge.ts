import { request, STATUS_CODES, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect } from 'node:tls';
import { ApiError } from '../../api/index.ts';
import { messageOf } from '../../base/index.ts';
import type { Target } from '../registry.ts';
import { methodNotAllowed, warn, type Api, type Call } from './call.ts';
import { serveNode } from './node-proxy.ts';
import { headersIn, headersOut, hostOf, pathBehind, proxiedIn } from './proxy.ts';
import type { UpgradeRequest } from './streams.edge.ts';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Answers `pods|services|nodes/<name>/proxy/...` with what the one behind it answers, as it comes. */
export async function serveProxy(api: Api, call: Call, target: Target): Promise<void> {
  const { req, res, url } = call;
  const { prefix, path } = pathBehind(url.pathname);
  if (!METHODS.has(req.method ?? '')) throw methodNotAllowed();
  if (target.served.def.resource.plural === 'nodes') {
    warn(call, await allow(api, target, path ?? '/'));
    return serveNode(api, call, target, path ?? '/');
  }
  if (path === undefined) return void res.writeHead(301, { location: `${prefix}/${url.search}` }).end();
  warn(call, await allow(api, target, path));
  const stream = await dial(api, target);
  // The one behind may take as long as it wants; whoever asked decides when it is enough.
  res.once('close', () => stream.destroy());
  const upstream = open(stream, req, path + url.search, headersIn(req.headers, url.pathname, false));
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once('response', resolve).once('error', (error) => reject(unreachable(error)));
    upstream.once('upgrade', () => reject(unreachable(new Error('it left HTTP without being asked to'))));
    pipeline(req, upstream).catch(() => {});
  });
  res.writeHead(answer.statusCode ?? 502, headersOut(answer.headers, prefix, hostOf(req.headers)));
  res.flushHeaders();
  // Either end may go away in the middle; the answer has begun, so there is nothing to say.
  await pipeline(answer, res).catch(() => res.destroy());
}

/** Lets a client and the one behind the proxy speak another protocol than HTTP, such as WebSocket. */
export async function upgradeProxy(api: Api, { req, socket, head, url }: UpgradeRequest, target: Target): Promise<void> {
  const { prefix, path } = pathBehind(url.pathname);
  if (target.served.def.resource.plural === 'nodes') throw new ApiError('BadRequest', 'nodes serve no upgrades here');
  await allow(api, target, path ?? '');
  const stream = await dial(api, target);
  socket.once('close', () => stream.destroy());
  const upstream = open(stream, req, (path ?? '/') + url.search, headersIn(req.headers, url.pathname, true));
  upstream.end();
  const write = (answer: IncomingMessage, headers: OutgoingHttpHeaders): void => {
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${String(one)}`),
    );
    const status = answer.statusCode ?? 502;
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n`);
  };
  await new Promise<void>((resolve, reject) => {
    upstream.once('error', (error) => reject(unreachable(error)));
    upstream.once('upgrade', (answer: IncomingMessage, behind: Duplex, first: Buffer) => {
      const headers = headersOut(answer.headers, prefix, hostOf(req.headers));
      write(answer, { ...headers, connection: 'Upgrade', upgrade: answer.headers.upgrade });
      if (first.length > 0) socket.write(first);
      if (head.length > 0) behind.write(head);
      behind.on('error', () => socket.destroy());
      behind.once('close', () => socket.destroy());
      behind.pipe(socket).pipe(behind);
      resolve();
    });
    upstream.once('response', (answer) => {
      write(answer, { ...headersOut(answer.headers, prefix, hostOf(req.headers)), connection: 'close' });
      pipeline(answer, socket).then(resolve, () => resolve(void socket.destroy()));
    });
  });
}

/** Asks those who have a say in it. */
function allow(api: Api, target: Target, path: string): Promise<readonly string[]> {
  const kind = target.served.def.subresources?.find((s) => s.name === 'proxy')?.kind ?? '';
  return api.registry.connect(target, { kind, apiVersion: 'v1', path });
}

async function dial(api: Api, { served, namespace = '', name = '' }: Target): Promise<Duplex> {
  const what = served.def.resource.plural === 'pods' ? 'pod' : 'service';
  const { tls, name: of, port } = proxiedIn(name, what);
  let stream: Duplex;
  try {
    stream = await (what === 'pod' ? api.dialer.pod(namespace, of, port, tls ? 443 : 80) : api.dialer.service(namespace, of, port));
  } catch (error) {
    const said = error instanceof ApiError && (error.reason === 'NotFound' || error.reason === 'ServiceUnavailable');
    throw said ? error : unreachable(error);
  }
  // Its errors are those of the request that is made on it.
  stream.on('error', () => {});
  if (!tls) return stream;
  // As the real server does: who is behind is known by the cluster, not by a certificate.
  return connect({ socket: stream, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
}

function open(stream: Duplex, { method }: IncomingMessage, path: string, headers: OutgoingHttpHeaders): ClientRequest {
  return request({ createConnection: () => stream, method, path, headers, setHost: false });
}

function unreachable(error: unknown): ApiError {
  return new ApiError('ServiceUnavailable', `error trying to reach service: ${messageOf(error)}`);
}
