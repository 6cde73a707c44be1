/** A registry on a volatile store in virtual time, and short words to test it with. */
import assert from 'node:assert/strict';
import { createCatalog, isApiError, Namespaces, type AnyObject, type Resource, type StatusReason } from '../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { memoryStore, type Store } from '../store/index.ts';
import type { Admission } from './admission/admission.ts';
import type { CallWebhook } from './admission/webhooks.ts';
import { createRegistry } from './create-registry.ts';
import type { Registry, Target, WatchMessage } from './registry.ts';

const USER = { name: 'tester', groups: [] };
export const NS = 'default';

interface World {
  registry: Registry;
  client: Client;
  clock: VirtualClock;
  store: Store<AnyObject>;
  /** What to ask about, by kind. */
  at(resource: Resource, name?: string, subresource?: string): Target;
}

export async function world(admission: Admission[] = [], callWebhook?: CallWebhook): Promise<World> {
  const clock = new VirtualClock();
  const store = memoryStore<AnyObject>();
  const registry = createRegistry({
    store,
    catalog: createCatalog(),
    clock,
    rng: seededRng(7),
    log: silentLog,
    admission,
    ...(callWebhook ? { callWebhook } : {}),
  });
  const client = registry.client(USER);
  await client.create(Namespaces, { metadata: { name: NS } });
  return {
    store,
    registry,
    client,
    clock,
    at: (resource, name, subresource) => ({
      served: registry.catalog.find(resource.group, resource.version, resource.plural)!,
      namespace: resource.namespaced ? NS : undefined,
      name,
      subresource,
      user: USER,
    }),
  };
}

export const refused = (reason: StatusReason, message?: RegExp) => (error: unknown) => {
  assert.ok(isApiError(error, reason), `${String(error)} is not ${reason}`);
  if (message) assert.match(error.message, message);
  return true;
};
export const configMap = (name: string, more: object = {}) => ({ metadata: { name, namespace: NS }, ...more });
export const deployment = (name: string) => ({
  metadata: { name, namespace: NS },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
export const service = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: NS },
  spec: { ports: [{ port: 80 }], ...spec },
});
export const specOf = (o: unknown) => (o as { spec: Record<string, unknown> }).spec;

export async function take(messages: AsyncIterable<WatchMessage>, count: number): Promise<string[]> {
  const out: string[] = [];
  for await (const m of messages) {
    out.push(
      m.type === 'BOOKMARK'
        ? `BOOKMARK ${m.resourceVersion}${m.initialEventsEnd ? ' end' : ''}`
        : `${m.type} ${m.entry.object.metadata?.name}`,
    );
    if (out.length === count) break;
  }
  return out;
}
