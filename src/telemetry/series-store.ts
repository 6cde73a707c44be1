import { labelKey, matchesAll, METRIC_NAME, type Labels, type Matcher, type Queryable, type Samples } from '../promql/index.ts';
import { CHUNK_LENGTH } from './chunk.ts';
import { Series } from './series.ts';
import type { Timeline } from './timeline.ts';

/** Series kept at most; new ones beyond are refused. */
export const MAX_SERIES = 200_000;

/** All series, in memory. Old samples are let go of by `forget`. */
export class SeriesStore implements Queryable {
  readonly #byKey = new Map<string, Series>();
  readonly #byName = new Map<string, Set<Series>>();
  /** Every label name and value once, as a string of its own: one cut from a response would keep all of it in memory. */
  readonly #strings = new Map<string, string>();

  get size(): number {
    return this.#byKey.size;
  }

  /** The series with these labels, made when it is new; undefined when there are too many. */
  series(labels: Labels, counter: boolean): Series | undefined {
    const key = labelKey(labels);
    let series = this.#byKey.get(key);
    if (series) return series;
    if (this.#byKey.size >= MAX_SERIES) return undefined;
    const own: Record<string, string> = {};
    for (const [name, value] of Object.entries(labels)) own[this.#intern(name)] = this.#intern(value);
    series = new Series(own, counter);
    this.#byKey.set(labelKey(own), series);
    const name = own[METRIC_NAME] ?? '';
    const named = this.#byName.get(name);
    if (named) named.add(series);
    else this.#byName.set(name, new Set([series]));
    return series;
  }

  #intern(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const own = Buffer.from(text).toString();
    this.#strings.set(own, own);
    return own;
  }

  select(matchers: readonly Matcher[], from: number, to: number): readonly Samples[] {
    const times = shareTimes();
    const out: Samples[] = [];
    for (const series of this.#find(matchers)) {
      const samples = series.samples(from, to, times);
      if (samples) out.push(samples);
    }
    return out;
  }

  /** Labels of the series that have samples in (from, to]. */
  labels(matchers: readonly Matcher[], from: number, to: number): Labels[] {
    return this.select(matchers, from, to).map((s) => s.labels);
  }

  *#find(matchers: readonly Matcher[]): Generator<Series> {
    const rest = matchers.filter((m) => m.name !== METRIC_NAME);
    const named = matchers.filter((m) => m.name === METRIC_NAME);
    for (const [name, members] of this.#byName) {
      if (!named.every((m) => m.test(name))) continue;
      for (const series of members) if (matchesAll(rest, series.labels)) yield series;
    }
  }

  /** Lets go of samples older than `time`, and of series that have none left. */
  forget(time: number, timelines: Iterable<Timeline>): void {
    for (const [key, series] of this.#byKey) {
      series.forget(time);
      if (!series.empty) continue;
      this.#byKey.delete(key);
      const name = series.labels[METRIC_NAME] ?? '';
      const named = this.#byName.get(name);
      named?.delete(series);
      if (named?.size === 0) this.#byName.delete(name);
    }
    // A chunk goes as a whole, so up to a chunk of older times is still in use.
    for (const timeline of timelines) timeline.forget(timeline.after(time) - 2 * CHUNK_LENGTH);
    this.#strings.clear();
    for (const { labels } of this.#byKey.values()) {
      for (const [name, value] of Object.entries(labels)) this.#strings.set(name, name).set(value, value);
    }
  }
}

/** Series of one target mostly ask for the same times: these are made once for each selection. */
function shareTimes(): (timeline: Timeline, from: number, to: number) => Float64Array {
  const made = new Map<Timeline, { from: number; to: number; times: Float64Array }>();
  return (timeline, from, to) => {
    const last = made.get(timeline);
    if (last?.from === from && last.to === to) return last.times;
    const times = timeline.slice(from, to);
    made.set(timeline, { from, to, times });
    return times;
  };
}
