import type { Event } from 'kubernetes-types/core/v1.js';
import { Events, keyOf, parseKey } from '../api/index.ts';
import { again, changesOf, settled } from '../control/index.ts';
import type { Controller, World } from './world.ts';

/** How long an event is kept after it was last seen, in milliseconds. */
const LIFETIME = 3_600_000;

export function eventExpiryController({ informers, client, clock }: World): Controller {
  const events = informers.of(Events);
  return {
    name: 'event-expiry',
    sources: [changesOf(events)],
    async reconcile(key) {
      const event = events.get(parseKey(key));
      if (!event) return settled;
      const left = lastSeen(event) + LIFETIME - clock.now();
      if (left > 0) return again(left);
      await client.delete(Events, keyOf(event), { preconditions: { uid: event.metadata.uid } });
      return settled;
    },
  };
}

function lastSeen(event: Event): number {
  const times = [event.series?.lastObservedTime, event.lastTimestamp, event.eventTime, event.metadata.creationTimestamp];
  return Math.max(...times.map((t) => Date.parse(t ?? '')).filter((t) => !Number.isNaN(t)), 0);
}
