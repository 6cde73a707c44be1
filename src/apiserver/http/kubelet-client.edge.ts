import { request, type IncomingMessage } from 'node:http';
import { PassThrough, Writable, type Duplex, type Readable } from 'node:stream';
import { ApiError, type StatusReason } from '../../api/index.ts';
import { Channel, encodeFrame, FrameDecoder, messageOf } from '../../base/index.ts';
import type { ExecOptions, ExecSession, Kubelet, LogOptions } from '../kubelet.ts';

const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The node's agent, over its Unix socket: plain HTTP for logs, an upgrade to frames (`sluice-exec`, see `base/frames.ts`) for
 * exec and attach, an upgrade to raw bytes (`sluice-stream`) for ports. Failures are `ApiError`, ServiceUnavailable when the
 * agent does not answer.
 */
export function createKubeletClient({ socketPath }: { readonly socketPath: string }): Kubelet {
  const session = (verb: string, namespace: string, pod: string, options: Record<string, QueryValue>): Promise<ExecSession> =>
    upgrade(socketPath, target(verb, [namespace, pod], options), 'sluice-exec').then(sessionOver);
  return {
    logs: (namespace, pod, options) => logs(socketPath, target('logs', [namespace, pod], { ...options } satisfies LogOptions)),
    exec: (namespace, pod, options) => session('exec', namespace, pod, { ...options } satisfies ExecOptions),
    attach: (namespace, pod, options) => session('attach', namespace, pod, { ...options }),
    portForward: (namespace, pod, port) => upgrade(socketPath, target('portforward', [namespace, pod, String(port)], {}), 'sluice-stream'),
  };
}

type QueryValue = string | number | boolean | readonly string[] | undefined;

function target(verb: string, parts: readonly string[], query: Record<string, QueryValue>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  return `/${verb}/${parts.map(encodeURIComponent).join('/')}${params.size > 0 ? `?${params.toString()}` : ''}`;
}

function logs(socketPath: string, path: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path, headers: { host: 'node' } });
    req.once('error', (error) => reject(unreachable(error)));
    req.once('response', (res) => {
      if (res.statusCode === 200) resolve(res);
      else failure(res).then(reject, reject);
    });
    req.end();
  });
}

function upgrade(socketPath: string, path: string, protocol: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path, headers: { host: 'node', connection: 'Upgrade', upgrade: protocol } });
    req.once('error', (error) => reject(unreachable(error)));
    req.once('response', (res) => void failure(res).then(reject, reject));
    req.once('upgrade', (_res, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    req.end();
  });
}

function unreachable(error: Error): ApiError {
  return new ApiError('ServiceUnavailable', `the node's agent does not answer: ${error.message}`);
}

/** What a response other than success says. */
async function failure(res: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of res.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_ERROR_BYTES) break;
  }
  try {
    const status = JSON.parse(text) as { reason?: StatusReason; message?: string; details?: ApiError['details'] };
    return new ApiError(status.reason ?? 'InternalError', status.message ?? text, status.details);
  } catch {
    return new ApiError('InternalError', `the node's agent answered ${res.statusCode}: ${text.slice(0, 200)}`);
  }
}

function sessionOver(socket: Duplex): ExecSession {
  const decoder = new FrameDecoder();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const send = (channel: number, data: string | Uint8Array, done?: () => void): void => {
    if (socket.writable) socket.write(encodeFrame(channel, data), () => done?.());
    else done?.();
  };
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => send(Channel.stdin, chunk, done),
    final: (done) => send(Channel.close, Uint8Array.of(Channel.stdin), done),
  });
  const exit = Promise.withResolvers<number>();
  // A session that nobody awaits any more must not bring the process down.
  exit.promise.catch(() => {});

  const output = (to: PassThrough, data: Uint8Array): void => {
    if (to.write(data)) return;
    socket.pause();
    to.once('drain', () => socket.resume());
  };
  const ended = (reason: string): void => {
    exit.reject(new ApiError('InternalError', reason));
    stdout.end();
    stderr.end();
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { channel, payload } of decoder.push(chunk)) {
        if (channel === Channel.stdout) output(stdout, payload);
        else if (channel === Channel.stderr) output(stderr, payload);
        else if (channel === Channel.close) (payload[0] === Channel.stdout ? stdout : stderr).end();
        else if (channel === Channel.exit) {
          const outcome = JSON.parse(Buffer.from(payload).toString('utf8')) as { exitCode?: number; error?: string };
          if (outcome.exitCode === undefined) exit.reject(new ApiError('InternalError', outcome.error ?? 'the command could not be run'));
          else exit.resolve(outcome.exitCode);
          stdout.end();
          stderr.end();
        }
      }
    } catch (error) {
      ended(`the node's agent sent what cannot be read: ${messageOf(error)}`);
      socket.destroy();
    }
  });
  socket.on('error', (error) => ended(error.message));
  socket.once('close', () => ended('the connection to the node was lost'));
  return {
    stdin,
    stdout,
    stderr,
    resize: (width, height) => send(Channel.resize, JSON.stringify({ width, height })),
    exit: exit.promise,
    close: () => socket.destroy(),
  };
}
