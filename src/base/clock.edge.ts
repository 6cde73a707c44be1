import type { Clock } from './clock.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // A timer of the machine takes a millisecond at least.
    if (ms <= 0) {
      const next = setImmediate(fn);
      return { cancel: () => clearImmediate(next) };
    }
    const handle = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
