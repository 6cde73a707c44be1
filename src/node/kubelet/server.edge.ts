import { chmodSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { join } from 'node:path';
import { ApiError } from '../../api/index.ts';
import { Channel, messageOf, type Clock, type Log } from '../../base/index.ts';
import type { PodWorker } from '../lifecycle/pod-worker.ts';
import type { PodNetworks } from '../net/types.ts';
import type { Container } from '../objects.ts';
import { readLog } from '../runtime/log-file.edge.ts';
import { resizePty } from '../runtime/pty.edge.ts';
import { TERMINAL } from '../runtime/scripts.ts';
import { usageOf, usageOfMachine } from '../runtime/usage.edge.ts';
import type { ContainerRef } from '../runtime/types.ts';
import type { Containers } from '../runtime/containers.edge.ts';
import { END_OF_INPUT, FrameWriter, readFrames, serveExec, typeInto } from './exec.edge.ts';
import { containerOf, containerSpec, numberOf, parseRequest, sinceOf, type KubeletRequest } from './request.ts';

export interface KubeletOptions {
  readonly socketPath: string;
  readonly pods: { find(namespace: string, name: string): PodWorker | undefined; all(): Iterable<PodWorker> };
  readonly runtime: Containers;
  readonly networks: Pick<PodNetworks, 'connect'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves the node's API on a Unix socket that only its owner may use: logs, exec, attach, port-forward, usage of pods. */
export function serveKubelet(options: KubeletOptions): Server {
  const { socketPath, log } = options;
  const server = createServer((req, res) => {
    plain(req, res, options).catch((error: unknown) => refuse(res, error, log));
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    upgraded(req, socket, options).catch((error: unknown) => refuseUpgrade(socket, error));
  });
  rmSync(socketPath, { force: true });
  server.listen(socketPath, () => chmodSync(socketPath, 0o600));
  return server;
}

async function plain(req: IncomingMessage, res: ServerResponse, options: KubeletOptions): Promise<void> {
  const wanted = parseRequest(req.url ?? '/');
  if (wanted.verb === 'metrics') {
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ node: usageOfMachine(), pods: usage(options) }));
    return;
  }
  if (wanted.verb !== 'logs') throw new ApiError('BadRequest', `${wanted.verb} needs an upgrade of the connection`);
  const { query } = wanted;
  const worker = workerOf(options, wanted.namespace, wanted.pod);
  const container = containerOf(worker.pod, query.get('container'));
  const previous = query.get('previous') === 'true';
  const ref = worker.ref(container, previous);
  if (!ref || (previous && options.runtime.inspect(ref).state === 'absent')) {
    const message = previous
      ? `previous terminated container "${container}" in pod "${wanted.pod}" not found`
      : `container "${container}" in pod "${wanted.pod}" is waiting to start`;
    throw new ApiError('BadRequest', message);
  }
  const output = readLog(
    options.runtime.directory(ref),
    {
      follow: query.get('follow') === 'true' && !previous,
      timestamps: query.get('timestamps') === 'true',
      tailLines: numberOf(query, 'tailLines'),
      since: sinceOf(query, options.clock.now()),
      limitBytes: numberOf(query, 'limitBytes'),
      running: () => options.runtime.inspect(ref).state === 'running',
    },
    options.clock,
  );
  res.writeHead(200, { 'content-type': 'text/plain' });
  res.flushHeaders();
  await pipeline(output, res).catch(() => output.destroy());
}

async function upgraded(req: IncomingMessage, socket: Duplex, options: KubeletOptions): Promise<void> {
  const wanted = parseRequest(req.url ?? '/');
  if (wanted.verb === 'portforward') return forward(socket, wanted, options);
  if (wanted.verb !== 'exec' && wanted.verb !== 'attach')
    throw new ApiError('BadRequest', 'only exec, attach and portforward take an upgrade');
  const { query } = wanted;
  const worker = workerOf(options, wanted.namespace, wanted.pod);
  const container = containerOf(worker.pod, query.get('container'));
  const ref = worker.ref(container);
  if (!ref || !worker.isRunning(container)) throw new ApiError('BadRequest', `container ${container} of pod ${wanted.pod} is not running`);
  accept(socket, 'sluice-exec');
  if (wanted.verb === 'attach') return attach(socket, ref, containerSpec(worker.pod, container), query.get('stdin') === 'true', options);
  const init = options.runtime.initPid(ref);
  const flags = { tty: query.get('tty') === 'true', stdin: query.get('stdin') === 'true' };
  await serveExec(socket, options.runtime, ref, `/proc/${init}/root`, { command: query.getAll('command'), ...flags });
}

/** The output of a running container from now on, and its stdin when it has one. */
async function attach(socket: Duplex, ref: ContainerRef, spec: Container, stdin: boolean, options: KubeletOptions): Promise<void> {
  const { runtime, clock } = options;
  const writer = new FrameWriter(socket);
  const dir = runtime.directory(ref);
  const input = stdin && spec.stdin ? openFifo(join(dir, 'stdin')) : undefined;
  readFrames(socket, {
    stdin: (data) => input && typeInto(input, socket, data),
    stdinEnd: () => input?.end(spec.tty && spec.stdinOnce ? END_OF_INPUT : ''),
    resize: (columns, rows) => spec.tty && resizeTerminal(runtime.initPid(ref), columns, rows),
  });
  const running = (): boolean => runtime.inspect(ref).state === 'running';
  const output = readLog(dir, { follow: true, timestamps: false, tailLines: 0, since: undefined, limitBytes: undefined, running }, clock);
  socket.once('close', () => {
    output.destroy();
    input?.destroy();
  });
  await writer.pipe(Channel.stdout, output);
  const end = runtime.inspect(ref);
  writer.end({ exitCode: end.state === 'exited' ? end.exitCode : 0 });
}

/** For writing. Never waits: a FIFO that nobody reads would hold a thread of the agent, which has four. */
function openFifo(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: false, writable: true }).on('error', () => {});
}

function resizeTerminal(init: number | undefined, columns: number, rows: number): void {
  try {
    const terminal = openSync(`/proc/${init}/root${TERMINAL}`, constants.O_RDWR | constants.O_NOCTTY);
    resizePty(terminal, columns, rows);
    closeSync(terminal);
  } catch {
    // The container has ended meanwhile.
  }
}

function forward(socket: Duplex, wanted: Extract<KubeletRequest, { verb: 'portforward' }>, options: KubeletOptions): void {
  const worker = workerOf(options, wanted.namespace, wanted.pod);
  if (!worker.podIP) throw new ApiError('BadRequest', `pod ${wanted.pod} has no network yet`);
  const target = options.networks.connect(worker.uid, '127.0.0.1', wanted.port);
  target.once('error', (error) =>
    refuseUpgrade(socket, new ApiError('InternalError', `port ${wanted.port} of pod ${wanted.pod}: ${error.message}`)),
  );
  target.once('connect', () => {
    target.removeAllListeners('error');
    accept(socket, 'sluice-stream');
    pipeline(socket, target, socket).catch(() => {
      socket.destroy();
      target.destroy();
    });
  });
}

function workerOf(options: KubeletOptions, namespace: string, name: string): PodWorker {
  const worker = options.pods.find(namespace, name);
  if (!worker) throw new ApiError('NotFound', `pods "${name}" not found on the node`);
  return worker;
}

function usage({ pods, runtime }: KubeletOptions): unknown[] {
  const found = [...pods.all()].map((worker) => {
    const names = [...(worker.pod.spec?.initContainers ?? []), ...(worker.pod.spec?.containers ?? [])].map((c) => c.name);
    const running = names
      .filter((n) => worker.isRunning(n))
      .flatMap((name) => {
        const pid = runtime.initPid(worker.ref(name)!);
        return pid === undefined ? [] : [{ name, pid }];
      });
    return { worker, running };
  });
  const used = usageOf(found.flatMap((f) => f.running.map((r) => r.pid)));
  return found.map(({ worker, running }) => ({
    namespace: worker.pod.metadata?.namespace,
    name: worker.pod.metadata?.name,
    containers: running.map(({ name, pid }) => ({ name, ...used.get(pid) })),
  }));
}

function accept(socket: Duplex, protocol: string): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
}

const asApiError = (error: unknown): ApiError => (error instanceof ApiError ? error : new ApiError('InternalError', messageOf(error)));

function refuse(res: ServerResponse, error: unknown, log: Log): void {
  const fault = asApiError(error);
  if (fault.code >= 500) log.warn('a request failed', { error: fault.message });
  if (res.headersSent) return void res.destroy();
  res.writeHead(fault.code, { 'content-type': 'application/json' });
  res.end(JSON.stringify(fault.body()));
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const fault = asApiError(error);
  const body = JSON.stringify(fault.body());
  const head = `HTTP/1.1 ${fault.code} ${fault.reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  if (!socket.destroyed) socket.end(head + body);
}
