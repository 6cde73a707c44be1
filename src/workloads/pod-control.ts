import type { Pod } from 'kubernetes-types/core/v1.js';
import { isApiError, keyOf, Pods, type KubeObject } from '../api/index.ts';
import { messageOf } from '../base/index.ts';
import type { Client, EventRecorder } from '../control/index.ts';

/** Creates and deletes pods for their owners, and tells of it on the owner. */
export interface PodControl {
  /**
   * Creates pods in batches that double, so that what refuses every pod is asked few times. Returns the message of the refusal,
   * if any; a namespace on its way out is none.
   */
  create(owner: KubeObject, pods: readonly Pod[]): Promise<string | undefined>;
  remove(owner: KubeObject, pods: readonly Pod[]): Promise<void>;
}

export function podControl(client: Client, events: EventRecorder): PodControl {
  async function createOne(owner: KubeObject, pod: Pod): Promise<void> {
    try {
      const { metadata } = await client.create(Pods, pod);
      await events.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata?.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      await events.record(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  return {
    async create(owner, pods) {
      for (let from = 0, size = 1; from < pods.length; from += size, size *= 2) {
        const results = await Promise.allSettled(pods.slice(from, from + size).map((pod) => createOne(owner, pod)));
        const failed = results.find((r) => r.status === 'rejected');
        if (failed) return messageOf(failed.reason);
      }
      return undefined;
    },
    async remove(owner, pods) {
      for (const pod of pods) {
        await client.delete(Pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } });
        await events.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`);
      }
    },
  };
}

/** A namespace on its way out takes no new objects, and asking again will not change that. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error, 'Forbidden') && (error.details?.causes ?? []).some((c) => c.reason === 'NamespaceTerminating');
}
