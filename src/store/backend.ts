/** One key's new state on disk. */
export interface Write {
  readonly key: string;
  readonly revision: number;
  /** Absent: the key is gone. */
  readonly bytes: Buffer | undefined;
}

/** Where the store keeps what it must not lose. */
export interface Backend {
  /** All that was committed, in the order of keys, and the last revision that was given out. Called once, before any commit. */
  load(): { readonly revision: number; readonly values: Iterable<Required<Write> & { readonly bytes: Buffer }> };
  /** Resolves once the writes are on disk, all or none of them. One call at a time. */
  commit(writes: readonly Write[], revision: number): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing beyond the process: for tests. */
export const volatileBackend: Backend = {
  load: () => ({ revision: 0, values: [] }),
  commit: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
