/**
 * Objects that are there without being stored: made when they are read, so that they cost nothing until then. Whoever writes one
 * stores it. Whoever deletes one finds it there again at once, as another object.
 */
import type { AnyObject } from '../api/index.ts';
import { rfc3339, sha256Hex, type Clock } from '../base/index.ts';
import { StoreError, type Listing, type Store, type StoreEvent, type Stored } from '../store/index.ts';

/** A kind some objects of which are built in. */
export interface BuiltIns {
  /** What the keys of all its objects begin with. */
  readonly prefix: string;
  /** Those of the built-in ones. */
  keys(): Iterable<string>;
  /** The object, without what tells it from an earlier one of its name; undefined: there is none. `since`: when it came. */
  make(key: string, since: string): AnyObject | undefined;
}

/** True of an object that is there without being stored. */
export const isBuiltIn = (stored: Stored<AnyObject>): boolean => stored.revision === 0;

/** The store, with the built-in objects in it. */
export function withBuiltIns(store: Store<AnyObject>, kinds: readonly BuiltIns[], clock: Clock): Store<AnyObject> {
  const started = rfc3339(clock.now());
  const kindOf = (key: string): BuiltIns | undefined => kinds.find(({ prefix }) => key.startsWith(prefix));
  /** When each came back last: each return is another object, so that whoever waits for the end of the last one sees it. */
  const returns = new Map<string, number>();

  const builtIn = (key: string): Stored<AnyObject> | undefined => {
    const kind = kindOf(key);
    if (!kind) return undefined;
    const born = store.get('/namespaces//default')?.object.metadata?.creationTimestamp;
    const since = typeof born === 'string' ? born : started;
    const made = kind.make(key, since);
    if (!made) return undefined;
    const uid = sha256Hex(`${key} ${returns.get(key) ?? 0}`, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
    const identity = { uid: uid.slice(0, 36), creationTimestamp: since, resourceVersion: '1' };
    const object = { ...made, metadata: { ...made.metadata, ...identity } };
    return {
      key,
      revision: 0,
      object,
      get bytes() {
        return Buffer.from(JSON.stringify(object));
      },
    };
  };

  const list = (prefix: string, revision?: number): Listing<AnyObject> => {
    const found = store.list(prefix, revision);
    const kind = kinds.find((k) => k.prefix === prefix);
    if (!kind) return found;
    const stored = new Map(found.items.map((item) => [item.key, item]));
    const all = [...new Set([...stored.keys(), ...kind.keys()])].sort();
    return { ...found, items: all.map((key) => stored.get(key) ?? builtIn(key)!) };
  };

  /** An object that is stored over a built-in one changes it; when it is deleted, the built-in one follows. */
  const shown = function* (event: StoreEvent<AnyObject>): Generator<StoreEvent<AnyObject>> {
    if (event.type === 'put' && !event.previous) yield { ...event, previous: builtIn(event.current.key) };
    else yield event;
    const back = event.type === 'delete' ? builtIn(event.current.key) : undefined;
    if (back) yield { type: 'put', revision: event.revision, current: back, previous: undefined };
  };

  return {
    get revision() {
      return store.revision;
    },
    get: (key) => store.get(key) ?? builtIn(key),
    list,
    count: (collection) => (kinds.some(({ prefix }) => prefix === collection) ? list(collection).items.length : store.count(collection)),
    create: (key, object) => store.create(key, object),
    async update(key, object, expected) {
      if (expected !== 0) return store.update(key, object, expected);
      try {
        return await store.create(key, object);
      } catch (error) {
        if (error instanceof StoreError && error.code === 'exists') throw new StoreError('conflict', `${key} was stored meanwhile`);
        throw error;
      }
    },
    async delete(key, expected, last) {
      const made = expected === 0 ? builtIn(key) : undefined;
      const gone = await store.delete(key, made ? (await store.create(key, made.object)).revision : expected, last);
      if (kindOf(key)) returns.set(key, gone.revision);
      return gone;
    },
    watch(prefix, revision, options) {
      const changes = store.watch(prefix, revision, options);
      if (!kindOf(prefix)) return changes;
      return {
        progress: () => changes.progress(),
        stop: () => changes.stop(),
        async *[Symbol.asyncIterator]() {
          for await (const event of changes) yield* shown(event);
        },
      };
    },
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}
