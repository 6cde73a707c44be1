import { COMPARISONS, type Binary } from './ast.ts';
import { dropLabels, dropName, formatLabels, keepLabels, labelKey, METRIC_NAME, type Labels } from './labels.ts';
import { evalFault, mapValues, mergeEqual, newSeries, type Series, type Value } from './value.ts';

const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': (a, b) => a ** b,
  atan2: Math.atan2,
  '==': (a, b) => Number(a === b),
  '!=': (a, b) => Number(a !== b),
  '<': (a, b) => Number(a < b),
  '<=': (a, b) => Number(a <= b),
  '>': (a, b) => Number(a > b),
  '>=': (a, b) => Number(a >= b),
};

export function binary(node: Binary, lhs: Value, rhs: Value, steps: number): Value {
  const op = operators[node.op];
  if (!op) return { kind: 'vector', series: setOperation(node, vector(lhs), vector(rhs)) };
  if (lhs.kind === 'scalar' && rhs.kind === 'scalar') return { kind: 'scalar', values: lhs.values.map((v, i) => op(v, rhs.values[i]!)) };
  const filters = COMPARISONS.has(node.op) && !node.bool;
  const relabel = filters ? undefined : dropName;
  if (rhs.kind === 'scalar') {
    const { values } = rhs;
    return { kind: 'vector', series: mapValues(vector(lhs), (v, i) => decide(op(v, values[i]!), v, filters), relabel) };
  }
  if (lhs.kind === 'scalar') {
    const { values } = lhs;
    return { kind: 'vector', series: mapValues(vector(rhs), (v, i) => decide(op(values[i]!, v), v, filters), relabel) };
  }
  return { kind: 'vector', series: matchVectors(node, op, vector(lhs), vector(rhs), steps, filters) };
}

/** A comparison without `bool` keeps the value where it holds. */
function decide(result: number, value: number, filters: boolean): number | undefined {
  if (!filters) return result;
  return result ? value : undefined;
}

function vector(value: Value): readonly Series[] {
  return value.kind === 'vector' ? value.series : [];
}

/** What of the labels must agree for two series to meet. */
function signatureOf({ matching }: Binary, labels: Labels): string {
  return labelKey(matching.on ? keepLabels(labels, matching.labels) : dropLabels(labels, [...matching.labels, METRIC_NAME]));
}

function bySignature(node: Binary, series: readonly Series[]): Map<string, Series[]> {
  const out = new Map<string, Series[]>();
  for (const s of series) {
    const key = signatureOf(node, s.labels);
    const list = out.get(key);
    if (list) list.push(s);
    else out.set(key, [s]);
  }
  return out;
}

function matchVectors(
  node: Binary,
  op: (a: number, b: number) => number,
  lhs: readonly Series[],
  rhs: readonly Series[],
  steps: number,
  filters: boolean,
): readonly Series[] {
  const { group } = node.matching;
  // "Many" is the side that may have several series for one of the other; without grouping neither may.
  const swapped = group === 'right';
  const [many, one] = swapped ? [rhs, lhs] : [lhs, rhs];
  const ones = bySignature(node, one);
  const out: Series[] = [];
  for (const [signature, manySeries] of bySignature(node, many)) {
    const oneSeries = ones.get(signature);
    if (!oneSeries) continue;
    const single = onlyOne(oneSeries, steps, swapped ? 'left' : 'right');
    if (!group) onlyOne(manySeries, steps, 'left');
    for (const m of manySeries) {
      for (const o of single) {
        const to = newSeries(resultLabels(node, m.labels, o.labels, filters), steps);
        let any = false;
        for (let i = 0; i < steps; i++) {
          if (!m.present[i] || !o.present[i]) continue;
          const [a, b] = swapped ? [o.values[i]!, m.values[i]!] : [m.values[i]!, o.values[i]!];
          const value = decide(op(a, b), a, filters);
          if (value === undefined) continue;
          to.values[i] = value;
          to.present[i] = 1;
          any = true;
        }
        if (any) out.push(to);
      }
    }
  }
  return mergeEqual(out);
}

/** The series of one match group on a side where only one may be at a time. */
function onlyOne(series: readonly Series[], steps: number, side: 'left' | 'right'): readonly Series[] {
  if (series.length < 2) return series;
  for (let i = 0; i < steps; i++) {
    const here = series.filter((s) => s.present[i]);
    if (here.length < 2) continue;
    throw evalFault(
      `found duplicate series for the match group on the ${side} hand-side of the operation: [${here
        .slice(0, 2)
        .map((s) => formatLabels(s.labels))
        .join(', ')}]; many-to-many matching not allowed: matching labels must be unique on one side`,
      'Match on more labels, aggregate one side first, or use group_left or group_right.',
    );
  }
  return series;
}

function resultLabels(node: Binary, many: Labels, one: Labels, filters: boolean): Labels {
  const { matching } = node;
  const base = filters ? many : dropName(many);
  if (!matching.group) return matching.on ? keepLabels(base, matching.labels) : dropLabels(base, matching.labels);
  if (matching.include.length === 0) return base;
  const out: Record<string, string> = { ...dropLabels(base, matching.include) };
  for (const name of matching.include) if (one[name]) out[name] = one[name];
  return out;
}

function setOperation(node: Binary, lhs: readonly Series[], rhs: readonly Series[]): readonly Series[] {
  const keepsWhere = (series: readonly Series[], others: Map<string, Series[]>, wanted: boolean): Series[] =>
    series.map((s) => {
      const there = others.get(signatureOf(node, s.labels)) ?? [];
      const present = s.present.map((p, i) => Number(p === 1 && there.some((o) => o.present[i]) === wanted));
      return { labels: s.labels, values: s.values, present };
    });
  switch (node.op) {
    case 'and':
      return keepsWhere(lhs, bySignature(node, rhs), true);
    case 'unless':
      return keepsWhere(lhs, bySignature(node, rhs), false);
    default:
      return mergeEqual([...lhs, ...keepsWhere(rhs, bySignature(node, lhs), false)]);
  }
}
