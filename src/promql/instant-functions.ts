import type { Fault } from '../base/index.ts';
import { compare } from './aggregate.ts';
import type { Expr } from './ast.ts';
import { dropLabels, dropName, type Labels } from './labels.ts';
import { anchored, type Matcher } from './matcher.ts';
import { evalFault, mapValues, mergeEqual, newSeries, type Series } from './value.ts';

type Values = Float64Array;

/** Functions of one vector and scalars that map each value by itself. */
export const valueFunctions: Readonly<Record<string, (value: number, ...scalars: number[]) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sqrt: Math.sqrt,
  sgn: Math.sign,
  deg: (v) => (v * 180) / Math.PI,
  rad: (v) => (v * Math.PI) / 180,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  // Through the inverse, so that 0.1 is exact; halves go up.
  round: (v, to = 1) => Math.floor(v * (1 / to) + 0.5) / (1 / to),
  clamp_min: (v, low) => (Number.isNaN(v) || v > low ? v : low),
  clamp_max: (v, high) => (Number.isNaN(v) || v < high ? v : high),
  minute: (v) => date(v).getUTCMinutes(),
  hour: (v) => date(v).getUTCHours(),
  day_of_week: (v) => date(v).getUTCDay(),
  day_of_month: (v) => date(v).getUTCDate(),
  day_of_year: (v) => Math.floor((date(v).getTime() - Date.UTC(date(v).getUTCFullYear(), 0, 1)) / 86_400_000) + 1,
  days_in_month: (v) => new Date(Date.UTC(date(v).getUTCFullYear(), date(v).getUTCMonth() + 1, 0)).getUTCDate(),
  month: (v) => date(v).getUTCMonth() + 1,
  year: (v) => date(v).getUTCFullYear(),
};

function date(seconds: number): Date {
  return new Date(seconds * 1000);
}

export function mapByValue(name: string, series: readonly Series[], scalars: readonly Values[]): readonly Series[] {
  const fn = valueFunctions[name]!;
  return mapValues(series, (v, i) => fn(v, ...scalars.map((s) => s[i]!)), dropName);
}

/** Nothing where the bounds are the wrong way round. */
export function clamp(series: readonly Series[], low: Values, high: Values): readonly Series[] {
  return mapValues(
    series,
    (v, i) => (low[i]! > high[i]! ? undefined : Number.isNaN(v) ? v : Math.max(low[i]!, Math.min(high[i]!, v))),
    dropName,
  );
}

/** The value of the only series, NaN where there is none or more than one. */
export function toScalar(series: readonly Series[], steps: number): Values {
  const values = new Float64Array(steps);
  for (let i = 0; i < steps; i++) {
    const here = series.filter((s) => s.present[i]);
    values[i] = here.length === 1 ? here[0]!.values[i]! : NaN;
  }
  return values;
}

/** 1 where there is no series at all, with the labels that the selector asked to be equal to something. */
export function absent(arg: Expr, series: readonly { readonly present: Uint8Array }[], steps: number): Series[] {
  const out = newSeries(arg.kind === 'selector' ? askedFor(arg.matchers) : {}, steps);
  for (let i = 0; i < steps; i++) {
    if (series.some((s) => s.present[i])) continue;
    out.values[i] = 1;
    out.present[i] = 1;
  }
  return [out];
}

function askedFor(matchers: readonly Matcher[]): Labels {
  const labels: Record<string, string> = {};
  const twice = new Set<string>();
  for (const m of matchers) {
    if (m.op === '=' && !(m.name in labels)) labels[m.name] = m.value;
    else twice.add(m.name);
  }
  return dropName(dropLabels(labels, [...twice]));
}

/** By value, for an instant query; a range query has its own order. */
export function sortByValue(series: readonly Series[], steps: number, descending: boolean): readonly Series[] {
  if (steps !== 1) return series;
  return series.filter((s) => s.present[0]).sort((a, b) => compare(a.values[0]!, b.values[0]!, descending));
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function labelReplace(series: readonly Series[], to: string, replacement: string, from: string, pattern: string): readonly Series[] {
  if (!LABEL_NAME.test(to)) throw evalFault(`invalid destination label name in label_replace(): ${to}`);
  const re = compileOnce(pattern);
  return mergeEqual(
    series.map((s) => {
      const match = re.matcher(s.labels[from] ?? '');
      if (!match.matches()) return s;
      const groups = re.namedGroups();
      const value = replacement.replaceAll(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_all, dollar: string, plain: string, braced: string) => {
        if (dollar) return '$';
        const name = plain ?? braced;
        const index = /^\d+$/.test(name) ? Number(name) : groups[name];
        return index === undefined || index > match.groupCount() ? '' : (match.group(index) ?? '');
      });
      return { ...s, labels: value === '' ? dropLabels(s.labels, [to]) : { ...s.labels, [to]: value } };
    }),
  );
}

function compileOnce(pattern: string): ReturnType<typeof anchored> {
  try {
    return anchored(pattern);
  } catch (error) {
    throw evalFault(`label_replace(): ${(error as Fault).message}`);
  }
}

export function labelJoin(series: readonly Series[], to: string, separator: string, from: readonly string[]): readonly Series[] {
  if (!LABEL_NAME.test(to)) throw evalFault(`invalid destination label name in label_join(): ${to}`);
  return mergeEqual(
    series.map((s) => {
      const value = from.map((name) => s.labels[name] ?? '').join(separator);
      return { ...s, labels: value === '' ? dropLabels(s.labels, [to]) : { ...s.labels, [to]: value } };
    }),
  );
}
