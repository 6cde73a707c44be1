import { volatileBackend, type Backend } from './backend.ts';
import { Collection, collectionOf, type Change } from './collection.ts';
import { deepFreeze } from './freeze.ts';
import { Subscription } from './subscription.ts';
import { StoreError, type Listing, type Store, type Stored, type Watch } from './types.ts';

export interface StoreOptions<T> {
  /** The object with the revision written into it; called before it is serialised. Into `metadata.resourceVersion` when absent. */
  readonly stamp?: ((object: T, revision: number) => T) | undefined;
  /** How many changes of each kind are kept for watches and lists from the past; 2,000 when absent. */
  readonly history?: number | undefined;
  /** How many changes a watch may be behind before it is closed; 10,000 when absent. */
  readonly backlog?: number | undefined;
}

interface Pending<T> {
  readonly change: Change<T>;
  readonly done: PromiseWithResolvers<Stored<T>>;
}

/** The most writes in one commit: bounds how long the first of them waits. */
const BATCH = 512;
/** The most bytes in one commit, the first write aside. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** The largest value, in bytes of JSON; as large as etcd takes one. */
const MAX_VALUE_BYTES = 1.5 * 1024 * 1024;

function stampMetadata<T extends object>(object: T, revision: number): T {
  return { ...object, metadata: { ...(object as { metadata?: object }).metadata, resourceVersion: String(revision) } };
}

/** A store over a backend. */
export function createStore<T extends object>(backend: Backend, options: StoreOptions<T>): Store<T> {
  const stamp = options.stamp ?? stampMetadata;
  const history = options.history ?? 2000;
  const backlog = options.backlog ?? 10_000;
  const collections = new Map<string, Collection<T>>();
  /** The latest write of each key that is on its way to disk: what the next write of that key is compared with. */
  const latest = new Map<string, Pending<T>>();
  let queue: Pending<T>[] = [];
  let flushing: Promise<void> | undefined;
  let refusal: StoreError | undefined;

  const loaded = backend.load();
  /** The last revision given to a write. */
  let head = loaded.revision;
  /** The last revision on disk. */
  let durable = loaded.revision;
  let floor = loaded.revision;

  const collection = (key: string): Collection<T> => {
    const name = collectionOf(key);
    let found = collections.get(name);
    if (!found) collections.set(name, (found = new Collection<T>(floor, history)));
    return found;
  };
  for (const { key, revision, bytes } of loaded.values) {
    collection(key).load({ key, revision, bytes, object: deepFreeze(JSON.parse(bytes.toString()) as T) });
  }

  const publish = (batch: readonly Pending<T>[]): void => {
    for (const pending of batch) {
      const { change } = pending;
      const { key } = change.current;
      const home = collection(key);
      home.apply(change);
      durable = change.revision;
      if (latest.get(key) === pending) latest.delete(key);
      for (const subscription of home.subscriptions) if (key.startsWith(subscription.prefix)) subscription.push(change);
    }
    for (const { subscriptions } of collections.values()) for (const subscription of subscriptions) subscription.reached(durable);
    for (const { change, done } of batch) done.resolve(change.current);
  };

  function* live(): Generator<Stored<T>> {
    for (const each of collections.values()) yield* each.values();
  }

  const flush = async (): Promise<void> => {
    await Promise.resolve(); // what is written in the same turn goes to disk together
    while (queue.length > 0) {
      const count = batchSize(queue);
      const batch = queue.slice(0, count);
      queue = queue.slice(count);
      try {
        await backend.commit(
          batch.map(({ change: { type, revision, current } }) => ({
            key: current.key,
            revision,
            bytes: type === 'put' ? current.bytes : undefined,
          })),
          batch.at(-1)!.change.revision,
          live,
        );
      } catch (cause) {
        // What is on disk is no longer known for sure, so that nothing may build on it.
        refusal = new StoreError('failed', 'the store could not write to disk', { cause });
        for (const { done } of [...batch, ...queue]) done.reject(refusal);
        queue = [];
        latest.clear();
        break;
      }
      publish(batch);
    }
    // In the turn that found the queue empty: who writes in the next one must not take this flush for one that goes on.
    flushing = undefined;
  };

  const submit = (change: Change<T>): Promise<Stored<T>> => {
    const pending: Pending<T> = { change, done: Promise.withResolvers() };
    queue.push(pending);
    latest.set(change.current.key, pending);
    flushing ??= flush();
    return pending.done.promise;
  };

  const store = (key: string, object: T): Stored<T> => {
    const revision = head + 1;
    const stamped = deepFreeze(stamp(object, revision));
    const bytes = Buffer.from(JSON.stringify(stamped));
    if (bytes.length > MAX_VALUE_BYTES) {
      throw new StoreError('large', `${key} would be ${bytes.length} bytes, and ${MAX_VALUE_BYTES} is the most that is kept of one object`);
    }
    head = revision;
    return { key, revision, object: stamped, bytes };
  };

  /** The state a new write of the key meets, and the write it has to wait for before its refusal may be told. */
  const meet = (key: string): { value: Stored<T> | undefined; settled: Promise<unknown> | undefined } => {
    if (refusal) throw refusal;
    const pending = latest.get(key);
    if (!pending) return { value: collection(key).get(key), settled: undefined };
    return { value: pending.change.type === 'put' ? pending.change.current : undefined, settled: pending.done.promise };
  };

  /** Refuses a write, but not before what it lost against can be read: whoever tries again then sees it. */
  const refuse = async (settled: Promise<unknown> | undefined, error: StoreError): Promise<never> => {
    await settled;
    throw error;
  };

  const check = (revision: number): void => {
    if (revision > durable) throw new StoreError('future', `revision ${revision} has not happened yet; the store is at ${durable}`);
  };

  return {
    get revision() {
      return durable;
    },

    get: (key) => collection(key).get(key),

    list(prefix, revision): Listing<T> {
      if (revision === undefined || revision === durable) return { items: collection(prefix).list(prefix), revision: durable };
      check(revision);
      return { items: collection(prefix).listAt(prefix, revision), revision };
    },

    count: (name) => collection(name).size,

    async create(key, object) {
      const { value, settled } = meet(key);
      if (value) return refuse(settled, new StoreError('exists', `${key} exists already`, { revision: value.revision }));
      const current = store(key, object);
      return submit({ type: 'put', revision: current.revision, current, previous: undefined });
    },

    async update(key, object, expected) {
      const { value, settled } = meet(key);
      if (value?.revision !== expected) return refuse(settled, notAt(expected, key, value));
      const current = store(key, object);
      return submit({ type: 'put', revision: current.revision, current, previous: value });
    },

    async delete(key, expected, last) {
      const { value, settled } = meet(key);
      if (value?.revision !== expected) return refuse(settled, notAt(expected, key, value));
      const current = store(key, last ?? value.object);
      return submit({ type: 'delete', revision: current.revision, current, previous: value });
    },

    watch(prefix, revision, { signal } = {}): Watch<T> {
      if (refusal) throw refusal;
      check(revision);
      const home = collection(prefix);
      const abort = (): void => subscription.stop();
      const subscription = new Subscription<T>(prefix, home.since(prefix, revision), durable, backlog, () => {
        home.subscriptions.delete(subscription);
        signal?.removeEventListener('abort', abort);
      });
      home.subscriptions.add(subscription);
      if (signal?.aborted) subscription.stop();
      else signal?.addEventListener('abort', abort, { once: true });
      return subscription;
    },

    compact(revision) {
      check(revision);
      floor = Math.max(floor, revision);
      for (const each of collections.values()) each.compact(revision);
    },

    async close() {
      refusal ??= new StoreError('closed', 'the store is closed');
      await flushing;
      for (const { subscriptions } of collections.values()) for (const subscription of subscriptions) subscription.stop();
      await backend.close();
    },
  };
}

function batchSize<T>(queue: readonly Pending<T>[]): number {
  let bytes = 0;
  for (const [i, { change }] of queue.entries()) {
    bytes += change.current.bytes.length;
    if (i > 0 && (i === BATCH || bytes > BATCH_BYTES)) return i;
  }
  return queue.length;
}

/** A store that lives and dies with the process: for tests, with the meaning of the durable one. */
export function memoryStore<T extends object>(options: StoreOptions<T> = {}): Store<T> {
  return createStore(volatileBackend, options);
}

/** Why a write that expects `key` at a revision is refused. */
function notAt(expected: number, key: string, value: Stored<unknown> | undefined): StoreError {
  if (!value) return new StoreError('missing', `${key} does not exist`);
  return new StoreError('conflict', `${key} is at revision ${value.revision}, not ${expected}`, { revision: value.revision });
}
