/**
 * A map in versions: the next one costs as much as what differs in it, and the one before can still be read. The newest has the
 * entries; an older one knows what it had besides, and asks the next for the rest.
 */
export class Table<V> implements ReadonlyMap<string, V> {
  #entries: Map<string, V>;
  /** The version after this one, and what this one has (undefined: has not) in the places where they differ. */
  #next: { readonly table: Table<V>; readonly had: ReadonlyMap<string, V | undefined> } | undefined;

  constructor(entries: Iterable<readonly [string, V]> = []) {
    this.#entries = new Map(entries);
  }

  /** The version with these entries in the places of their namesakes, and without those that are undefined. */
  with(changes: Iterable<readonly [string, V | undefined]>): Table<V> {
    const entries = this.#next ? this.#own() : this.#entries;
    const had = new Map<string, V | undefined>();
    for (const [key, value] of changes) {
      const before = entries.get(key);
      if (before === value) continue;
      if (!had.has(key)) had.set(key, before);
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    if (!had.size) return this;
    const table = new Table<V>();
    table.#entries = entries;
    // Of an older version that is changed, another table comes.
    if (this.#next) return table;
    this.#entries = new Map();
    this.#next = { table, had };
    return table;
  }

  /** What this version has in the places in which a later one may differ; undefined when that is none of this table's. */
  before(later: ReadonlyMap<string, V>): ReadonlyMap<string, V | undefined> | undefined {
    const before = new Map<string, V | undefined>();
    for (let next = this.#next; next; next = next.table.#next) {
      for (const [key, value] of next.had) if (!before.has(key)) before.set(key, value);
      if (next.table === later) return before;
    }
    return undefined;
  }

  /** The entries of an older version, apart from those of later ones. */
  #own(): Map<string, V> {
    const passed: ReadonlyMap<string, V | undefined>[] = [];
    let newest = this.#entries;
    for (let next = this.#next; next; next = next.table.#next) {
      passed.push(next.had);
      newest = next.table.#entries;
    }
    const entries = new Map(newest);
    for (const had of passed.reverse())
      for (const [key, value] of had) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    return entries;
  }

  /** To go through an older version whole, it is made anew. */
  #all(): Map<string, V> {
    return this.#next ? this.#own() : this.#entries;
  }

  get(key: string): V | undefined {
    let newest = this.#entries;
    for (let next = this.#next; next; next = next.table.#next) {
      if (next.had.has(key)) return next.had.get(key);
      newest = next.table.#entries;
    }
    return newest.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  get size(): number {
    return this.#all().size;
  }

  keys(): MapIterator<string> {
    return this.#all().keys();
  }

  values(): MapIterator<V> {
    return this.#all().values();
  }

  entries(): MapIterator<[string, V]> {
    return this.#all().entries();
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(tell: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.#all()) tell(value, key, this);
  }
}

/** The keys whose values are not the same objects in both. Costs as much as differs where `after` is a later version of the table `before`. */
export function changedKeys<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): string[] {
  if (before === after) return [];
  const changed: string[] = [];
  const differing = before instanceof Table ? (before as Table<V>).before(after) : undefined;
  if (differing) {
    for (const [key, value] of differing) if (after.get(key) !== value) changed.push(key);
    return changed;
  }
  for (const [key, value] of after) if (before.get(key) !== value) changed.push(key);
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed;
}
