/**
 * What was seen of a server while it was written to, watched and killed, and whether it all fits together. Objects are ConfigMaps whose
 * `data.by` names the write that made them and whose other fields count the writes of each writer.
 */

export interface Seen {
  readonly key: string;
  readonly uid: string;
  readonly revision: number;
  /** True: the state under which it was deleted. */
  readonly gone: boolean;
  /** Of the whole object. */
  readonly digest: string;
  readonly data: Readonly<Record<string, string>>;
  /** Whether the watchers with a selector see it. */
  readonly selected: boolean;
}

export interface Write {
  readonly token: string;
  readonly key: string;
  readonly verb: string;
  /** The revision that the write was to be based on. */
  readonly base: number | undefined;
  readonly started: number;
  outcome: 'under way' | 'acknowledged' | 'refused' | 'unknown';
  ended: number;
  revision?: number | undefined;
  uid?: string | undefined;
  code?: number | undefined;
}

/** A watch from one list to the next: it was resumed as often as it was closed. */
export interface Segment {
  readonly watcher: string;
  readonly namespace: string | undefined;
  readonly selecting: boolean;
  readonly start: number;
  end: number;
  readonly revisions: number[];
  /** What its reader takes to be there. */
  readonly state: Map<string, number>;
}

export interface Snapshot {
  readonly revision: number;
  readonly namespace: string | undefined;
  /** Revision by key. */
  readonly items: ReadonlyMap<string, number>;
}

/** What is known to be acknowledged at a moment: no read that begins then may miss it. */
export interface Floor {
  readonly at: number;
  readonly revision: number;
  readonly deleted: ReadonlySet<string>;
  readonly keys: ReadonlyMap<string, Write>;
}

const namespaceOf = (key: string): string => key.slice(0, key.indexOf('/'));

export class History {
  readonly problems: string[] = [];
  readonly #versions = new Map<number, Seen>();
  readonly #writes = new Map<string, Write>();
  readonly #madeBy = new Map<string, number>();
  readonly #segments: Segment[] = [];
  readonly #snapshots: Snapshot[] = [];
  readonly #deleted = new Set<string>();
  /** Deletions that may have happened, or may yet, by key. */
  readonly #openDeletions = new Map<string, Set<Write>>();
  /** Keys of writes of which nobody knows whether they happened. */
  readonly #unsure = new Set<string>();
  readonly #floor = new Map<string, Write>();
  #highest = 0;
  #ticks = 0;

  get revisions(): number {
    return this.#versions.size;
  }

  get highest(): number {
    return this.#highest;
  }

  count(outcome: Write['outcome']): number {
    return [...this.#writes.values()].filter((w) => w.outcome === outcome).length;
  }

  tell(key: string | undefined, problem: string): void {
    this.problems.push(key === undefined ? problem : `${key}: ${problem}`);
  }

  began(token: string, key: string, verb: string, base?: number): Write {
    const write: Write = { token, key, verb, base, started: ++this.#ticks, outcome: 'under way', ended: Infinity };
    this.#writes.set(token, write);
    if (verb === 'delete') this.#openDeletions.set(key, (this.#openDeletions.get(key) ?? new Set()).add(write));
    return write;
  }

  /** There was no server to send the write to. */
  unsent(write: Write): void {
    this.#writes.delete(write.token);
    this.#openDeletions.get(write.key)?.delete(write);
  }

  ended(write: Write, outcome: Write['outcome'], result: { code?: number; seen?: Seen | undefined; uid?: string | undefined } = {}): void {
    write.outcome = outcome;
    write.ended = ++this.#ticks;
    write.code = result.code;
    const { seen } = result;
    write.uid = seen?.uid ?? result.uid;
    if (outcome === 'unknown') this.#unsure.add(write.key);
    else this.#openDeletions.get(write.key)?.delete(write);
    if (outcome !== 'acknowledged') return;
    if (write.verb === 'delete') {
      if (write.uid !== undefined) this.#deleted.add(write.uid);
      return;
    }
    if (!seen) return this.tell(write.key, `${write.token} was acknowledged without an object`);
    write.revision = seen.revision;
    if (seen.data['by'] !== write.token) this.tell(write.key, `${write.token} was acknowledged with the object of ${seen.data['by']}`);
    this.saw(seen);
    if (seen.revision > (this.#floor.get(write.key)?.revision ?? 0)) this.#floor.set(write.key, write);
  }

  /** Any sight of a version, by whoever. */
  saw(seen: Seen): void {
    const known = this.#versions.get(seen.revision);
    if (known) {
      if (known.key !== seen.key || known.digest !== seen.digest || known.gone !== seen.gone) {
        this.tell(seen.key, `revision ${seen.revision} stands for ${known.key} ${known.digest} and for ${seen.key} ${seen.digest}`);
      }
      return;
    }
    this.#versions.set(seen.revision, seen);
    this.#highest = Math.max(this.#highest, seen.revision);
    const by = seen.data['by'];
    if (seen.gone || by === undefined) return;
    const twice = this.#madeBy.get(by);
    if (twice !== undefined) this.tell(seen.key, `${by} was stored twice: as revision ${twice} and ${seen.revision}`);
    this.#madeBy.set(by, seen.revision);
  }

  floor(): Floor {
    const revision = Math.max(0, ...[...this.#floor.values()].map((w) => w.revision ?? 0));
    return { at: ++this.#ticks, revision, deleted: new Set(this.#deleted), keys: new Map(this.#floor) };
  }

  /** A list, held against what had been acknowledged when it was asked for. */
  listed(who: string, revision: number, items: readonly Seen[], floor: Floor, namespace?: string): void {
    for (const item of items) this.saw(item);
    if (revision < floor.revision) this.tell(undefined, `${who} listed revision ${revision} after ${floor.revision} was acknowledged`);
    const byKey = new Map(items.map((item) => [item.key, item]));
    for (const item of items) {
      if (item.revision > revision) this.tell(item.key, `${who} has revision ${item.revision} in a list of revision ${revision}`);
      if (floor.deleted.has(item.uid)) this.tell(item.key, `${who} lists ${item.uid}, whose deletion was acknowledged`);
    }
    for (const [key, write] of floor.keys) {
      if (namespace === undefined || namespaceOf(key) === namespace) this.#checkFloor(who, key, byKey.get(key), write);
    }
    this.#snapshots.push({ revision, namespace, items: new Map(items.map((item) => [item.key, item.revision])) });
  }

  /** One object, or that there is none, held against what had been acknowledged. */
  read(who: string, key: string, item: Seen | undefined, floor: Floor): void {
    if (item) this.saw(item);
    const write = floor.keys.get(key);
    if (write) this.#checkFloor(who, key, item, write);
  }

  #checkFloor(who: string, key: string, item: Seen | undefined, write: Write): void {
    if (item) {
      if (item.revision < write.revision!)
        this.tell(key, `${who} reads revision ${item.revision} after ${write.revision} (${write.token}) was acknowledged`);
      return;
    }
    if (this.#deleted.has(write.uid!)) return;
    const mayBeDeleted = [...(this.#openDeletions.get(key) ?? [])].some((w) => w.ended >= write.started);
    if (!mayBeDeleted) this.tell(key, `${who} does not find revision ${write.revision} (${write.token}), which was acknowledged`);
  }

  segment(watcher: string, start: number, items: readonly Seen[], namespace: string | undefined, selecting: boolean): Segment {
    const state = new Map(items.map((item) => [item.key, item.revision]));
    const segment: Segment = { watcher, namespace, selecting, start, end: start, revisions: [], state };
    this.#segments.push(segment);
    return segment;
  }

  /** An event of a watch. */
  watched(segment: Segment, type: string, seen: Seen): void {
    const { watcher, state } = segment;
    // A watcher with a selector is told of an object's leaving by its new state.
    const gone = type === 'DELETED';
    if (!segment.selecting) this.saw({ ...seen, gone });
    else if (!gone) this.saw(seen);
    if (seen.revision <= segment.end) {
      this.tell(seen.key, `${watcher} was told ${type} ${seen.revision} after ${segment.end}`);
    }
    segment.end = Math.max(segment.end, seen.revision);
    segment.revisions.push(seen.revision);
    if ((type === 'ADDED') === state.has(seen.key)) {
      this.tell(seen.key, `${watcher} was told ${type} ${seen.revision}, and the object was ${state.has(seen.key) ? '' : 'not '}there`);
    }
    if (gone) state.delete(seen.key);
    else state.set(seen.key, seen.revision);
  }

  bookmarked(segment: Segment, revision: number): void {
    if (revision < segment.end) this.tell(undefined, `${segment.watcher} has a bookmark ${revision} behind ${segment.end}`);
    segment.end = revision;
  }

  /** Where a watcher is not where a list is that nothing was written after. */
  static differences(segment: Segment, items: readonly Seen[]): { key: string; text: string }[] {
    const wanted = new Map(
      items.filter((i) => (!segment.selecting || i.selected) && inside(segment.namespace, i.key)).map((i) => [i.key, i]),
    );
    const behind = [...wanted.values()].filter((i) => segment.state.get(i.key) !== i.revision);
    const ghosts = [...segment.state.keys()].filter((key) => !wanted.has(key));
    return [
      ...behind.map((i) => ({ key: i.key, text: `ends at ${segment.state.get(i.key)}, the list at ${i.revision}` })),
      ...ghosts.map((key) => ({ key, text: 'ends with an object that is gone' })),
    ];
  }

  /** All that can only be told in the end. */
  check(): void {
    const versions = [...this.#versions.values()].sort((a, b) => a.revision - b.revision);
    const chains = Map.groupBy(versions, (v) => v.key);
    for (const [key, chain] of chains) this.#checkChain(key, chain);
    for (const write of this.#writes.values()) this.#checkWrite(write, chains.get(write.key) ?? []);
    for (const segment of this.#segments) this.#checkSegment(segment, versions);
    for (const snapshot of this.#snapshots) this.#checkSnapshot(snapshot, chains);
  }

  #checkChain(key: string, chain: readonly Seen[]): void {
    const lives = new Set<string>();
    let before: Seen | undefined;
    for (const version of chain) {
      if (before?.uid !== version.uid) {
        if (lives.has(version.uid)) this.tell(key, `${version.uid} is back at revision ${version.revision}`);
        lives.add(version.uid);
      } else {
        if (before.gone) this.tell(key, `revision ${version.revision} follows the deletion at ${before.revision}`);
        for (const [field, value] of Object.entries(before.data)) {
          if (field !== 'by' && Number(version.data[field] ?? 0) < Number(value)) {
            this.tell(
              key,
              `${field} goes from ${value} at ${before.revision} back to ${version.data[field]} at ${version.revision}: an update is lost`,
            );
          }
        }
      }
      before = version;
    }
  }

  #checkWrite(write: Write, chain: readonly Seen[]): void {
    const { key, token, base } = write;
    const stored = this.#madeBy.get(token);
    if (stored !== undefined && write.outcome === 'refused') this.tell(key, `${token} was refused (${write.code}) and stored as ${stored}`);
    if (stored !== undefined && write.outcome === 'acknowledged' && stored !== write.revision) {
      this.tell(key, `${token} was acknowledged as ${write.revision} and stored as ${stored}`);
    }
    if (base === undefined) return;
    const next = chain[after(chain, base)];
    const result = write.verb === 'delete' ? chain.find((v) => v.gone && v.uid === write.uid)?.revision : stored;
    if (result !== undefined && write.outcome === 'acknowledged' && next && next.revision < result) {
      this.tell(key, `${token}, based on ${base}, was stored as ${result} over ${next.revision}`);
    }
    if (write.outcome === 'refused' && write.code === 409 && !next && !this.#unsure.has(key)) {
      this.tell(key, `${token} was refused as if ${base} were not the newest, and it is`);
    }
  }

  #checkSegment({ watcher, start, end, revisions, namespace, selecting }: Segment, versions: readonly Seen[]): void {
    const told = new Set(revisions);
    for (let i = after(versions, start); i < versions.length && versions[i]!.revision <= end; i++) {
      const { key, revision, selected, gone } = versions[i]!;
      if (!inside(namespace, key) || told.has(revision)) continue;
      if (!selecting || (selected && !gone)) this.tell(key, `${watcher} missed ${revision} between ${start} and ${end}`);
    }
  }

  #checkSnapshot({ revision, namespace, items }: Snapshot, chains: ReadonlyMap<string, readonly Seen[]>): void {
    for (const [key, chain] of chains) {
      if (!inside(namespace, key)) continue;
      const latest = chain[after(chain, revision) - 1];
      const listed = items.get(key);
      if (!latest) continue;
      if (listed !== undefined && (listed !== latest.revision || latest.gone)) {
        this.tell(
          key,
          `a list of revision ${revision} has ${listed}, and ${latest.revision}${latest.gone ? ' (deleted)' : ''} was before it`,
        );
      }
      // A deletion right before a kill may be seen by nobody: its absence from the list is the only trace.
      if (listed === undefined && !latest.gone && !this.#deleted.has(latest.uid) && !this.#openDeletions.get(key)?.size) {
        this.tell(key, `a list of revision ${revision} lacks ${latest.revision}`);
      }
    }
  }

  /** Everything known of a key, to be read by whoever looks for the fault. */
  story(key: string): string {
    const lines = [
      ...[...this.#versions.values()]
        .filter((v) => v.key === key)
        .map((v) => ({ at: v.revision, text: `${v.revision} ${v.gone ? 'gone' : 'is'} ${v.uid} ${JSON.stringify(v.data)}` })),
      ...[...this.#writes.values()]
        .filter((w) => w.key === key)
        .map((w) => ({
          at: w.revision ?? w.base ?? 0,
          text: `    ${w.verb} ${w.token} on ${w.base ?? '-'}: ${w.outcome} ${w.code ?? ''} ${w.revision ?? ''} ${w.uid ?? ''}`,
        })),
    ];
    return lines
      .sort((a, b) => a.at - b.at)
      .map((l) => l.text)
      .join('\n');
  }
}

function inside(namespace: string | undefined, key: string): boolean {
  return namespace === undefined || namespaceOf(key) === namespace;
}

/** The index of the first version that is newer than a revision. */
function after(sorted: readonly Seen[], revision: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (sorted[mid]!.revision <= revision) low = mid + 1;
    else high = mid;
  }
  return low;
}
