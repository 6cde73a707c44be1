/**
 * The CustomResourceDefinitions of kinds that are built in. They are there without being stored: made when they are read, so that
 * they cost nothing until then. Whoever writes one stores it. Whoever deletes one, stored or not, is rid of the objects of the kind;
 * the definition is there again at once, as another object.
 */
import { definitionStatus, type AnyObject, type Catalog, type KindDef } from '../api/index.ts';
import { rfc3339, sha256Hex, type Clock } from '../base/index.ts';
import { StoreError, type Listing, type Store, type StoreEvent, type Stored } from '../store/index.ts';
import { CLEANUP, CRD_PREFIX } from './crds.ts';

/** True of an object that is there without being stored. */
export const isBuiltIn = (stored: Stored<AnyObject>): boolean => stored.revision === 0;

/** The store, with the definitions of the built-in kinds in it. */
export function withBuiltInDefinitions(store: Store<AnyObject>, catalog: Catalog, clock: Clock): Store<AnyObject> {
  const started = rfc3339(clock.now());
  const defs = new Map<string, KindDef>();
  for (const def of catalog.all()) {
    if (def.definition) defs.set(`${CRD_PREFIX}/${def.resource.plural}.${def.resource.group}`, def);
  }
  const keys = [...defs.keys()].sort();
  /** When each came back last: each return is another object, so that whoever waits for the end of the last one sees it. */
  const returns = new Map<string, number>();

  const builtIn = (key: string): Stored<AnyObject> | undefined => {
    const def = defs.get(key);
    if (!def) return undefined;
    const since = store.get('/namespaces//default')?.object.metadata?.creationTimestamp;
    const stamp = typeof since === 'string' ? since : started;
    const crd = def.definition!();
    const uid = sha256Hex(`${key} ${returns.get(key) ?? 0}`, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
    const object = {
      ...crd,
      metadata: {
        ...crd.metadata,
        uid: uid.slice(0, 36),
        creationTimestamp: stamp,
        generation: 1,
        resourceVersion: '1',
        finalizers: [CLEANUP],
      },
      status: definitionStatus(crd, stamp),
    } as unknown as AnyObject;
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
    if (prefix !== CRD_PREFIX) return found;
    const stored = new Map(found.items.map((item) => [item.key, item]));
    const all = [...new Set([...stored.keys(), ...keys])].sort();
    return { ...found, items: all.map((key) => stored.get(key) ?? builtIn(key)!) };
  };

  /** A definition that is stored over the built-in one changes it; when it is deleted, the built-in one follows. */
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
    count: (collection) => (collection === CRD_PREFIX ? list(collection).items.length : store.count(collection)),
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
      const gone = await store.delete(key, expected, last);
      if (defs.has(key)) returns.set(key, gone.revision);
      return gone;
    },
    watch(prefix, revision, options) {
      const changes = store.watch(prefix, revision, options);
      if (!prefix.startsWith(CRD_PREFIX)) return changes;
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
