import type { Clock } from '../base/index.ts';

/** Work is done in slices of this length, in milliseconds; between them the event loop serves everything else. */
const SLICE_MS = 4;

/** Takes turns: one piece of work for each member that has some, so that a flood from a few never starves the rest. */
export function fairQueue<T>(clock: Clock, work: (member: T) => 'more' | 'done'): (member: T) => void {
  const waiting = new Set<T>();
  let running = false;
  const run = (): void => {
    const until = clock.monotonic() + SLICE_MS;
    for (const member of waiting) {
      // A set keeps the order of insertion: deleted and added again, a member goes to the end of the line.
      waiting.delete(member);
      if (work(member) === 'more') waiting.add(member);
      if (clock.monotonic() >= until) break;
    }
    if (waiting.size > 0) clock.after(0, run);
    else running = false;
  };
  return (member) => {
    waiting.add(member);
    if (running) return;
    running = true;
    queueMicrotask(run);
  };
}
