import type { Clock, Timer } from '../base/index.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Delay after the first failure of a key, in milliseconds; doubles with each further one. */
  readonly firstDelay?: number;
  /** The longest delay after a failure, in milliseconds. */
  readonly lastDelay?: number;
}

/** Retries of all keys together: a burst, then so many a second. */
const RETRY_BURST = 100;
const RETRIES_PER_SECOND = 10;

/**
 * Keys that want work.
 *
 * - Stingy: a key added many times before it is taken is handed out once.
 * - Fair: in the order of adding.
 * - Exclusive: a key in hand is not handed out again until `done`; when it was added meanwhile, it is queued then.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #firstDelay: number;
  readonly #lastDelay: number;
  /** In hand: taken and not done. */
  readonly #processing = new Set<string>();
  /** Wants work; those not in hand are also in `#order`. */
  readonly #dirty = new Set<string>();
  #order: string[] = [];
  readonly #delayed = new Map<string, { at: number; timer: Timer }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  /** When the bucket of retries will be full again, in monotonic milliseconds. */
  #full = 0;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#firstDelay = options.firstDelay ?? 5;
    this.#lastDelay = options.lastDelay ?? 60_000;
  }

  /** How many keys wait to be taken now. */
  get length(): number {
    return this.#order.length;
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Adds the key in `ms` milliseconds, or earlier when that was asked before. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) return this.add(key);
    const at = this.#clock.monotonic() + ms;
    const pending = this.#delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.timer.cancel();
    const timer = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, timer });
  }

  /** Adds the key after a delay that grows with each failure since `forget`; returns the delay in milliseconds. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const backoff = Math.min(this.#lastDelay, this.#firstDelay * 2 ** Math.min(failures, 30));
    const delay = Math.max(backoff, this.#reserve());
    this.addAfter(key, delay);
    return delay;
  }

  /** The key succeeded: its next failure is the first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key; waits for one. Undefined once closed. */
  take(): Promise<string | undefined> {
    const key = this.#order.shift();
    if (key === undefined && !this.#closed) return new Promise((resolve) => this.#takers.push(resolve));
    if (key !== undefined) this.#hand(key);
    return Promise.resolve(key);
  }

  /** The work on a taken key is over. */
  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.has(key) && !this.#closed) this.#enqueue(key);
  }

  /** Hands out nothing more: all takers get undefined, all delayed keys are dropped. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#order = [];
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #enqueue(key: string): void {
    const taker = this.#takers.shift();
    if (!taker) {
      this.#order.push(key);
      return;
    }
    this.#hand(key);
    taker(key);
  }

  #hand(key: string): void {
    this.#dirty.delete(key);
    this.#processing.add(key);
  }

  /** Takes a token from the bucket of retries; the milliseconds until it is there. */
  #reserve(): number {
    const now = this.#clock.monotonic();
    const perToken = 1000 / RETRIES_PER_SECOND;
    this.#full = Math.max(this.#full, now) + perToken;
    return Math.max(0, this.#full - now - RETRY_BURST * perToken);
  }
}
