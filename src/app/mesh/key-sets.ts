/** Keeps the keys of issuers: fetched when somebody wants them, fetched again from time to time, the last good ones kept. */
import { messageOf, type Clock, type Log, type Timer } from '../../base/index.ts';
import type { KeySet, KeySource } from '../../mesh/index.ts';

const REFRESH_MS = 20 * 60_000;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Nobody has so many issuers; each costs a request from time to time. */
const MAX_SOURCES = 200;

/** The body of what is at a URL; rejects when there is none, or one that is too large, or none within the time. */
export type FetchKeys = (url: string, timeoutMs?: number) => Promise<string>;

export interface KeySets {
  /** All that is wanted from now on, by URL; what is not is forgotten. */
  want(sources: ReadonlyMap<string, KeySource>): void;
  /** What there is; another map after each change. */
  current(): ReadonlyMap<string, KeySet>;
  /** Resolves when each wanted source was tried once. */
  tried(): Promise<void>;
  close(): void;
}

interface Entry {
  source: KeySource;
  set: KeySet | undefined;
  failures: number;
  first: Promise<void>;
  timer: Timer | undefined;
}

export function createKeySets(options: {
  readonly fetch: FetchKeys;
  readonly changed: () => void;
  readonly clock: Clock;
  readonly log: Log;
}): KeySets {
  const { fetch, changed, clock, log } = options;
  const entries = new Map<string, Entry>();
  let current: ReadonlyMap<string, KeySet> = new Map();

  function take(entry: Entry, next: KeySet): void {
    const { set, source } = entry;
    entry.set = next;
    if (set?.keys === next.keys && set?.error === next.error) return;
    current = new Map([...current, [source.url, next]]);
    changed();
  }

  async function refresh(entry: Entry): Promise<void> {
    const { url } = entry.source;
    const alive = (): boolean => entries.get(url) === entry;
    const again = (ms: number): unknown => (entry.timer = clock.after(ms, () => void refresh(entry)));
    try {
      const keys = await keysAt(entry.source, fetch);
      if (!alive()) return;
      entry.failures = 0;
      take(entry, { keys });
      again(REFRESH_MS);
    } catch (error) {
      if (!alive()) return;
      const message = messageOf(error);
      if (entry.failures === 0) log.warn('the keys of an issuer could not be fetched; it is tried again', { url, error: message });
      take(entry, { ...(entry.set?.keys === undefined ? {} : { keys: entry.set.keys }), error: message });
      again(Math.min(RETRY_MIN_MS * 2 ** entry.failures++, RETRY_MAX_MS));
    }
  }

  return {
    want(sources) {
      for (const [url, entry] of entries) {
        if (sources.has(url)) continue;
        entry.timer?.cancel();
        entries.delete(url);
        current = new Map([...current].filter(([known]) => known !== url));
      }
      for (const [url, source] of sources) {
        const known = entries.get(url);
        if (known) known.source = source;
        if (known || entries.size >= MAX_SOURCES) continue;
        const entry: Entry = { source, set: undefined, failures: 0, first: Promise.resolve(), timer: undefined };
        entries.set(url, entry);
        entry.first = refresh(entry);
      }
    },
    current: () => current,
    tried: async () => void (await Promise.all([...entries.values()].map((e) => e.first))),
    close() {
      for (const entry of entries.values()) entry.timer?.cancel();
      entries.clear();
    },
  };
}

async function keysAt({ url, discovery, timeoutMs }: KeySource, fetch: FetchKeys): Promise<string> {
  const text = await fetch(url, timeoutMs);
  if (!discovery) return keySet(text);
  const { jwks_uri: at } = parsed(text);
  if (typeof at !== 'string' || !/^https?:\/\//.test(at)) throw new Error('the OpenID configuration names no jwks_uri');
  return keySet(await fetch(at, timeoutMs));
}

function keySet(text: string): string {
  const { keys } = parsed(text);
  if (!Array.isArray(keys) || !keys.some((k) => typeof (k as { kty?: unknown } | null)?.kty === 'string'))
    throw new Error('the answer holds no keys');
  return text;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw new Error('the answer is no JSON');
  }
}
