import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { ApiError } from '../../api/index.ts';
import type { ExecSession } from '../kubelet.ts';
import type { Target, User } from '../registry.ts';
import { notServed, type Api } from './call.ts';
import { targetOf, type ResourceInfo } from './objects.ts';
import { containerOf, podOf } from './pod-logs.ts';
import { servePortForward } from './port-forward.ts';
import { upgradeProxy } from './proxy.edge.ts';
import { flag, text } from './query.ts';
import { runRemoteCommand, spdyTerminal, webSocketTerminal, type WantedStreams } from './remote-command.ts';
import { serveSpdy, type SpdyStream } from './spdy-session.ts';

/** A connection that asks to become something other than HTTP. */
export interface UpgradeRequest {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  /** What came in after the request already. */
  readonly head: Buffer;
  readonly url: URL;
  readonly user: User;
}

const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const SPDY_EXEC_PROTOCOLS = ['v4.channel.k8s.io'];
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const PORT_FORWARD = 'portforward.k8s.io';
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** How long a SPDY client may take to open the streams it has announced. */
const STREAMS_MS = 30_000;

const webSockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
});
/** The protocol each was granted. It is kept from the library, which takes no name with a slash in it, as that of the tunnel has. */
const granted = new WeakMap<IncomingMessage, string>();
webSockets.on('headers', (headers, req) => headers.push(`Sec-WebSocket-Protocol: ${granted.get(req)}`));

/** Serves `exec`, `attach` and `portforward`, over WebSocket or SPDY. What it throws is answered as a Status in place of the upgrade. */
export async function serveUpgrade(api: Api, upgrade: UpgradeRequest, info: ResourceInfo): Promise<void> {
  const served = api.registry.catalog.find(info.group, info.version, info.plural);
  const verb = info.subresource ?? '';
  if (served && verb === 'proxy') return upgradeProxy(api, upgrade, targetOf(served, info, upgrade));
  if (!served || info.group !== '' || info.plural !== 'pods' || !['exec', 'attach', 'portforward'].includes(verb)) throw notServed();
  const target = targetOf(served, info, upgrade);
  const transport = transportOf(upgrade.req, verb);
  const { pod, namespace, name } = await podOf(api, target);
  const kind = served.def.subresources?.find((s) => s.name === verb)?.kind ?? '';
  const asked = { kind, apiVersion: 'v1' };
  if (verb === 'portforward') {
    await api.registry.connect(target, asked);
    return forward(api, upgrade, transport, target);
  }

  const q = upgrade.url.searchParams;
  const container = containerOf(pod, text(q, 'container'));
  const tty = flag(q, 'tty') ?? false;
  const wanted: WantedStreams = {
    stdin: flag(q, 'stdin') ?? false,
    stdout: flag(q, 'stdout') ?? false,
    stderr: !tty && (flag(q, 'stderr') ?? false),
  };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr)
    throw new ApiError('BadRequest', 'you must specify at least one of stdin, stdout, stderr');
  const command = q.getAll('command');
  if (verb === 'exec' && command.length === 0) throw new ApiError('BadRequest', 'you must specify a command for the container');
  const options = { container, tty, ...wanted };
  await api.registry.connect(target, { ...asked, ...options, ...(verb === 'exec' ? { command } : {}) });
  const session = await (verb === 'exec'
    ? api.kubelet.exec(namespace, name, { ...options, command })
    : api.kubelet.attach(namespace, name, options));
  upgrade.socket.once('close', () => session.close());
  // It may fail before the client is ready to be told; whoever runs the session tells it.
  session.exit.catch(() => {});
  if (transport.type === 'websocket') {
    const socket = await acceptWebSocket(upgrade, transport.protocol);
    await runRemoteCommand(session, webSocketTerminal(socket, wanted));
  } else {
    acceptSpdy(upgrade, transport.protocol);
    await spdyCommand(api, upgrade.socket, session, wanted, tty);
  }
}

/** Which of the ways to stream a client asks for; BadRequest when it offers none that is known. */
function transportOf(req: IncomingMessage, verb: string): { type: 'websocket' | 'spdy'; protocol: string } {
  const type = (req.headers.upgrade ?? '').toLowerCase();
  const isWebSocket = type === 'websocket';
  if (!isWebSocket && type !== 'spdy/3.1')
    throw new ApiError('BadRequest', `cannot upgrade to "${req.headers.upgrade}": websocket and SPDY/3.1 are served`);
  const header = req.headers[isWebSocket ? 'sec-websocket-protocol' : 'x-stream-protocol-version'];
  const offered = new Set(
    String(header ?? '')
      .split(',')
      .map((p) => p.trim()),
  );
  const known = verb === 'portforward' ? [isWebSocket ? TUNNEL : PORT_FORWARD] : isWebSocket ? EXEC_PROTOCOLS : SPDY_EXEC_PROTOCOLS;
  const protocol = known.find((p) => offered.has(p));
  if (!protocol) throw new ApiError('BadRequest', `none of the stream protocols offered is served: use ${known.join(' or ')}`);
  return { type: isWebSocket ? 'websocket' : 'spdy', protocol };
}

async function forward(
  api: Api,
  upgrade: UpgradeRequest,
  transport: { type: 'websocket' | 'spdy'; protocol: string },
  target: Target,
): Promise<void> {
  const dial = (port: number): Promise<Duplex> => api.kubelet.portForward(target.namespace ?? '', target.name ?? '', port);
  if (transport.type === 'websocket') {
    await servePortForward(createWebSocketStream(await acceptWebSocket(upgrade, transport.protocol)), dial);
  } else {
    acceptSpdy(upgrade, transport.protocol);
    await servePortForward(upgrade.socket, dial);
  }
}

function acceptWebSocket({ req, socket, head }: UpgradeRequest, protocol: string): Promise<WebSocket> {
  granted.set(req, protocol);
  delete req.headers['sec-websocket-protocol'];
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the client went away')));
    webSockets.handleUpgrade(req, socket, head, resolve);
  });
}

function acceptSpdy({ socket, head }: UpgradeRequest, protocol: string): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
}

/** Waits until the client has opened the streams that belong to what it asked for, then runs the session on them. */
async function spdyCommand(api: Api, socket: Duplex, session: ExecSession, wanted: WantedStreams, tty: boolean): Promise<void> {
  const names = ['error', ...(['stdin', 'stdout', 'stderr'] as const).filter((n) => wanted[n]), ...(tty ? ['resize'] : [])];
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<boolean>();
  const ended = serveSpdy(socket, (stream) => {
    streams.set(stream.headers['streamtype'] ?? '', stream);
    if (names.every((n) => streams.has(n))) complete.resolve(true);
  });
  void ended.then(() => complete.resolve(false));
  const timer = api.clock.after(STREAMS_MS, () => complete.resolve(false));
  const ready = await complete.promise;
  timer.cancel();
  if (!ready) return void socket.destroy();
  await runRemoteCommand(
    session,
    spdyTerminal(streams, ended, () => socket.end()),
  );
}
