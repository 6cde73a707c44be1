import type { Clock, Timer } from '../base/index.ts';

/** After a push, further changes are gathered until none came for this long, in milliseconds ... */
export const QUIET_MS = 5;
/** ... but no longer than this. */
export const LIMIT_MS = 50;

export interface Coalesced {
  trigger(): void;
  /** Runs it at once, together with what was held. */
  now(): void;
  cancel(): void;
}

/** Runs `push` at once when nothing was pushed lately, else once for all the calls of a burst. */
export function coalesce(clock: Clock, push: () => void): Coalesced {
  let pushedAt = -Infinity;
  let heldSince: number | undefined;
  let timer: Timer | undefined;
  const run = (): void => {
    timer = undefined;
    heldSince = undefined;
    pushedAt = clock.monotonic();
    push();
  };
  return {
    trigger() {
      const now = clock.monotonic();
      if (heldSince === undefined && now - pushedAt >= LIMIT_MS) return run();
      heldSince ??= now;
      timer?.cancel();
      timer = clock.after(Math.max(0, Math.min(QUIET_MS, heldSince + LIMIT_MS - now)), run);
    },
    now() {
      timer?.cancel();
      run();
    },
    cancel() {
      timer?.cancel();
      timer = undefined;
      heldSince = undefined;
    },
  };
}
