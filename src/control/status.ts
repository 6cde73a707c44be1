import type { KubeObject, Resource } from '../api/index.ts';
import { canonicalJson, rfc3339 } from '../base/index.ts';
import type { Client } from './client.ts';

/**
 * Writes the status of an object as it was read; nothing is sent when it is that already. Fails with `Conflict` when the
 * object has changed since.
 */
export async function updateStatus<T extends KubeObject & { status?: unknown }>(
  client: Client,
  resource: Resource<T>,
  object: T,
  status: NonNullable<T['status']>,
): Promise<T> {
  if (canonicalJson(object.status ?? {}) === canonicalJson(status)) return object;
  return client.update(resource, { ...object, status }, { subresource: 'status' });
}

interface Condition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
}

/**
 * The conditions with one of them set. Its `lastTransitionTime` moves only with its status; all stay in place and order.
 * `now` in milliseconds since the epoch.
 */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, next: C, now: number): C[] {
  const list = conditions ?? [];
  const old = list.find((c) => c.type === next.type);
  const since = old?.status === next.status ? (old.lastTransitionTime ?? rfc3339(now)) : rfc3339(now);
  const set = { ...next, lastTransitionTime: since };
  return old ? list.map((c) => (c === old ? set : c)) : [...list, set];
}
