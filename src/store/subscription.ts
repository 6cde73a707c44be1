import { StoreError, type StoreEvent, type Watch } from './types.ts';

/** How many bytes of changes may wait for a reader, at most, however few they are. */
const BACKLOG_BYTES = 64 * 1024 * 1024;

/** A reader's bounded queue of changes. A reader that lets it overflow is cut off: it is never given a stream with a gap. */
export class Subscription<T> implements Watch<T>, AsyncIterator<StoreEvent<T>> {
  readonly prefix: string;
  readonly #limit: number;
  readonly #stopped: () => void;
  #queue: StoreEvent<T>[];
  #read = 0;
  /** What waits, in bytes. */
  #bytes: number;
  readonly #maxBytes: number;
  #waiting: ((result: IteratorResult<StoreEvent<T>>) => void) | undefined;
  #ended = false;
  #error: StoreError | undefined;
  /** The revision up to which all was queued. */
  #seen: number;

  /** `replay` are the changes from before now; `stopped` is called once, when nothing more is to be pushed. */
  constructor(prefix: string, replay: StoreEvent<T>[], seen: number, limit: number, stopped: () => void) {
    this.prefix = prefix;
    this.#queue = replay;
    this.#seen = seen;
    this.#limit = limit + replay.length;
    this.#bytes = replay.reduce((sum, event) => sum + sizeOf(event), 0);
    this.#maxBytes = BACKLOG_BYTES + this.#bytes;
    this.#stopped = stopped;
  }

  push(event: StoreEvent<T>): void {
    if (this.#ended) return;
    if (this.#waiting) {
      const resolve = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value: event });
    } else if (this.#queue.length - this.#read >= this.#limit || this.#bytes + sizeOf(event) > this.#maxBytes) {
      this.#error = new StoreError('slow', `the watch fell ${this.#queue.length - this.#read} changes behind and was closed`);
      this.#queue = [];
      this.#read = 0;
      this.stop();
    } else {
      this.#queue.push(event);
      this.#bytes += sizeOf(event);
    }
  }

  /** Tells the revision that the store has reached, so that `progress` can promise it. */
  reached(revision: number): void {
    this.#seen = revision;
  }

  progress(): void {
    if (this.#queue.at(-1)?.type !== 'progress') this.push({ type: 'progress', revision: this.#seen });
  }

  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
    this.#stopped();
  }

  [Symbol.asyncIterator](): AsyncIterator<StoreEvent<T>> {
    return this;
  }

  next(): Promise<IteratorResult<StoreEvent<T>>> {
    if (this.#error) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#read < this.#queue.length) {
      const value = this.#queue[this.#read++]!;
      this.#bytes -= sizeOf(value);
      if (this.#read === this.#queue.length) {
        this.#queue = [];
        this.#read = 0;
      } else if (this.#read >= 1024) {
        this.#queue = this.#queue.slice(this.#read);
        this.#read = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<StoreEvent<T>>> {
    this.stop();
    this.#queue = [];
    this.#read = 0;
    return Promise.resolve({ done: true, value: undefined });
  }
}

function sizeOf<T>(event: StoreEvent<T>): number {
  return event.type === 'progress' ? 0 : event.current.bytes.length;
}
