import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sleep, type Clock } from '../../base/index.ts';
import { formatMark, offsetSince, parseMarks, timeOf, type LogMark } from './log-index.ts';

/** A log is moved aside when it is larger; the one before is dropped then. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** Output within this time shares a mark. */
const MARK_MS = 50;
const CHUNK = 64 * 1024;
const FOLLOW_POLL_MS = 1000;

const size = (path: string): number => {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
};

/** Keeps the index of times and the size of the log in `dir` (`log`, `log.index`, and `log.1`, `log.1.index` before them). */
export function followLogFile(dir: string, clock: Clock): { grew(): void; stop(): void } {
  const path = join(dir, 'log');
  const index = join(dir, 'log.index');
  let known = size(path) > 0 ? (marksOf(index).at(-1)?.size ?? 0) : 0;
  let pending: { cancel(): void } | undefined;
  const mark = (): void => {
    pending = undefined;
    const now = size(path);
    if (now === known) return;
    try {
      appendFileSync(index, formatMark({ size: now, at: clock.now() }));
      known = now;
      if (now > MAX_LOG_BYTES) rotate();
    } catch {
      // The directory goes when the pod does.
    }
  };
  /** The writer appends and keeps its file open, so the content moves, not the file. */
  const rotate = (): void => {
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    renameSync(index, join(dir, 'log.1.index'));
    known = 0;
  };
  return {
    grew: () => {
      pending ??= clock.after(MARK_MS, mark);
    },
    stop: () => {
      pending?.cancel();
      mark();
    },
  };
}

function marksOf(path: string): LogMark[] {
  try {
    return parseMarks(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}

export interface ReadLogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
  readonly limitBytes: number | undefined;
  /** False once the container has ended: nothing more will come. */
  running(): boolean;
}

/** The log of one attempt as a stream of bytes; with `follow` until the container has ended or the reader goes. */
export function readLog(dir: string, options: ReadLogOptions, clock: Clock): Readable {
  return Readable.from(limited(chunks(dir, options, clock), options.limitBytes), { objectMode: false, highWaterMark: CHUNK });
}

async function* limited(source: AsyncIterable<Buffer>, limit: number | undefined): AsyncGenerator<Buffer> {
  let left = limit ?? Infinity;
  for await (const chunk of source) {
    yield chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* chunks(dir: string, options: ReadLogOptions, clock: Clock): AsyncGenerator<Buffer> {
  const path = join(dir, 'log');
  const older = { path: `${path}.1`, marks: marksOf(join(dir, 'log.1.index')) };
  const current = { path, marks: marksOf(join(dir, 'log.index')) };
  const files = [older, current].map((f) => ({
    ...f,
    from: options.since === undefined ? 0 : offsetSince(f.marks, options.since),
    to: size(f.path),
  }));
  if (options.tailLines !== undefined) keepTail(files, options.tailLines);
  for (const f of files) yield* lines(readRange(f.path, f.from, f.to), f.from, f.marks, options.timestamps, clock);
  if (options.follow) yield* follow(dir, files[1]!.to, options, clock);
}

/** Moves the starts on so that at most `count` lines remain. */
function keepTail(files: { path: string; from: number; to: number }[], count: number): void {
  let left = count;
  for (const f of [...files].reverse()) {
    const start = left === 0 ? { offset: f.to, lines: 0 } : tailStart(f.path, f.from, f.to, left);
    left -= start.lines;
    f.from = start.offset;
  }
}

function tailStart(path: string, from: number, to: number, count: number): { offset: number; lines: number } {
  if (to <= from) return { offset: to, lines: 0 };
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(CHUNK);
    let found = 0;
    for (let end = to; end > from;) {
      const begin = Math.max(from, end - CHUNK);
      readSync(fd, buffer, 0, end - begin, begin);
      for (let i = end - begin - 1; i >= 0; i--) {
        if (buffer[i] !== 0x0a || begin + i === to - 1) continue;
        if (++found === count) return { offset: begin + i + 1, lines: count };
      }
      end = begin;
    }
    return { offset: from, lines: found + 1 };
  } finally {
    closeSync(fd);
  }
}

function* readRange(path: string, from: number, to: number): Generator<Buffer> {
  if (to <= from) return;
  const fd = openSync(path, 'r');
  try {
    for (let at = from; at < to;) {
      const buffer = Buffer.alloc(Math.min(CHUNK, to - at));
      const n = readSync(fd, buffer, 0, buffer.length, at);
      if (n === 0) return;
      yield buffer.subarray(0, n);
      at += n;
    }
  } finally {
    closeSync(fd);
  }
}

/** The bytes as they are, or each line with the time it came in front of it. */
function* lines(source: Iterable<Buffer>, from: number, marks: readonly LogMark[], timestamps: boolean, clock: Clock): Generator<Buffer> {
  if (!timestamps) return yield* source;
  let at = from;
  let atLineStart = true;
  for (const chunk of source) {
    const parts: Buffer[] = [];
    for (let i = 0; i < chunk.length;) {
      const newline = chunk.indexOf(0x0a, i);
      const end = newline < 0 ? chunk.length : newline + 1;
      if (atLineStart) parts.push(Buffer.from(`${new Date(timeOf(marks, at + i) ?? clock.now()).toISOString()} `));
      parts.push(chunk.subarray(i, end));
      atLineStart = newline >= 0;
      i = end;
    }
    at += chunk.length;
    yield Buffer.concat(parts);
  }
}

async function* follow(dir: string, from: number, options: ReadLogOptions, clock: Clock): AsyncGenerator<Buffer> {
  const path = join(dir, 'log');
  let wake = (): void => {};
  const watcher = watch(dir, () => wake());
  watcher.on('error', () => wake());
  let at = from;
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const running = options.running();
      const now = size(path);
      if (now < at) at = 0;
      if (now > at) {
        yield* lines(readRange(path, at, now), at, [], options.timestamps, clock);
        at = now;
      } else if (!running) return;
      else await Promise.race([woken, sleep(clock, FOLLOW_POLL_MS)]);
    }
  } finally {
    watcher.close();
  }
}
