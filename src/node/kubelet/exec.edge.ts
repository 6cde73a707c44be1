import { closeSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { Channel, encodeFrame, FrameDecoder, messageOf } from '../../base/index.ts';
import type { ContainerRef, ContainerRuntime } from '../runtime/types.ts';
import { killGroup } from '../runtime/kill-group.edge.ts';
import { openPty, resizePty } from '../runtime/pty.edge.ts';

/** End of input, as a terminal is told it (^D). */
export const END_OF_INPUT = '\x04';

export interface ExecRequest {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** Frames of a session on the wire, with back-pressure towards what is read. */
export class FrameWriter {
  readonly #socket: Duplex;
  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Sends all that `source` yields; resolves at its end. */
  async pipe(channel: Channel, source: Readable): Promise<void> {
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        if (this.#socket.destroyed) return;
        if (!this.#socket.write(encodeFrame(channel, chunk))) await drained(this.#socket);
      }
    } catch {
      // A terminal whose last program has gone reads as an error (EIO); it is its end.
    }
  }

  end(outcome: { exitCode: number } | { error: string }): void {
    if (!this.#socket.destroyed) this.#socket.end(encodeFrame(Channel.exit, JSON.stringify(outcome)));
  }
}

function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.once('drain', done).once('close', done);
  });
}

/** Hands on what a client types; it has to wait while `to` is full. */
export function typeInto(to: Writable, socket: Duplex, data: Uint8Array): void {
  if (to.write(data)) return;
  socket.pause();
  to.once('drain', () => socket.resume());
}

/** What a session does with the frames that come in. */
export interface Incoming {
  stdin(data: Uint8Array): void;
  stdinEnd(): void;
  resize(columns: number, rows: number): void;
}

export function readFrames(socket: Duplex, incoming: Incoming): void {
  const decoder = new FrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { channel, payload } of decoder.push(chunk)) {
        if (channel === Channel.stdin) incoming.stdin(payload);
        else if (channel === Channel.close && payload[0] === Channel.stdin) incoming.stdinEnd();
        else if (channel === Channel.resize) {
          const { width, height } = JSON.parse(Buffer.from(payload).toString('utf8')) as { width: number; height: number };
          incoming.resize(width, height);
        }
      }
    } catch {
      socket.destroy();
    }
  });
}

/** Runs a command in a container for the session on `socket`, until either ends. */
export async function serveExec(
  socket: Duplex,
  runtime: ContainerRuntime,
  ref: ContainerRef,
  root: string,
  wanted: ExecRequest,
): Promise<void> {
  const writer = new FrameWriter(socket);
  try {
    const exitCode = wanted.tty
      ? await withTerminal(socket, writer, runtime, ref, root, wanted)
      : await withPipes(socket, writer, runtime, ref, wanted);
    writer.end({ exitCode });
  } catch (error) {
    writer.end({ error: messageOf(error) });
  }
}

async function withPipes(
  socket: Duplex,
  writer: FrameWriter,
  runtime: ContainerRuntime,
  ref: ContainerRef,
  wanted: ExecRequest,
): Promise<number> {
  const child = runtime.exec(ref, wanted.command, { stdio: [wanted.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  endWith(socket, child);
  child.stdin?.on('error', () => {});
  readFrames(socket, {
    stdin: (data) => child.stdin && typeInto(child.stdin, socket, data),
    stdinEnd: () => child.stdin?.end(),
    resize() {},
  });
  const [code] = await Promise.all([exitOf(child), writer.pipe(Channel.stdout, child.stdout!), writer.pipe(Channel.stderr, child.stderr!)]);
  return code;
}

async function withTerminal(
  socket: Duplex,
  writer: FrameWriter,
  runtime: ContainerRuntime,
  ref: ContainerRef,
  root: string,
  wanted: ExecRequest,
): Promise<number> {
  const pty = openPty(root);
  const screen = new ReadStream(pty.master);
  let child: ChildProcess;
  try {
    child = runtime.exec(ref, wanted.command, { stdio: [pty.slave, pty.slave, pty.slave], tty: true, env: [['TERM', 'xterm']] });
  } finally {
    closeSync(pty.slave);
  }
  const keyboard = screen as unknown as Duplex;
  const hangUp = (): void => void screen.destroy();
  socket.once('close', hangUp);
  screen.on('error', () => {});
  readFrames(socket, {
    stdin: (data) => typeInto(keyboard, socket, data),
    stdinEnd: () => void keyboard.write(END_OF_INPUT),
    resize: (columns, rows) => resizePty(pty.master, columns, rows),
  });
  const output = writer.pipe(Channel.stdout, screen);
  const code = await exitOf(child);
  // A program left in the background may hold the terminal; the session ends with the command.
  await Promise.race([output, new Promise((resolve) => setTimeout(resolve, 200))]);
  screen.destroy();
  return code;
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)));
  });
}

/** The command ends when the client goes. */
function endWith(socket: Duplex, child: ChildProcess): void {
  const kill = (): void => killGroup(child);
  socket.once('close', kill);
  child.once('exit', () => socket.off('close', kill));
}
