import { aggregate } from './aggregate.ts';
import type { Aggregate, Call, Expr, Selector, Subquery, Timing } from './ast.ts';
import { binary } from './binary.ts';
import { histogramQuantile } from './histogram.ts';
import { absent, clamp, labelJoin, labelReplace, mapByValue, sortByValue, toScalar, valueFunctions } from './instant-functions.ts';
import { dropName } from './labels.ts';
import type { Queryable, Samples } from './queryable.ts';
import { KEEPS_NAME, rangeFunctions, type Window } from './range-functions.ts';
import { evalFault, mapValues, mergeEqual, newSeries, type Series, type Value } from './value.ts';

/** An instant value is the newest sample no older than this, in milliseconds. */
export const LOOKBACK_MS = 5 * 60_000;
/** Step of a subquery that names none, in milliseconds. */
const DEFAULT_SUBQUERY_STEP_MS = 60_000;
/** Samples that one query may touch: bounds its memory and its time. */
const MAX_SAMPLES = 50_000_000;
/** Points of one series, also within a subquery. */
export const MAX_POINTS = 11_000;

/** Evaluates an expression at many times in one go, series by series. */
export class Evaluator {
  readonly #source: Queryable;
  readonly #start: number;
  readonly #end: number;
  #samples = 0;

  /** `start` and `end` are what `@ start()` and `@ end()` mean, in milliseconds. */
  constructor(source: Queryable, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.#end = end;
  }

  /** `times` rise (or stay), milliseconds. A range vector is evaluated by `range`. */
  eval(expr: Expr, times: Float64Array): Value {
    const steps = times.length;
    switch (expr.kind) {
      case 'number':
        return { kind: 'scalar', values: new Float64Array(steps).fill(expr.value) };
      case 'string':
        return { kind: 'string', value: expr.value };
      case 'selector':
        return { kind: 'vector', series: this.#instant(expr, times).series };
      case 'negation': {
        const value = this.eval(expr.expr, times);
        if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.map((v) => -v) };
        return { kind: 'vector', series: mapValues(seriesOf(value), (v) => -v, dropName) };
      }
      case 'aggregate':
        return { kind: 'vector', series: mergeEqual(this.#aggregate(expr, times)) };
      case 'binary': {
        const [lhs, rhs] = [this.eval(expr.lhs, times), this.eval(expr.rhs, times)];
        const value = binary(expr, lhs, rhs, steps);
        if (value.kind === 'vector') this.#charge(value.series.length * steps);
        return value;
      }
      case 'call':
        return this.#call(expr, times);
      case 'subquery':
        throw evalFault('a range vector cannot be used as a value');
    }
  }

  /** The samples of a range vector and how far back each window goes. */
  range(expr: Selector | Subquery, times: Float64Array): { samples: readonly Samples[]; ends: Float64Array; range: number } {
    const ends = this.#shift(expr, times);
    const range = expr.range ?? 0;
    if (expr.kind === 'selector') return { samples: this.#select(expr, ends[0]! - range, ends.at(-1)!), ends, range };
    const step = expr.step ?? DEFAULT_SUBQUERY_STEP_MS;
    // Inner steps are multiples of the step, so that the same ones are seen whenever the query is asked.
    const first = (Math.floor((ends[0]! - range) / step) + 1) * step;
    const count = Math.max(0, Math.floor((ends.at(-1)! - first) / step) + 1);
    if (count > MAX_POINTS * 10) throw evalFault(`a subquery of ${count} steps is too long`, 'Give it a longer step or a shorter range.');
    const inner = Float64Array.from({ length: count }, (_, i) => first + i * step);
    const value = count === 0 ? ({ kind: 'vector', series: [] } as const) : this.eval(expr.expr, inner);
    return { samples: seriesOf(value).map((s) => toSamples(s, inner)), ends, range };
  }

  #charge(samples: number): void {
    this.#samples += samples;
    if (this.#samples > MAX_SAMPLES) {
      throw evalFault('query processing would load too many samples into memory', 'Select fewer series, or a shorter range.');
    }
  }

  #shift(timing: Timing, times: Float64Array): Float64Array {
    const { at, offset } = timing;
    if (at === undefined) return offset === 0 ? times : times.map((t) => t - offset);
    const fixed = at === 'start' ? this.#start : at === 'end' ? this.#end : at;
    return new Float64Array(times.length).fill(fixed - offset);
  }

  #select(expr: Selector, from: number, to: number): readonly Samples[] {
    const found = this.#source.select(expr.matchers, from, to);
    let samples = 0;
    for (const s of found) samples += s.times.length;
    this.#charge(samples);
    return found;
  }

  /** The newest sample of each series at each time, and when it was taken. */
  #instant(expr: Selector, times: Float64Array): { series: Series[]; sampledAt: Float64Array[] } {
    const at = this.#shift(expr, times);
    const series: Series[] = [];
    const sampledAt: Float64Array[] = [];
    for (const s of this.#select(expr, at[0]! - LOOKBACK_MS, at.at(-1)!)) {
      const out = newSeries(s.labels, times.length);
      const taken = new Float64Array(times.length);
      let next = 0;
      let nextEnd = 0;
      let any = false;
      for (let i = 0; i < at.length; i++) {
        const t = at[i]!;
        while (next < s.times.length && s.times[next]! <= t) next++;
        while (nextEnd < s.ends.length && s.ends[nextEnd]! <= t) nextEnd++;
        const time = s.times[next - 1];
        if (time === undefined || time <= t - LOOKBACK_MS || (s.ends[nextEnd - 1] ?? -Infinity) > time) continue;
        out.values[i] = s.values[next - 1]!;
        out.present[i] = 1;
        taken[i] = time;
        any = true;
      }
      if (!any) continue;
      series.push(out);
      sampledAt.push(taken);
    }
    this.#charge(series.length * times.length);
    return { series, sampledAt };
  }

  #aggregate(expr: Aggregate, times: Float64Array): readonly Series[] {
    const series = seriesOf(this.eval(expr.expr, times));
    const param = expr.param && this.eval(expr.param, times);
    return aggregate(
      expr,
      series,
      times.length,
      param?.kind === 'scalar' ? param.values : undefined,
      param?.kind === 'string' ? param.value : '',
    );
  }

  #call(expr: Call, times: Float64Array): Value {
    const { name, args } = expr;
    const steps = times.length;
    if (name === 'time') return { kind: 'scalar', values: times.map((t) => t / 1000) };
    if (name === 'pi') return { kind: 'scalar', values: new Float64Array(steps).fill(Math.PI) };
    const windowed = args.find((a) => a.type === 'matrix');
    if (windowed) return { kind: 'vector', series: this.#overRange(expr, windowed as Selector | Subquery, times) };
    if (name === 'timestamp' && args[0]!.kind === 'selector') {
      const { series, sampledAt } = this.#instant(args[0]!, times);
      return {
        kind: 'vector',
        series: mergeEqual(series.map((s, i) => ({ ...s, labels: dropName(s.labels), values: sampledAt[i]!.map((t) => t / 1000) }))),
      };
    }
    const values = args.map((a) => this.eval(a, times));
    const vector = seriesOf(values.find((v) => v.kind === 'vector') ?? { kind: 'vector', series: [] });
    const scalars = values.flatMap((v) => (v.kind === 'scalar' ? [v.values] : []));
    const strings = values.flatMap((v) => (v.kind === 'string' ? [v.value] : []));
    if (name === 'scalar') return { kind: 'scalar', values: toScalar(vector, steps) };
    return { kind: 'vector', series: this.#vectorCall(expr, vector, scalars, strings, times) };
  }

  #vectorCall(
    expr: Call,
    vector: readonly Series[],
    scalars: readonly Float64Array[],
    strings: readonly string[],
    times: Float64Array,
  ): readonly Series[] {
    const steps = times.length;
    const everywhere = new Uint8Array(steps).fill(1);
    switch (expr.name) {
      case 'vector':
        return [{ labels: {}, values: scalars[0]!, present: everywhere }];
      case 'absent':
        return absent(expr.args[0]!, vector, steps);
      case 'clamp':
        return clamp(vector, scalars[0]!, scalars[1]!);
      case 'histogram_quantile':
        return histogramQuantile(scalars[0]!, vector);
      case 'label_replace':
        return labelReplace(vector, strings[0]!, strings[1]!, strings[2]!, strings[3]!);
      case 'label_join':
        return labelJoin(vector, strings[0]!, strings[1]!, strings.slice(2));
      case 'sort':
        return sortByValue(vector, steps, false);
      case 'sort_desc':
        return sortByValue(vector, steps, true);
      case 'timestamp':
        return mapValues(vector, (_v, i) => times[i]! / 1000, dropName);
      default: {
        if (!valueFunctions[expr.name]) throw evalFault(`the function ${expr.name} is not supported`);
        // The date functions without an argument speak of the time of evaluation.
        const on = expr.args.length === 0 ? [{ labels: {}, values: times.map((t) => t / 1000), present: everywhere }] : vector;
        return mapByValue(expr.name, on, scalars);
      }
    }
  }

  #overRange(expr: Call, arg: Selector | Subquery, times: Float64Array): readonly Series[] {
    const steps = times.length;
    const { samples, ends, range } = this.range(arg, times);
    const scalarArg = expr.args.find((a) => a !== arg);
    const scalar = scalarArg && this.eval(scalarArg, times);
    const scalars = scalar?.kind === 'scalar' ? scalar.values : undefined;
    const gone = expr.name === 'absent_over_time';
    const fn = rangeFunctions.get(gone ? 'present_over_time' : expr.name)!;
    this.#charge(samples.length * steps);
    const series = samples.map((s) => {
      const out = newSeries(KEEPS_NAME.has(expr.name) ? s.labels : dropName(s.labels), steps);
      const w: Window = { times: s.times, values: s.values, lo: 0, hi: 0, start: 0, end: 0 };
      for (let i = 0; i < steps; i++) {
        w.end = ends[i]!;
        w.start = w.end - range;
        while (w.hi < s.times.length && s.times[w.hi]! <= w.end) w.hi++;
        while (w.lo < w.hi && s.times[w.lo]! <= w.start) w.lo++;
        if (w.lo === w.hi) continue;
        const value = fn(w, scalars?.[i] ?? NaN);
        if (value === undefined) continue;
        out.values[i] = value;
        out.present[i] = 1;
      }
      return out;
    });
    return gone ? absent(arg, series, steps) : mergeEqual(series);
  }
}

function seriesOf(value: Value): readonly Series[] {
  if (value.kind === 'vector') return value.series;
  if (value.kind === 'scalar') return [{ labels: {}, values: value.values, present: new Uint8Array(value.values.length).fill(1) }];
  return [];
}

function toSamples(series: Series, times: Float64Array): Samples {
  const at: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < times.length; i++) {
    if (!series.present[i]) continue;
    at.push(times[i]!);
    values.push(series.values[i]!);
  }
  return { labels: series.labels, times: at, values, ends: [] };
}
