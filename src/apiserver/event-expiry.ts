import type { Event } from 'kubernetes-types/core/v1.js';
import type { AnyObject } from '../api/index.ts';
import { StoreError } from '../store/index.ts';
import type { Core } from './core.ts';

/** How long an Event is kept after it was last seen, and how often is looked, in milliseconds. */
const LIFETIME = 60 * 60_000;
const EVERY = 60_000;

/** Deletes Events that nobody has seen for an hour. It is asked when Events are written: without writes there is nothing to keep small. */
export function createEventExpiry({ store, clock }: Core): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = clock.now();
    if (now < next) return;
    next = now + EVERY;
    const old = store.list('/events/').items.filter(({ object }) => lastSeen(object) < now - LIFETIME);
    await Promise.all(
      old.map(({ key, revision }) =>
        store.delete(key, revision).catch((error: unknown) => {
          // Seen again meanwhile, or deleted by somebody else.
          if (!(error instanceof StoreError)) throw error;
        }),
      ),
    );
  };
}

function lastSeen(object: AnyObject): number {
  const { metadata, lastTimestamp, eventTime, series } = object as unknown as Event;
  const times = [metadata?.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime];
  return Math.max(...times.map((time) => Date.parse(time ?? '') || 0));
}
