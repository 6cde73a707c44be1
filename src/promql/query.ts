import { Fault } from '../base/index.ts';
import type { Selector, Subquery } from './ast.ts';
import { Evaluator, MAX_POINTS } from './evaluate.ts';
import type { Labels } from './labels.ts';
import { parse } from './parse.ts';
import type { Queryable } from './queryable.ts';

/** A value at a time in milliseconds. */
export interface Point {
  readonly time: number;
  readonly value: number;
}

export interface Sample extends Point {
  readonly labels: Labels;
}

export interface Run {
  readonly labels: Labels;
  readonly points: readonly Point[];
}

export type QueryResult =
  | { readonly type: 'scalar'; readonly point: Point }
  | { readonly type: 'string'; readonly time: number; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly Sample[] }
  | { readonly type: 'matrix'; readonly series: readonly Run[] };

/** The value of an expression at one time (ms). Throws a Fault: `PromqlInvalid` for a bad query, `PromqlFailed` when evaluating it fails. */
export function query(source: Queryable, text: string, time: number): QueryResult {
  const expr = parse(text);
  const evaluator = new Evaluator(source, time, time);
  const times = Float64Array.of(time);
  if (expr.type === 'matrix') {
    const { samples, ends, range } = evaluator.range(expr as Selector | Subquery, times);
    const series = samples.map(({ labels, times: at, values }) => ({
      labels,
      points: Array.from({ length: at.length }, (_, i) => ({ time: at[i]!, value: values[i]! })).filter(
        (p) => p.time > ends[0]! - range && p.time <= ends[0]!,
      ),
    }));
    return { type: 'matrix', series: series.filter((s) => s.points.length > 0) };
  }
  const value = evaluator.eval(expr, times);
  if (value.kind === 'string') return { type: 'string', time, value: value.value };
  if (value.kind === 'scalar') return { type: 'scalar', point: { time, value: value.values[0]! } };
  return {
    type: 'vector',
    samples: value.series.filter((s) => s.present[0]).map((s) => ({ labels: s.labels, time, value: s.values[0]! })),
  };
}

/** The values of an expression from `start` to `end`, every `step` (all ms). Throws as {@link query}. */
export function queryRange(source: Queryable, text: string, start: number, end: number, step: number): QueryResult {
  const expr = parse(text);
  if (expr.type === 'matrix' || expr.type === 'string') {
    throw new Fault(
      'PromqlInvalid',
      `invalid expression type ${JSON.stringify(expr.type === 'matrix' ? 'range vector' : 'string')} for range query, must be Scalar or instant Vector`,
      {
        hint: 'Apply a function such as rate() to the range vector.',
      },
    );
  }
  const steps = Math.floor((end - start) / step) + 1;
  if (!(steps >= 1 && steps <= MAX_POINTS)) {
    throw new Fault('PromqlInvalid', `exceeded maximum resolution of ${MAX_POINTS} points per timeseries`, {
      hint: 'Use a longer step or a shorter time.',
    });
  }
  const times = Float64Array.from({ length: steps }, (_, i) => start + i * step);
  const value = new Evaluator(source, start, end).eval(expr, times);
  if (value.kind === 'scalar')
    return { type: 'matrix', series: [{ labels: {}, points: [...times].map((time, i) => ({ time, value: value.values[i]! })) }] };
  const series = value.kind === 'vector' ? value.series : [];
  const runs = series.map(({ labels, values, present }) => ({
    labels,
    points: [...times].flatMap((time, i) => (present[i] ? [{ time, value: values[i]! }] : [])),
  }));
  return { type: 'matrix', series: runs.filter((r) => r.points.length > 0) };
}
