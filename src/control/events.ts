import { Events, isApiError, type KubeObject } from '../api/index.ts';
import { messageOf, rfc3339, sha256Hex, type Clock, type Log } from '../base/index.ts';
import type { Client } from './client.ts';

export type EventType = 'Normal' | 'Warning';

/** Tells users what happened to an object (core/v1 Event); `kubectl describe` shows it. */
export interface EventRecorder {
  /**
   * The same thing said again about the same object counts up one Event. Never rejects: an event that cannot be written
   * is logged and lost.
   */
  record(object: KubeObject, type: EventType, reason: string, message: string): Promise<void>;
}

/** Kubernetes' limit on an Event's message, in characters. */
const LONGEST_MESSAGE = 1024;

/** A recorder that speaks as `component`. It holds no state: an Event's name follows from what it says. */
export function eventRecorder(client: Client, options: { component: string; clock: Clock; log: Log }): EventRecorder {
  const { component, clock, log } = options;

  async function write(object: KubeObject, type: EventType, reason: string, message: string): Promise<void> {
    const { apiVersion, kind, metadata = {} } = object;
    const { namespace: own, name = '', uid, resourceVersion } = metadata;
    const namespace = own ?? 'default';
    const now = rfc3339(clock.now());
    const said = sha256Hex([uid, kind, type, reason, message, component].join('\n'), 16);
    const key = { namespace, name: `${name.slice(0, 200)}.${said}` };
    const existing = await client.get(Events, key);
    if (existing) {
      const body = { count: (existing.count ?? 1) + 1, lastTimestamp: now };
      await client.patch(Events, key, { type: 'merge', body });
      return;
    }
    await client.create(Events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: key,
      involvedObject: { apiVersion, kind, namespace: own, name, uid, resourceVersion },
      type,
      reason,
      message,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  }

  return {
    async record(object, type, reason, message) {
      const text = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 3)}...` : message;
      try {
        await write(object, type, reason, text);
      } catch (error) {
        // Somebody said the same at the same moment: that Event is there to be counted up.
        if (isApiError(error, 'AlreadyExists')) return this.record(object, type, reason, message);
        // A namespace on its way out takes no new objects.
        const level = isApiError(error, 'Forbidden') || isApiError(error, 'NotFound') ? 'debug' : 'warn';
        log[level]('an event could not be written', { object: object.metadata?.name, reason, error: messageOf(error) });
      }
    },
  };
}
