/** From counters of proxies to blocks of requests that can be compared. Pure. */

/** How many requests took at most so many milliseconds; the entry of Infinity counts all. Empty when nothing was measured. */
export type Durations = ReadonlyMap<number, number>;

/** What one proxy has counted for one side of one split route since it started. */
export interface SplitReading {
  /** Names the proxy and the route; the same for both sides. */
  readonly stratum: string;
  readonly side: 'primary' | 'canary';
  readonly requests: number;
  /** Those answered with 5xx, with a gRPC status that is the server's fault, or given up on by the client. */
  readonly errors: number;
  readonly durations: Durations;
}

/** Requests of one side: how many, and how many of them went badly. */
export interface Side {
  readonly requests: number;
  readonly bad: number;
}

export interface Block {
  readonly primary: Side;
  readonly canary: Side;
}

export const NO_SIDE: Side = { requests: 0, bad: 0 };
export const NO_BLOCK: Block = { primary: NO_SIDE, canary: NO_SIDE };

export const plus = (a: Side, b: Side): Side => ({ requests: a.requests + b.requests, bad: a.bad + b.bad });
export const join = (a: Block, b: Block): Block => ({ primary: plus(a.primary, b.primary), canary: plus(a.canary, b.canary) });

export interface Growth {
  readonly requests: number;
  readonly errors: number;
  readonly durations: Durations;
}

/** What was counted between two readings of one side; a counter that went back was started anew. */
export function growth(before: SplitReading | undefined, now: SplitReading): Growth {
  const anew = !before || now.requests < before.requests || timed(now.durations) < timed(before.durations);
  const old = anew ? undefined : before;
  return {
    requests: now.requests - (old?.requests ?? 0),
    errors: Math.max(0, now.errors - (old?.errors ?? 0)),
    durations: new Map([...now.durations].map(([edge, n]) => [edge, Math.max(0, n - (old?.durations.get(edge) ?? 0))])),
  };
}

export const timed = (durations: Durations): number => durations.get(Infinity) ?? 0;

/** Of all that were timed, those that took longer than `edge`; undefined when they are not counted by that edge. */
export function slower(durations: Durations, edge: number): Side | undefined {
  const within = durations.get(edge);
  return within === undefined ? undefined : { requests: timed(durations), bad: timed(durations) - within };
}

/** Requests a block holds at least: with less, the share that was counted says too little. */
export const FULL_BLOCK = 20;

/** Whether requests of both sides can be compared. It depends on their numbers alone, never on how they went. */
export function isFull({ primary, canary }: Block): boolean {
  return primary.requests > 0 && canary.requests > 0 && primary.requests + canary.requests >= FULL_BLOCK;
}

/** Requests of the primary alone after which the canary is taken to get none: what they say is too old once it does. */
const IDLE_BLOCK = 400;

export const isIdle = ({ primary, canary }: Block): boolean => canary.requests === 0 && primary.requests >= IDLE_BLOCK;
