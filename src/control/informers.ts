import { pathOf, type KubeObject, type Resource } from '../api/index.ts';
import type { Client, WriteOptions } from './client.ts';
import { createInformer, type Informer, type InformerOptions, type WritableInformer } from './informer.ts';

/**
 * One informer a kind, shared by all controllers of a process, and a client whose writes are seen by them at once: when
 * a write has been answered, the informer of its kind holds at least that state. So a reconciler that reads from informers
 * never acts twice on a cache that is behind its own writes.
 */
export interface Informers {
  readonly client: Client;
  /** Starts the informer of a kind when it is first asked for. */
  of<T extends KubeObject>(resource: Resource<T>): Informer<T>;
}

export function createInformers(client: Client, options: Omit<InformerOptions, 'select'>): Informers {
  const started = new Map<string, WritableInformer<KubeObject>>();
  const find = <T extends KubeObject>(resource: Resource<T>): WritableInformer<T> | undefined =>
    started.get(pathOf(resource, {})) as unknown as WritableInformer<T> | undefined;

  async function through<T extends KubeObject>(resource: Resource<T>, opts: WriteOptions | undefined, write: Promise<T>): Promise<T> {
    const object = await write;
    // The scale subresource is a kind of its own, so its answer is not the object.
    if (!opts?.dryRun && opts?.subresource !== 'scale') find(resource)?.wrote(object);
    return object;
  }

  return {
    client: {
      get: (resource, key, opts) => client.get(resource, key, opts),
      list: (resource, opts) => client.list(resource, opts),
      watch: (resource, opts) => client.watch(resource, opts),
      create: (resource, object, opts) => through(resource, opts, client.create(resource, object, opts)),
      update: (resource, object, opts) => through(resource, opts, client.update(resource, object, opts)),
      patch: (resource, key, patch, opts) => through(resource, opts, client.patch(resource, key, patch, opts)),
      async delete(resource, key, opts) {
        const object = await client.delete(resource, key, opts);
        if (object) find(resource)?.deleted(object);
        return object;
      },
    },
    of(resource) {
      const existing = find(resource);
      if (existing) return existing;
      const informer = createInformer(client, resource, options);
      started.set(pathOf(resource, {}), informer);
      return informer;
    },
  };
}
