import type { Key, KubeObject, Resource } from '../api/index.ts';

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** As in `kubectl -l`: `app=web,tier in (a,b),!old`. */
  readonly labelSelector?: string | undefined;
  /** As in `kubectl --field-selector`. */
  readonly fieldSelector?: string | undefined;
}

export interface ObjectList<T> {
  readonly items: T[];
  /** The revision the list was read at; a watch from it misses nothing. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends ListOptions {
  /** Events after this revision. */
  readonly resourceVersion: string;
  readonly signal?: AbortSignal | undefined;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type Patch =
  /** RFC 7386. */
  | { readonly type: 'merge'; readonly body: unknown }
  /** RFC 6902. */
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  /** Kubernetes strategic merge. */
  | { readonly type: 'strategic'; readonly body: unknown }
  /** Server-side apply; needs `fieldManager`. */
  | { readonly type: 'apply'; readonly body: unknown };

export interface WriteOptions {
  /**
   * `finalize`: of namespaces, the only way to change their spec.finalizers. `token`: of service accounts, for `create`, whose object
   * is then a TokenRequest with the account's name.
   */
  readonly subresource?: 'status' | 'scale' | 'finalize' | 'token' | undefined;
  readonly fieldManager?: string | undefined;
  /** Server-side apply: take over fields that others own. */
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface GetOptions {
  readonly subresource?: 'scale' | undefined;
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } | undefined;
}

/**
 * The Kubernetes API as controllers use it. Two implementations, one contract suite (`client.contract.ts`):
 * in-process (the API server's own) and HTTP (a Unix socket, or a real cluster).
 *
 * Objects given out are shared: treat them as frozen and copy before changing.
 * What the server refuses is thrown as `ApiError`; a watch that is too old ends by throwing `Expired`;
 * a watch may otherwise end at any time (resume from the last revision seen).
 */
export interface Client {
  /** Undefined when there is no such object. With `scale` the object's Scale, whatever kind it is of. */
  get<T extends KubeObject>(resource: Resource<T>, key: Key, options?: GetOptions): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** PUT: `Conflict` when the object carries a resourceVersion that is not the current one. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, key: Key, patch: Patch, options?: WriteOptions): Promise<T>;
  /** Resolves when the server has accepted it; undefined as result when the object was gone already. */
  delete<T extends KubeObject>(resource: Resource<T>, key: Key, options?: DeleteOptions): Promise<T | undefined>;
}
