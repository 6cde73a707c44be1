import { isApiError, keyText, type Key, type KubeObject, type Resource } from '../api/index.ts';
import { messageOf, sleep, type Clock, type Log } from '../base/index.ts';
import type { Client, ListOptions } from './client.ts';
import { ObjectCache, type Change, type Lookup } from './object-cache.ts';

export interface InformerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the informer; it neither lists nor watches afterwards, and its cache stays as it was. */
  readonly signal: AbortSignal;
  /** What part of the collection to hold; absent: all of it. */
  readonly select?: ListOptions | undefined;
}

/**
 * A local, current copy of a collection, kept by list and watch.
 *
 * - `synced` resolves after the first complete list; before it the cache is empty or partial.
 * - For one object, handlers see added, then any number of updated, then deleted, in the order of the server's revisions.
 *   States in between may be left out (a list after an expired watch jumps to the present); the last one never is.
 * - Objects are shared: treat them as frozen.
 * - Memory is that of the live objects; nothing is kept of what is gone.
 */
export interface Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly synced: Promise<void>;
  get(key: Key): T | undefined;
  /** In the order of their names; absent namespace: all. */
  list(namespace?: string): T[];
  /**
   * Objects by a value that `valuesOf` finds in them, kept up to date. Asking again for the same name gives the same index.
   */
  index(name: string, valuesOf: (object: T) => readonly string[]): Lookup<T>;
  /** Calls the handler with what is held now (as added), then with each change. Returns what ends it. */
  onChange(handler: (change: Change<T>) => void): () => void;
}

/** An informer whose owner also tells it of its own writes, before the watch does. */
export interface WritableInformer<T extends KubeObject> extends Informer<T> {
  /** The answer of a create, update or patch. */
  wrote(object: T): void;
  /** The answer of a delete. */
  deleted(object: T): void;
}

/** Delay before the n-th attempt in a row that ended within a second, in milliseconds. */
const FIRST_RETRY = 200;
const LAST_RETRY = 30_000;
const HEALTHY = 1_000;

/** Starts an informer. Failures are retried with a growing delay until the signal aborts. */
export function createInformer<T extends KubeObject>(client: Client, resource: Resource<T>, options: InformerOptions): WritableInformer<T> {
  const { clock, signal, select = {} } = options;
  const log = options.log.with({ informer: resource.plural });
  const cache = new ObjectCache<T>((error) => log.error('a handler failed', { error: messageOf(error) }));
  let announce = (): void => {};
  const synced = new Promise<void>((resolve) => (announce = resolve));
  let mustList = true;

  async function follow(): Promise<void> {
    if (mustList) {
      const list = await client.list(resource, select);
      if (signal.aborted) return;
      cache.replace(list.items, list.resourceVersion);
      mustList = false;
      announce();
    }
    for await (const event of client.watch(resource, { ...select, resourceVersion: cache.revision, signal })) {
      if (signal.aborted) return;
      cache.apply(event);
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const started = clock.monotonic();
      try {
        await follow();
      } catch (error) {
        if (isApiError(error, 'Expired') || isApiError(error, 'Gone')) mustList = true;
        else if (!signal.aborted) log.warn('list or watch failed; trying again', { error: messageOf(error) });
      }
      if (clock.monotonic() - started >= HEALTHY) failures = 0;
      else await sleep(clock, Math.min(LAST_RETRY, FIRST_RETRY * 2 ** failures++), signal);
    }
  }
  void run();

  return {
    resource,
    synced,
    get: (key) => cache.get(keyText(key)),
    list: (namespace) => cache.list(namespace),
    index: (name, valuesOf) => cache.index(name, valuesOf),
    onChange: (handler) => cache.onChange(handler),
    wrote: (object) => cache.wrote(object),
    deleted: (object) => cache.deleted(object),
  };
}
