import type { Aggregate } from './ast.ts';
import { dropLabels, keepLabels, labelKey, METRIC_NAME, type Labels } from './labels.ts';
import { accurateSum, max, mean, min, quantile, variance } from './maths.ts';
import { newSeries, type Series } from './value.ts';

interface Group {
  readonly labels: Labels;
  readonly members: Series[];
}

const reducers: Readonly<Record<string, (values: number[]) => number>> = {
  sum: accurateSum,
  avg: mean,
  min,
  max,
  count: (values) => values.length,
  group: () => 1,
  stddev: (values) => Math.sqrt(variance(values)),
  stdvar: variance,
};

/** `param` is the scalar of `quantile`, `topk` and `bottomk`, for each step; `label` is that of `count_values`. */
export function aggregate(
  node: Aggregate,
  series: readonly Series[],
  steps: number,
  param: Float64Array | undefined,
  label: string,
): readonly Series[] {
  const groups = [...groupsOf(node, series).values()];
  switch (node.op) {
    case 'topk':
    case 'bottomk':
      return groups.flatMap((g) => select(g.members, steps, param!, node.op === 'topk'));
    case 'count_values':
      return groups.flatMap((g) => countValues(g, steps, label));
    case 'quantile':
      return groups.map((g) => reduce(g, steps, (values, step) => quantile(param![step]!, values)));
    default:
      return groups.map((g) => reduce(g, steps, reducers[node.op]!));
  }
}

function groupsOf(node: Aggregate, series: readonly Series[]): Map<string, Group> {
  const dropped = [...node.grouping, METRIC_NAME];
  const groups = new Map<string, Group>();
  for (const s of series) {
    const labels = node.without ? dropLabels(s.labels, dropped) : keepLabels(s.labels, node.grouping);
    const key = labelKey(labels);
    const group = groups.get(key);
    if (group) group.members.push(s);
    else groups.set(key, { labels, members: [s] });
  }
  return groups;
}

function reduce(group: Group, steps: number, fn: (values: number[], step: number) => number): Series {
  const out = newSeries(group.labels, steps);
  for (let i = 0; i < steps; i++) {
    const values: number[] = [];
    for (const m of group.members) if (m.present[i]) values.push(m.values[i]!);
    if (values.length === 0) continue;
    out.values[i] = fn(values, i);
    out.present[i] = 1;
  }
  return out;
}

/** The k largest or smallest of each step, with their own labels; NaN comes last. In their order for an instant query. */
function select(members: readonly Series[], steps: number, k: Float64Array, largest: boolean): Series[] {
  const out = new Map<Series, Series>();
  for (let i = 0; i < steps; i++) {
    const here = members.filter((m) => m.present[i]);
    here.sort((a, b) => compare(a.values[i]!, b.values[i]!, largest));
    for (const m of here.slice(0, Math.max(0, Math.trunc(k[i]!) || 0))) {
      let to = out.get(m);
      if (!to) out.set(m, (to = newSeries(m.labels, steps)));
      to.values[i] = m.values[i]!;
      to.present[i] = 1;
    }
  }
  return [...out.values()];
}

/** For sorting by value; NaN is last either way. */
export function compare(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return descending ? b - a : a - b;
}

function countValues(group: Group, steps: number, label: string): Series[] {
  const out = new Map<string, Series>();
  for (let i = 0; i < steps; i++) {
    for (const m of group.members) {
      if (!m.present[i]) continue;
      const value = formatNumber(m.values[i]!);
      let to = out.get(value);
      if (!to) out.set(value, (to = newSeries({ ...group.labels, [label]: value }, steps)));
      to.values[i]!++;
      to.present[i] = 1;
    }
  }
  return [...out.values()];
}

/** A number as Prometheus writes it. */
export function formatNumber(v: number): string {
  if (v === Infinity) return '+Inf';
  if (v === -Infinity) return '-Inf';
  return Object.is(v, -0) ? '-0' : String(v);
}
