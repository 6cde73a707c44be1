import { StoreError, type StoreEvent, type Stored } from './types.ts';
import type { Subscription } from './subscription.ts';

export type Change<T> = Exclude<StoreEvent<T>, { type: 'progress' }>;

/** The `<group>/<plural>/` that a key or a prefix begins with. */
export function collectionOf(key: string): string {
  const second = key.indexOf('/', key.indexOf('/') + 1);
  if (second < 0) throw new RangeError(`the store's keys are <group>/<plural>/<namespace>/<name>, not "${key}"`);
  return key.slice(0, second + 1);
}

/** How many bytes of changes are kept of one kind, at most, however few they are. */
const HISTORY_BYTES = 8 * 1024 * 1024;

/** The live values of one kind in the order of their keys, and the changes that led to them as far back as is kept. */
export class Collection<T> {
  readonly subscriptions = new Set<Subscription<T>>();
  /** In the order of their keys: a list is a piece of it. */
  readonly #live: Stored<T>[] = [];
  readonly #limit: number;
  #history: Change<T>[] = [];
  #historyBytes = 0;
  /** Changes up to this revision are forgotten. */
  #floor: number;

  constructor(floor: number, limit: number) {
    this.#floor = floor;
    this.#limit = limit;
  }

  get(key: string): Stored<T> | undefined {
    const found = this.#live[lowerBound(this.#live, key)];
    return found?.key === key ? found : undefined;
  }

  get size(): number {
    return this.#live.length;
  }

  values(): Iterable<Stored<T>> {
    return this.#live;
  }

  /** Takes over values that were there before the history began, in the order of their keys. */
  load(value: Stored<T>): void {
    this.#place(value);
  }

  apply(change: Change<T>): void {
    if (change.type === 'put') this.#place(change.current);
    else this.#drop(change.current.key);
    this.#history.push(change);
    this.#historyBytes += change.current.bytes.length;
    // Trimmed in strides, so that the cost of moving the array is spread over many changes.
    if (this.#history.length >= this.#limit * 1.25) this.compact(this.#history[this.#history.length - this.#limit - 1]!.revision);
    else if (this.#historyBytes > HISTORY_BYTES) this.compact(this.#history[this.#history.length >> 1]!.revision);
  }

  compact(revision: number): void {
    if (revision <= this.#floor) return;
    const kept = this.#after(revision);
    for (let i = 0; i < kept; i++) this.#historyBytes -= this.#history[i]!.current.bytes.length;
    this.#history = this.#history.slice(kept);
    this.#floor = revision;
  }

  /** The values under a prefix. */
  list(prefix: string): Stored<T>[] {
    return this.#live.slice(lowerBound(this.#live, prefix), lowerBound(this.#live, prefix + LAST));
  }

  /** The values under a prefix as they were at an old revision: today's, with every later change undone. */
  listAt(prefix: string, revision: number): Stored<T>[] {
    const later = this.since(prefix, revision);
    if (later.length === 0) return this.list(prefix);
    const then = new Map(this.list(prefix).map((value) => [value.key, value]));
    for (const change of later.reverse()) {
      if (change.previous) then.set(change.current.key, change.previous);
      else then.delete(change.current.key);
    }
    return [...then.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** The changes under a prefix after a revision. Throws `compacted` when they are no longer all known. */
  since(prefix: string, revision: number): Change<T>[] {
    if (revision < this.#floor) throw new StoreError('compacted', `too old resource version: ${revision} (${this.#floor})`);
    return this.#history.slice(this.#after(revision)).filter((change) => change.current.key.startsWith(prefix));
  }

  #after(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#history[mid]!.revision <= revision) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  #place(value: Stored<T>): void {
    const { key } = value;
    const last = this.#live.at(-1);
    if (last === undefined || last.key < key) return void this.#live.push(value);
    const at = lowerBound(this.#live, key);
    this.#live.splice(at, this.#live[at]!.key === key ? 1 : 0, value);
  }

  #drop(key: string): void {
    const at = lowerBound(this.#live, key);
    if (this.#live[at]?.key === key) this.#live.splice(at, 1);
  }
}

/** After every character that a key goes on with. */
const LAST = '\uffff';

/** Where `key` is, or belongs, among values in the order of their keys. */
function lowerBound(values: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (values[mid]!.key < key) low = mid + 1;
    else high = mid;
  }
  return low;
}
