import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answered } from './envoy-of.edge.ts';

/** Requests that a server holds back, to fill a connection pool. */
export class HeldBack {
  #waiting: (() => void)[] = [];

  /** `end` answers the request. */
  hold(end: () => void): void {
    this.#waiting.push(end);
  }

  /** Six requests at once, where one is taken and one may wait: two are answered in the end. Resolves with what a third was told. */
  async overflow(wait: () => Promise<Answered>): Promise<Answered> {
    // The one connection is taken first: a request that waits for it to be made would be the one that may wait.
    const taken = wait();
    while (!this.#waiting.length) await pause(10);
    const asks = Array.from({ length: 5 }, wait);
    const refused = await Promise.any(asks);
    const letGo = setInterval(() => this.#waiting.splice(0).forEach((end) => end()), 10);
    const statuses = (await Promise.all([taken, ...asks])).map((a) => a.status).toSorted((a, b) => a - b);
    clearInterval(letGo);
    assert.deepEqual(statuses, [200, 200, 503, 503, 503, 503]);
    return refused;
  }
}
