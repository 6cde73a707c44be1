/** A value as the store holds it. The value is frozen and the bytes are its JSON: both are shared, never copied. */
export interface Stored<T> {
  readonly key: string;
  /** The revision of the write that made it. */
  readonly revision: number;
  readonly object: T;
  readonly bytes: Buffer;
}

/** One change. `progress` says that every change up to `revision` was delivered before it. */
export type StoreEvent<T> =
  | { readonly type: 'put'; readonly revision: number; readonly current: Stored<T>; readonly previous: Stored<T> | undefined }
  /** `current` is the last state, written with the revision of its deletion. */
  | { readonly type: 'delete'; readonly revision: number; readonly current: Stored<T>; readonly previous: Stored<T> }
  | { readonly type: 'progress'; readonly revision: number };

/** A stream of changes, in order and without gaps; it ends by throwing StoreError `slow`, or cleanly when it is stopped or the store is closed. */
export interface Watch<T> extends AsyncIterable<StoreEvent<T>> {
  /** Queues a `progress` event behind what is waiting to be read; does nothing when one is already waiting there. */
  progress(): void;
  stop(): void;
}

export interface Listing<T> {
  readonly items: readonly Stored<T>[];
  /** The revision the list is true for. */
  readonly revision: number;
}

export type StoreErrorCode =
  /** create: the key is taken. */
  | 'exists'
  /** update, delete: no such key. */
  | 'missing'
  /** update, delete: the key has another revision than expected. */
  | 'conflict'
  /** create, update, delete: the value is too large. */
  | 'large'
  /** list, watch: the revision is older than the history that is kept. */
  | 'compacted'
  /** list, watch: the revision has not happened yet. */
  | 'future'
  /** watch: the reader fell too far behind and was cut off. */
  | 'slow'
  /** The store was closed. */
  | 'closed'
  /** The disk refused a write; nothing is accepted any more. */
  | 'failed';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** `conflict` and `exists`: the revision that is there. */
  readonly revision: number | undefined;

  constructor(code: StoreErrorCode, message: string, options: { revision?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.revision = options.revision;
  }
}

/**
 * Values by key (`<group>/<plural>/<namespace>/<name>`), under one revision counter that only grows, across restarts too.
 * Writes are acknowledged, readable and seen by watches only once they are on disk.
 */
export interface Store<T> {
  /** The revision of the last write that is on disk. */
  readonly revision: number;
  get(key: string): Stored<T> | undefined;
  /** All under a prefix that names at least group and plural (`apps/deployments/`), in the order of their keys; at an old revision while its history is kept. */
  list(prefix: string, revision?: number): Listing<T>;
  /** How many there are of a group and plural (`apps/deployments/`); takes no longer for many. */
  count(collection: string): number;
  create(key: string, object: T): Promise<Stored<T>>;
  update(key: string, object: T, expected: number): Promise<Stored<T>>;
  /** Resolves to the last state under the revision of its deletion; `last` replaces that state when given. */
  delete(key: string, expected: number, last?: T): Promise<Stored<T>>;
  /** Changes under the prefix after `revision`. Throws `compacted` or `future`. */
  watch(prefix: string, revision: number, options?: { signal?: AbortSignal | undefined }): Watch<T>;
  /** Forgets history up to a revision: lists and watches from before it fail. */
  compact(revision: number): void;
  /** Waits for writes under way, then ends all watches. */
  close(): Promise<void>;
}
