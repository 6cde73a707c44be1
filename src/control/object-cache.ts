import { keyOf, keyText, type KubeObject } from '../api/index.ts';
import type { WatchEvent } from './client.ts';

export type Change<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  | { readonly type: 'deleted'; readonly object: T };

/** The objects an index holds under a value. */
export type Lookup<T> = (value: string) => readonly T[];

interface Index<T> {
  readonly valuesOf: (object: T) => readonly string[];
  readonly byValue: Map<string, Set<string>>;
}

/**
 * The objects of an informer. Two streams feed it: the server's (list, watch) and the answers to one's own writes, which
 * may come before or after the watch tells of them. Revisions decide: they are comparable across one server's objects, an older
 * state never replaces a newer one, and what the watch has already passed is not taken from an answer.
 */
export class ObjectCache<T extends KubeObject> {
  /** Everything up to it has been seen from the server. */
  revision = '0';
  readonly #objects = new Map<string, T>();
  readonly #byNamespace: Index<T> = { valuesOf: (o) => [o.metadata?.namespace ?? ''], byValue: new Map() };
  readonly #indices = new Map<string, Index<T>>([['namespace', this.#byNamespace]]);
  readonly #handlers = new Set<(change: Change<T>) => void>();
  /** Uids that were deleted by an answer, until the watch says so too. */
  readonly #buried = new Set<string>();
  readonly #failed: (error: unknown) => void;

  constructor(onHandlerError: (error: unknown) => void) {
    this.#failed = onHandlerError;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace: string | undefined): T[] {
    const keys = namespace === undefined ? this.#objects.keys() : (this.#byNamespace.byValue.get(namespace) ?? []);
    return [...keys].sort().map((key) => this.#objects.get(key)!);
  }

  index(name: string, valuesOf: (object: T) => readonly string[]): Lookup<T> {
    let index = this.#indices.get(name);
    if (!index) {
      index = { valuesOf, byValue: new Map() };
      this.#indices.set(name, index);
      for (const [key, object] of this.#objects) fill(index, key, object);
    }
    const { byValue } = index;
    return (value) => [...(byValue.get(value) ?? [])].sort().map((key) => this.#objects.get(key)!);
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    for (const object of this.list(undefined)) this.#tell(handler, { type: 'added', object });
    return () => this.#handlers.delete(handler);
  }

  /** Takes a whole list. What is held but not listed is gone, unless it was written after the list was read. */
  replace(items: readonly T[], revision: string): void {
    const listed = new Map(items.map((o) => [keyText(keyOf(o)), o]));
    const uids = new Set(items.map((o) => o.metadata?.uid));
    for (const uid of this.#buried) if (!uids.has(uid)) this.#buried.delete(uid);
    for (const [key, object] of this.#objects) {
      if (!listed.has(key) && !isNewer(revisionOf(object), revision)) this.#remove(key, object);
    }
    for (const [key, object] of listed) this.#put(key, object);
    this.revision = revision;
  }

  apply(event: WatchEvent<T>): void {
    const revision = event.type === 'BOOKMARK' ? event.resourceVersion : revisionOf(event.object);
    if (isNewer(revision, this.revision)) this.revision = revision;
    if (event.type === 'BOOKMARK') return;
    const { object } = event;
    const key = keyText(keyOf(object));
    if (event.type !== 'DELETED') {
      this.#put(key, object);
      return;
    }
    this.#buried.delete(object.metadata?.uid ?? '');
    const held = this.#objects.get(key);
    if (held && !isNewer(revisionOf(held), revisionOf(object))) this.#remove(key, object);
  }

  wrote(object: T): void {
    if (isNewer(revisionOf(object), this.revision)) this.#put(keyText(keyOf(object)), object);
  }

  deleted(object: T): void {
    if (isLeaving(object)) return this.wrote(object);
    const key = keyText(keyOf(object));
    const held = this.#objects.get(key);
    if (!held || held.metadata?.uid !== object.metadata?.uid) return;
    this.#buried.add(object.metadata?.uid ?? '');
    this.#remove(key, held);
  }

  #put(key: string, object: T): void {
    if (this.#buried.has(object.metadata?.uid ?? '')) return;
    const old = this.#objects.get(key);
    if (old && !isNewer(revisionOf(object), revisionOf(old))) return;
    if (old && old.metadata?.uid !== object.metadata?.uid) {
      this.#remove(key, old);
      return this.#put(key, object);
    }
    if (old) for (const index of this.#indices.values()) empty(index, key, old);
    this.#objects.set(key, object);
    for (const index of this.#indices.values()) fill(index, key, object);
    this.#tellAll(old ? { type: 'updated', object, old } : { type: 'added', object });
  }

  /** `last` is the final state, which may be newer than the one held. */
  #remove(key: string, last: T): void {
    const held = this.#objects.get(key)!;
    for (const index of this.#indices.values()) empty(index, key, held);
    this.#objects.delete(key);
    this.#tellAll({ type: 'deleted', object: last });
  }

  #tellAll(change: Change<T>): void {
    for (const handler of this.#handlers) this.#tell(handler, change);
  }

  #tell(handler: (change: Change<T>) => void, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#failed(error);
    }
  }
}

function fill<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const keys = index.byValue.get(value);
    if (keys) keys.add(key);
    else index.byValue.set(value, new Set([key]));
  }
}

function empty<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const keys = index.byValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.byValue.delete(value);
  }
}

function revisionOf(o: KubeObject): string {
  return o.metadata?.resourceVersion ?? '0';
}

/**
 * True when an object that was deleted is still there: for its finalizers (a namespace has some in its spec), or for the time it was
 * given to end.
 */
export function isLeaving(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata ?? {};
  const inSpec = (object as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers ?? [];
  return deletionTimestamp !== undefined && (finalizers.length + inSpec.length > 0 || deletionGracePeriodSeconds > 0);
}

/** Revisions are decimal numbers of up to 64 bits (Kubernetes 1.35 declares them comparable). */
function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
