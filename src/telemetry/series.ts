import type { Labels, Samples } from '../promql/index.ts';
import { CHUNK_LENGTH, packChunk, unpackChunk, type Chunk } from './chunk.ts';
import type { Timeline } from './timeline.ts';

/** A stretch without gaps: one value for each time of its timeline from `start` on. */
interface Segment {
  readonly timeline: Timeline;
  /** Position of the first value. */
  start: number;
  length: number;
  readonly full: Chunk[];
  open: number[];
  /** When the series was found to be gone. */
  endedAt: number | undefined;
}

export class Series {
  readonly labels: Labels;
  readonly counter: boolean;
  readonly #segments: Segment[] = [];

  constructor(labels: Labels, counter: boolean) {
    this.labels = labels;
    this.counter = counter;
  }

  get live(): boolean {
    const last = this.#segments.at(-1);
    return last !== undefined && last.endedAt === undefined;
  }

  get empty(): boolean {
    return this.#segments.length === 0;
  }

  /** The value at the newest time of the timeline. A counter that is new there was zero at the time before. */
  append(timeline: Timeline, value: number): void {
    const at = timeline.end - 1;
    let segment = this.#segments.at(-1);
    if (segment && (segment.timeline !== timeline || segment.start + segment.length !== at)) this.end(timeline.at(at));
    if (!segment || segment.endedAt !== undefined) {
      segment = this.#begin(timeline, at, segment);
      if (segment.start < at) push(segment, 0);
    }
    push(segment, value);
  }

  #begin(timeline: Timeline, at: number, before: Segment | undefined): Segment {
    const zeroAt = timeline.at(at - 1);
    const zero = this.counter && zeroAt > (before ? before.timeline.at(before.start + before.length - 1) : -Infinity);
    const segment: Segment = { timeline, start: zero ? at - 1 : at, length: 0, full: [], open: [], endedAt: undefined };
    // What was found gone after the zero, never was: it is there again.
    if (before?.endedAt !== undefined && zero) before.endedAt = Math.min(before.endedAt, zeroAt);
    this.#segments.push(segment);
    return segment;
  }

  /** It was not there at this time. */
  end(time: number): void {
    const last = this.#segments.at(-1);
    if (last) last.endedAt ??= time;
  }

  /** Samples in (from, to]; undefined when there is none. `times` gives the times of a stretch of a timeline. */
  samples(from: number, to: number, times: (timeline: Timeline, from: number, to: number) => Float64Array): Samples | undefined {
    const parts: { times: Float64Array; values: Float64Array }[] = [];
    const ends: number[] = [];
    for (const s of this.#segments) {
      if (s.endedAt !== undefined && s.endedAt > from && s.endedAt <= to) ends.push(s.endedAt);
      const first = Math.max(s.start, s.timeline.after(from));
      const after = Math.min(s.start + s.length, s.timeline.after(to));
      if (first < after) parts.push({ times: times(s.timeline, first, after), values: unpack(s, first - s.start, after - s.start) });
    }
    if (parts.length === 0) return undefined;
    if (parts.length === 1) return { labels: this.labels, ...parts[0]!, ends };
    return { labels: this.labels, times: concat(parts.map((p) => p.times)), values: concat(parts.map((p) => p.values)), ends };
  }

  /** Lets go of chunks whose samples are all older than `time`. */
  forget(time: number): void {
    while (this.#segments.length > 0) {
      const s = this.#segments[0]!;
      while (s.full.length > 0 && s.timeline.at(s.start + s.full[0]!.length - 1) < time) {
        const { length } = s.full.shift()!;
        s.start += length;
        s.length -= length;
      }
      if (s.endedAt === undefined || s.endedAt >= time || s.full.length > 0) return;
      this.#segments.shift();
    }
  }
}

function push(segment: Segment, value: number): void {
  segment.open.push(value);
  segment.length++;
  if (segment.open.length < CHUNK_LENGTH) return;
  segment.full.push(packChunk(segment.open));
  segment.open = [];
}

/** Values [from, to) of a segment. */
function unpack(segment: Segment, from: number, to: number): Float64Array {
  const out = new Float64Array(to - from);
  let start = 0;
  for (const chunk of segment.full) {
    const [lo, hi] = [Math.max(from, start), Math.min(to, start + chunk.length)];
    if (lo < hi) unpackChunk(chunk, lo - start, hi - start, out, lo - from);
    start += chunk.length;
  }
  for (let i = Math.max(from, start); i < to; i++) out[i - from] = segment.open[i - start]!;
  return out;
}

function concat(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
