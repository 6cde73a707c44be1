import { PassThrough, Writable, type Readable } from 'node:stream';
import { ApiError, type StatusCause } from '../../api/index.ts';
import { messageOf } from '../../base/index.ts';
import type { ExecSession } from '../kubelet.ts';
import type { SpdyStream } from './spdy-session.ts';

/** The client's end of `exec` and `attach`, whatever protocol carries it. */
export interface RemoteTerminal {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Calls `listener` with columns and rows whenever the client's terminal changes its size. */
  onResize(listener: (width: number, height: number) => void): void;
  /** Sends the outcome (a `metav1.Status`), then ends the connection. */
  finish(status: string): void;
  /** Resolves when the client has gone away. */
  readonly gone: Promise<void>;
}

/** Connects a process with a client until either is done. Never rejects. */
export async function runRemoteCommand(session: ExecSession, terminal: RemoteTerminal): Promise<void> {
  const flushed: Promise<void>[] = [];
  const copy = (from: Readable, to: Writable | undefined): void => {
    if (!to) return void from.resume();
    flushed.push(
      new Promise((resolve) =>
        to
          .once('finish', resolve)
          .once('close', resolve)
          .once('error', () => resolve()),
      ),
    );
    from.on('error', () => to.end());
    from.pipe(to);
  };
  copy(session.stdout, terminal.stdout);
  copy(session.stderr, terminal.stderr);
  session.stdin.on('error', () => {});
  if (terminal.stdin) terminal.stdin.pipe(session.stdin);
  else session.stdin.end();
  terminal.onResize((width, height) => session.resize(width, height));

  const outcome = session.exit.then(exitStatus, failureStatus);
  const status = await Promise.race([outcome, terminal.gone]);
  if (status === undefined) return session.close();
  await Promise.race([Promise.all(flushed), terminal.gone]);
  terminal.finish(status);
  session.close();
}

function exitStatus(code: number): string {
  if (code === 0) return status({ status: 'Success' });
  const causes: StatusCause[] = [{ reason: 'ExitCode', message: String(code) }];
  const message = `command terminated with non-zero exit code: exit status ${code}`;
  return status({ status: 'Failure', message, reason: 'NonZeroExitCode', details: { causes } });
}

function failureStatus(error: unknown): string {
  const refused = error instanceof ApiError ? error : new ApiError('InternalError', messageOf(error));
  return JSON.stringify(refused.body());
}

function status(fields: Record<string, unknown>): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...fields });
}

/** Reads `{"Width":columns,"Height":rows}`; what is not that is ignored. */
export function parseSize(text: string): { width: number; height: number } | undefined {
  try {
    const size = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const { Width: width, Height: height } = size;
    return isDimension(width) && isDimension(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

function isDimension(n: unknown): n is number {
  return Number.isInteger(n) && (n as number) > 0 && (n as number) < 65536;
}

/** The part of a WebSocket that is used here. */
export interface BinarySocket {
  send(data: Uint8Array, done?: (error?: Error) => void): void;
  close(code?: number): void;
  pause(): void;
  resume(): void;
  on(event: 'message', listener: (data: Buffer) => void): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;

export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A client that speaks `v5.channel.k8s.io` or `v4.channel.k8s.io`: each message begins with its channel. */
export function webSocketTerminal(socket: BinarySocket, wanted: WantedStreams): RemoteTerminal {
  const stdin = wanted.stdin ? new PassThrough() : undefined;
  stdin?.on('drain', () => socket.resume());
  let onResize: (width: number, height: number) => void = () => {};
  socket.on('message', (message) => {
    const data = message.subarray(1);
    switch (message[0]) {
      case STDIN:
        if (stdin?.writable && data.length > 0 && !stdin.write(data)) socket.pause();
        break;
      case RESIZE: {
        const size = parseSize(data.toString('utf8'));
        if (size) onResize(size.width, size.height);
        break;
      }
      case CLOSE:
        if (data[0] === STDIN) stdin?.end();
        break;
    }
  });
  const send = (channel: number, data: Uint8Array, done?: (error?: Error) => void): void =>
    socket.send(Buffer.concat([Buffer.from([channel]), data]), done);
  const output = (channel: number): Writable =>
    new Writable({ write: (chunk: Buffer, _encoding, done) => send(channel, chunk, (error) => done(error)) }).on('error', () => {});
  // The client's readers wait for a first message on each channel.
  for (const channel of [STDOUT, STDERR, ERROR]) send(channel, new Uint8Array(0));
  const gone = new Promise<void>((resolve) => {
    socket.on('close', resolve);
    socket.on('error', resolve);
  });
  void gone.then(() => stdin?.end());
  return {
    stdin,
    stdout: wanted.stdout ? output(STDOUT) : undefined,
    stderr: wanted.stderr ? output(STDERR) : undefined,
    onResize: (listener) => (onResize = listener),
    finish: (text) => send(ERROR, Buffer.from(text), () => socket.close(1000)),
    gone,
  };
}

/** A client that speaks SPDY: it opens one stream for each of error, stdin, stdout, stderr and resize, told by `streamtype`. */
export function spdyTerminal(streams: ReadonlyMap<string, SpdyStream>, ended: Promise<void>, end: () => void): RemoteTerminal {
  const resize = streams.get('resize');
  return {
    // Our half of it stays open: a client that sees it end stops sending.
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout')?.resume(),
    stderr: streams.get('stderr')?.resume(),
    onResize: (listener) => {
      let held = '';
      resize?.setEncoding('utf8').on('data', (text: string) => {
        held = (held + text).slice(-1024);
        for (let at = held.indexOf('}'); at >= 0; at = held.indexOf('}')) {
          const size = parseSize(held.slice(0, at + 1));
          held = held.slice(at + 1);
          if (size) listener(size.width, size.height);
        }
      });
    },
    finish: (text) => {
      const error = streams.get('error');
      if (error) error.end(text, end);
      else end();
    },
    gone: ended,
  };
}
