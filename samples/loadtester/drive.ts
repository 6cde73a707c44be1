/**
 * Two ways of making load. Closed: so many users, each waiting for its answer before it asks again; a server that stalls is asked
 * less. Open: requests come when they are due, whether or not earlier ones are answered, and waiting counts from then on.
 */
import { performance } from 'node:perf_hooks';
import type { Client } from './client.ts';
import type { Tally } from './tally.ts';

/** Of one request; times in milliseconds since the load began. */
export interface Sent {
  readonly at: number;
  readonly latencyMs: number;
  readonly status: number;
}

export interface Load {
  readonly client: Client;
  readonly tally: Tally;
  /** Infinity: as many as the time allows. */
  readonly requests: number;
  /** Infinity: as long as it takes. */
  readonly durationMs: number;
  /** Ends the load early; what is under way is still counted. */
  readonly signal: AbortSignal;
  readonly onSent?: (sent: Sent) => void;
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });

/** Sends one request; its latency counts from `from`. */
async function ask({ client, tally, onSent }: Load, started: number, from: number): Promise<void> {
  try {
    const { status, bytes } = await client.send();
    const latencyMs = performance.now() - from;
    tally.answered(latencyMs, status, bytes);
    onSent?.({ at: from - started, latencyMs, status });
  } catch (error) {
    tally.failed(error instanceof Error ? error.message || error.name : String(error));
  }
}

/** `workers` users, each at most `rate` requests a second (0: as fast as answered). Resolves with the milliseconds it took. */
export async function closedLoad(load: Load, workers: number, rate: number): Promise<number> {
  const { requests, durationMs, signal } = load;
  const started = performance.now();
  let issued = 0;
  const over = (): boolean => signal.aborted || issued >= requests || performance.now() - started >= durationMs;

  async function work(): Promise<void> {
    let next = performance.now();
    while (!over()) {
      issued++;
      await ask(load, started, performance.now());
      if (rate === 0) continue;
      next += 1000 / rate;
      const wait = next - performance.now();
      if (wait > 0) await sleep(Math.min(wait, Math.max(0, started + durationMs - performance.now())), signal);
      else next = performance.now();
    }
  }
  await Promise.all(Array.from({ length: workers }, work));
  return performance.now() - started;
}

/**
 * `rate` requests a second come: evenly, or as those of many users who know nothing of each other (`random`, from 0 to 1). The
 * client's connections bound how many are under way; who has to wait for one waits as a user would. Resolves as `closedLoad` does.
 */
export async function openLoad(load: Load, rate: number, random?: () => number): Promise<number> {
  const { requests, durationMs, signal } = load;
  const started = performance.now();
  const underWay = new Set<Promise<void>>();
  const gap = (): number => (1000 / rate) * (random ? -Math.log(1 - random()) : 1);
  let due = started;
  for (let issued = 0; issued < requests && due - started < durationMs && !signal.aborted;) {
    const now = performance.now();
    for (; due <= now && issued < requests && due - started < durationMs; issued++) {
      const asked = ask(load, started, due).finally(() => underWay.delete(asked));
      underWay.add(asked);
      due += gap();
    }
    if (due > now) await sleep(due - now, signal);
  }
  await Promise.all(underWay);
  return performance.now() - started;
}
