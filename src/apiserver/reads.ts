import { ApiError, type AnyObject } from '../api/index.ts';
import type { Clock, Timer } from '../base/index.ts';
import { StoreError, type Listing, type Store, type StoreEvent, type Stored } from '../store/index.ts';
import { entryOf, shownAs, storeKey, storePrefix } from './entry.ts';
import { expired, notFound, tokenExpired, tooLarge } from './errors.ts';
import type { Entry, EntryList, ListQuery, Target, WatchMessage, WatchQuery } from './registry.ts';
import { scaleOf } from './scale.ts';
import { selectionOf, type Selection } from './select.ts';

/** How often a watch is told how far it is, in milliseconds. */
const BOOKMARKS = 60_000;
/** How long before its end a watch is told so for the last time, so that it can go on from there; in milliseconds. */
const LAST_BOOKMARK = 2000;

export interface Reads {
  get(target: Target): Entry;
  list(target: Target, query: ListQuery): EntryList;
  watch(target: Target, query: WatchQuery, signal?: AbortSignal): AsyncIterable<WatchMessage>;
}

export function createReads(store: Store<AnyObject>, clock: Clock): Reads {
  return {
    get({ served, namespace, name = '', subresource }) {
      const stored = store.get(storeKey(served.def, namespace, name));
      if (!stored) throw notFound(served.def, name);
      if (subresource === 'scale') return entryOf(scaleOf(served, stored.object));
      return shownAs(served, stored);
    },

    list({ served, namespace }, query) {
      const selection = selectionOf(served, query);
      const from = startOf(query, store.revision);
      const found = read(
        () => store.list(storePrefix(served.def, namespace), from.revision),
        store.revision,
        from.after === undefined ? undefined : token(LATEST, from.after),
      );
      // A start from any revision (0) is one page, as the watch cache of Kubernetes gives it.
      const limit = query.resourceVersion === '0' ? 0 : (query.limit ?? 0);
      const { items, more, left } = page(found, from.after, limit, selection);
      return {
        items: items.map((stored) => shownAs(served, stored)),
        resourceVersion: String(found.revision),
        ...(more ? { continue: token(found.revision, more) } : {}),
        ...(more && selection.all ? { remainingItemCount: left } : {}),
      };
    },

    watch({ served, namespace }, query, signal) {
      const selection = selectionOf(served, query);
      checkWatch(query);
      const prefix = storePrefix(served.def, namespace);
      const asked = revisionIn(query.resourceVersion);
      const initial = query.sendInitialEvents ?? (asked === undefined || asked === 0);
      if (asked !== undefined && asked > store.revision) throw tooLarge(asked, store.revision);
      const listing: Listing<AnyObject> = initial
        ? store.list(prefix)
        : { items: [], revision: asked === undefined || asked === 0 ? store.revision : asked };
      return follow(listing);

      async function* follow({ items, revision }: Listing<AnyObject>): AsyncGenerator<WatchMessage> {
        const events = read(() => store.watch(prefix, revision, { signal }), store.revision);
        let timer: Timer | undefined;
        const last = query.timeout === undefined ? Infinity : clock.now() + query.timeout - LAST_BOOKMARK;
        const soon = (): void => {
          const left = last - clock.now();
          timer = clock.after(left > 0 ? Math.min(left, BOOKMARKS) : BOOKMARKS, remind);
        };
        const remind = (): void => {
          events.progress();
          soon();
        };
        try {
          for (const stored of items) {
            if (selection.matches(stored.object)) yield { type: 'ADDED', entry: shownAs(served, stored) };
          }
          if (query.sendInitialEvents && query.allowWatchBookmarks) {
            yield { type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd: true };
          }
          if (query.allowWatchBookmarks) soon();
          for await (const event of events) {
            const message = messageOf(event, selection, (stored) => shownAs(served, stored));
            if (message) yield message;
          }
        } catch (error) {
          // A reader that is cut off resumes from what it saw last, as after any end of a watch.
          if (!(error instanceof StoreError && error.code === 'slow')) throw error;
        } finally {
          timer?.cancel();
          events.stop();
        }
      }
    },
  };
}

/** What a change is to someone who sees only what the selection takes: entering it is ADDED, leaving it DELETED. */
function messageOf(
  event: StoreEvent<AnyObject>,
  { matches }: Selection,
  show: (stored: Stored<AnyObject>) => Entry,
): WatchMessage | undefined {
  if (event.type === 'progress') return { type: 'BOOKMARK', resourceVersion: String(event.revision), initialEventsEnd: false };
  const before = event.previous !== undefined && matches(event.previous.object);
  const after = event.type === 'put' && matches(event.current.object);
  if (!before && !after) return undefined;
  return { type: !before ? 'ADDED' : after ? 'MODIFIED' : 'DELETED', entry: show(event.current) };
}

/** Runs a read of the store; what it refuses is said in the API's words. `instead`: the token that a list can go on with all the same. */
function read<T>(action: () => T, current: number, instead?: string): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof StoreError && error.code === 'compacted') throw instead ? tokenExpired(instead) : expired(error.message);
    if (error instanceof StoreError && error.code === 'future') throw tooLarge(current + 1, current);
    throw error;
  }
}

function revisionIn(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new ApiError('BadRequest', `resourceVersion: Invalid value: ${JSON.stringify(text)}: it is a number that the server gave out`);
  return Number(text);
}

/** Where a list begins: at which revision, and behind which key. */
function startOf(query: ListQuery, current: number): { revision: number | undefined; after: string | undefined } {
  if (query.continue) {
    const { rv, start } = readToken(query.continue);
    if (query.resourceVersionMatch) throw badList('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    if (query.resourceVersion && query.resourceVersion !== '0') {
      throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
    }
    return { revision: rv === LATEST ? undefined : rv, after: start };
  }
  const asked = revisionIn(query.resourceVersion);
  const match = query.resourceVersionMatch;
  if (match && asked === undefined) {
    throw badList('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (match && match !== 'Exact' && match !== 'NotOlderThan') {
    throw badQuery(`resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`);
  }
  if (match === 'Exact' && asked === 0) {
    throw badList('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (asked !== undefined && asked > current) throw tooLarge(asked, current);
  return { revision: match === 'Exact' ? asked : undefined, after: undefined };
}

function page(
  found: Listing<AnyObject>,
  after: string | undefined,
  limit: number,
  selection: Selection,
): { items: Stored<AnyObject>[]; more: string | undefined; left: number } {
  const items: Stored<AnyObject>[] = [];
  let seen = 0;
  for (const stored of found.items) {
    seen++;
    if (after !== undefined && stored.key <= after) continue;
    if (selection.name !== undefined && stored.object.metadata?.name !== selection.name) continue;
    if (!selection.all && !selection.matches(stored.object)) continue;
    items.push(stored);
    if (limit > 0 && items.length === limit && seen < found.items.length)
      return { items, more: stored.key, left: found.items.length - seen };
  }
  return { items, more: undefined, left: 0 };
}

/** In a token: go on with what is there now. */
const LATEST = -1;

function token(rv: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start })).toString('base64url');
}

function readToken(text: string): { rv: number; start: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString()) as { rv: unknown; start: unknown };
    if (Number.isSafeInteger(rv) && (rv as number) >= LATEST && typeof start === 'string') return { rv: rv as number, start };
  } catch {
    // said below
  }
  throw new ApiError('BadRequest', 'continue key is not valid: it is the "continue" of an earlier answer, unchanged');
}

const badQuery = (detail: string): ApiError => new ApiError('Invalid', `ListOptions.meta.k8s.io "" is invalid: ${detail}`);
const badList = (field: string, detail: string): ApiError => badQuery(`${field}: Forbidden: ${detail}`);

function checkWatch(query: WatchQuery): void {
  if (query.sendInitialEvents !== undefined && query.resourceVersionMatch !== 'NotOlderThan') {
    throw badList('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (query.sendInitialEvents === undefined && query.resourceVersionMatch) {
    throw badList('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
}
