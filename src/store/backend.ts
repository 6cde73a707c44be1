/** One key's new state on disk. */
export interface Write {
  readonly key: string;
  readonly revision: number;
  /** Absent: the key is gone. */
  readonly bytes: Buffer | undefined;
}

/** A key that is there. */
export type Value = Write & { readonly bytes: Buffer };

/** Where the store keeps what it must not lose. */
export interface Backend {
  /** All that was committed, in the order of keys, and the last revision that was given out. Called once, before any commit. */
  load(): { readonly revision: number; readonly values: Iterable<Value> };
  /** Resolves once the writes are on disk, all or none of them. One call at a time. `live` gives all values as they were before these writes. */
  commit(writes: readonly Write[], revision: number, live: () => Iterable<Value>): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing beyond the process: for tests. */
export const volatileBackend: Backend = {
  load: () => ({ revision: 0, values: [] }),
  commit: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
