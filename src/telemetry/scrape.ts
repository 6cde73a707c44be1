import { parseExposition } from './exposition.ts';
import { keptAs } from './names.ts';
import type { Series } from './series.ts';
import type { SeriesStore } from './series-store.ts';
import { Timeline } from './timeline.ts';

/** What to read metrics from. */
export interface Target {
  /** Stable for as long as the target lives, e.g. the pod's uid. */
  readonly id: string;
  /** Unix socket of an Envoy admin. */
  readonly adminSocket: string;
  /** Added to every series; a label of the same name that the series brings is kept as `exported_<name>`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Series taken from one target at most. */
const MAX_TARGET_SERIES = 50_000;
/** A process no older than this when it is first read, in seconds, counted from zero since we know of it. */
const YOUNG_S = 30;
/** Series of a target that fails to answer this many times in a row are gone. */
const MAX_FAILURES = 3;

export interface ScrapeResult {
  readonly series: number;
  /** Series that were left out because there are too many. */
  readonly refused: number;
}

/** One target: turns what it answers into samples. */
export class TargetScrape {
  readonly target: Target;
  readonly timeline = new Timeline();
  readonly #store: SeriesStore;
  /** The text that names a series in the answer -> the series, and the position at which it was last seen. */
  readonly #known = new Map<string, { readonly series: Series; readonly scale: number; seen: number }>();
  #failures = 0;

  constructor(target: Target, store: SeriesStore) {
    this.target = target;
    this.#store = store;
  }

  /** Takes an answer in the text format, read at `time` (ms). `intervalMs` is the time between two readings. */
  take(body: string, time: number, intervalMs: number): ScrapeResult {
    this.#failures = 0;
    const lines = [...parseExposition(body)];
    if (this.timeline.end === 0) {
      const uptime = lines.find((l) => l.series.startsWith('envoy_server_uptime'))?.value;
      // All that a young process counted, it counted just now: it is given a zero to have risen from.
      if (uptime !== undefined && uptime <= YOUNG_S) this.timeline.push(time - intervalMs);
    }
    this.timeline.push(time);
    const position = this.timeline.end;
    let refused = 0;
    for (const { series: text, value, type } of lines) {
      let known = this.#known.get(text);
      if (!known) {
        const opened = this.#known.size < MAX_TARGET_SERIES ? this.#open(text, type === 'counter') : undefined;
        if (!opened) {
          refused++;
          continue;
        }
        known = { ...opened, seen: 0 };
        // A copy: a piece of the answer would keep all of it in memory.
        this.#known.set(Buffer.from(text).toString(), known);
      }
      if (known.seen === position) continue;
      known.seen = position;
      known.series.append(this.timeline, value * known.scale);
    }
    for (const [text, { series, seen }] of this.#known) {
      if (seen === position) continue;
      series.end(time);
      this.#known.delete(text);
    }
    return { series: this.#known.size, refused };
  }

  /** The target did not answer. A single failure is no reason to call its series gone. */
  failed(time: number): void {
    if (++this.#failures === MAX_FAILURES) this.gone(time);
  }

  gone(time: number): void {
    for (const { series } of this.#known.values()) series.end(time);
    this.#known.clear();
  }

  #open(text: string, counter: boolean): { series: Series; scale: number } | undefined {
    const kept = keptAs(text, this.target.labels);
    const series = kept && this.#store.series(kept.labels, counter);
    return series && { series, scale: kept.scale };
  }
}
