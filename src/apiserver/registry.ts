import type { Metrics } from '../base/index.ts';
import type { AnyObject, Catalog, Served } from '../api/index.ts';
import type { Client } from '../control/index.ts';

/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  /** Of a ServiceAccount. */
  readonly uid?: string | undefined;
  /** What else is known of them, such as the pod that a token is bound to. */
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is asked about. */
export interface Target {
  /** The kind, under the version that was asked for. */
  readonly served: Served;
  /** Absent: cluster-scoped, or all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** `status`, `scale`, `finalize` (namespaces), `eviction` (pods). */
  readonly subresource?: string | undefined;
  readonly user: User;
}

/** A decoded body. */
export interface Body {
  readonly value: unknown;
  /** Paths of fields that were given twice (`spec.replicas`), as `parseJson` finds them. */
  readonly duplicates?: readonly string[] | undefined;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteQuery {
  readonly fieldManager?: string | undefined;
  /** The client's name for itself: the manager of what it writes when it names none. */
  readonly userAgent?: string | undefined;
  /** `Warn` when absent. */
  readonly fieldValidation?: FieldValidation | undefined;
  readonly dryRun?: boolean | undefined;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface PatchQuery extends WriteQuery {
  /** Server-side apply: take over fields that others own. */
  readonly force?: boolean | undefined;
}

export interface DeleteQuery {
  readonly propagationPolicy?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface SelectQuery {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListQuery extends SelectQuery {
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface WatchQuery extends SelectQuery {
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowWatchBookmarks?: boolean | undefined;
  /** After how many milliseconds whoever asks will end it; absent: never. */
  readonly timeout?: number | undefined;
}

/** An object with its JSON, both shared and never to be changed; in the version that was asked for. */
export interface Entry {
  readonly object: AnyObject;
  readonly bytes: Buffer;
}

export interface Written extends Entry {
  /** True when the object was not there before (201). */
  readonly created: boolean;
  /** For `Warning: 299 - "..."` headers. */
  readonly warnings: readonly string[];
}

export interface Deleted extends Entry {
  /** False when finalizers or a grace period keep it: then the answer is the object, otherwise a Success status. */
  readonly gone: boolean;
  readonly warnings: readonly string[];
}

export interface EntryList {
  readonly items: readonly Entry[];
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

export type WatchMessage =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly entry: Entry }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

/**
 * The verbs of the API over the store: what HTTP, and the in-process client, are spoken to by.
 * Every refusal is thrown as `ApiError`. Whether the user may is not asked here: that is the HTTP edge's.
 */
export interface Registry {
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  get(target: Target): Promise<Entry>;
  list(target: Target, query: ListQuery): Promise<EntryList>;
  /** Fails at once on a bad query; ends by throwing `Expired` when the revision is too old, and cleanly when the signal aborts or the reader is too slow. */
  watch(target: Target, query: WatchQuery, signal?: AbortSignal): AsyncIterable<WatchMessage>;
  create(target: Target, body: Body, query: WriteQuery): Promise<Written>;
  update(target: Target, body: Body, query: WriteQuery): Promise<Written>;
  patch(target: Target, type: PatchType, body: Body, query: PatchQuery): Promise<Written>;
  delete(target: Target, query: DeleteQuery): Promise<Deleted>;
  /** What was deleted, or is now being deleted. */
  deleteCollection(target: Target, list: ListQuery, query: DeleteQuery): Promise<EntryList>;
  /** Asks those who have a say whether a stream to an object may be opened; what they say besides is for `Warning` headers. */
  connect(target: Target, options: AnyObject): Promise<readonly string[]>;
  /** The in-process client, acting as a user. */
  client(user: User): Client;
}
