/** How a metric behaves; histograms and summaries arrive as their counters. */
export type MetricType = 'counter' | 'gauge';

export interface ParsedLine {
  /** Everything before the value: names the series. */
  readonly series: string;
  readonly value: number;
  readonly type: MetricType;
}

/** Goes through a body in Prometheus' text format line by line; lines that make no sense are left out. */
export function* parseExposition(body: string): Generator<ParsedLine> {
  const types = new Map<string, string>();
  let from = 0;
  while (from < body.length) {
    let to = body.indexOf('\n', from);
    if (to < 0) to = body.length;
    const line = body.slice(from, to);
    from = to + 1;
    if (line.startsWith('# TYPE ')) {
      const [, , name, type] = line.split(' ');
      if (name && type) types.set(name, type);
      continue;
    }
    if (line === '' || line.startsWith('#')) continue;
    // The value follows the labels (which may hold spaces), and a time may follow the value.
    const brace = line.lastIndexOf('}');
    const gap = brace < 0 ? line.indexOf(' ') : brace + 1;
    if (gap <= 0) continue;
    const value = parseValue(line.slice(gap).trim().split(' ', 1)[0]!);
    if (value === undefined) continue;
    const series = line.slice(0, gap);
    yield { series, value, type: typeOf(types, series) };
  }
}

function parseValue(text: string): number | undefined {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (text === 'NaN') return NaN;
  const value = text === '' ? NaN : Number(text);
  return Number.isNaN(value) ? undefined : value;
}

function typeOf(types: ReadonlyMap<string, string>, series: string): MetricType {
  const brace = series.indexOf('{');
  const name = brace < 0 ? series : series.slice(0, brace);
  const type = types.get(name) ?? types.get(name.replace(/_(bucket|sum|count)$/, ''));
  return type === 'counter' || type === 'histogram' || type === 'summary' ? 'counter' : 'gauge';
}

/** Name and labels of a series as it stands in a line; undefined when it is malformed. */
export function parseSeriesName(series: string): { name: string; labels: Record<string, string> } | undefined {
  const m = /^([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?$/s.exec(series);
  if (!m) return undefined;
  const labels: Record<string, string> = {};
  let rest = m[2] ?? '';
  while (rest !== '') {
    const label = /^\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/s.exec(rest);
    if (!label) return undefined;
    labels[label[1]!] = label[2]!.includes('\\') ? label[2]!.replaceAll(/\\(.)/gs, (_all, c: string) => (c === 'n' ? '\n' : c)) : label[2]!;
    rest = rest.slice(label[0].length);
  }
  return { name: m[1]!, labels };
}
