/** What the server counts of itself, in Prometheus' text. Pure. */

export type Labels = readonly string[];

export interface Metrics {
  /** Counts one, or more, for values of the labels. */
  counter(name: string, help: string, labels: Labels): (values: Labels, by?: number) => void;
  /** Seconds; `bounds` in order. */
  histogram(name: string, help: string, labels: Labels, bounds: readonly number[]): (values: Labels, seconds: number) => void;
  /** Asked for when it is read. */
  gauge(name: string, help: string, labels: Labels, read: () => Iterable<readonly [values: Labels, value: number]>): void;
  /** The whole text, a series at a time: there may be thousands. */
  text(): Iterable<Buffer>;
}

/** Series of one name, at most: what users make up must not fill the memory. */
const MAX_SERIES = 5_000;
/** Lines of one histogram, at most: each of its series has one for each bound, and the text is to be read every few seconds. */
const MAX_LINES = 30_000;
const SEPARATOR = '\0';

export function createMetrics(): Metrics {
  const families: (() => Iterable<string>)[] = [];
  const head = (name: string, help: string, type: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

  return {
    counter(name, help, labels) {
      const series = new Map<string, { readonly line: string; count: number }>();
      families.push(function* () {
        yield head(name, help, 'counter');
        for (const { line, count } of series.values()) yield `${line} ${count}\n`;
      });
      return (values, by = 1) => {
        const one = known(series, MAX_SERIES, values, () => ({ line: `${name}${within(pairs(labels, values))}`, count: 0 }));
        if (one) one.count += by;
      };
    },

    histogram(name, help, labels, bounds) {
      const series = new Map<string, { readonly pairs: string; readonly counts: number[]; sum: number; count: number }>();
      const most = Math.floor(MAX_LINES / (bounds.length + 3));
      const les = bounds.map((bound) => `le="${bound}"`);
      families.push(function* () {
        yield head(name, help, 'histogram');
        for (const { pairs: own, counts, sum, count } of series.values()) {
          const bucket = own ? `${name}_bucket{${own},` : `${name}_bucket{`;
          let text = '';
          let below = 0;
          for (let i = 0; i < les.length; i++) text += `${bucket}${les[i]}} ${(below += counts[i]!)}\n`;
          const labelled = within(own);
          yield `${text}${bucket}le="+Inf"} ${count}\n${name}_sum${labelled} ${sum}\n${name}_count${labelled} ${count}\n`;
        }
      });
      return (values, seconds) => {
        const one = known(series, most, values, () => ({ pairs: pairs(labels, values), counts: bounds.map(() => 0), sum: 0, count: 0 }));
        if (!one) return;
        const i = bounds.findIndex((bound) => seconds <= bound);
        if (i >= 0) one.counts[i]!++;
        one.sum += seconds;
        one.count++;
      };
    },

    gauge(name, help, labels, read) {
      families.push(function* () {
        yield head(name, help, 'gauge');
        for (const [values, value] of read()) yield `${name}${within(pairs(labels, values))} ${value}\n`;
      });
    },

    *text() {
      for (const family of families) for (const lines of family()) yield Buffer.from(lines);
    },
  };
}

/** The series of some values; none when there are too many already. */
function known<T>(series: Map<string, T>, most: number, values: Labels, make: () => T): T | undefined {
  const key = values.join(SEPARATOR);
  let one = series.get(key);
  if (!one && series.size < most) series.set(key, (one = make()));
  return one;
}

/** Made once a series, since it is most of the work. */
function pairs(labels: Labels, values: Labels): string {
  return labels.map((label, i) => `${label}="${(values[i] ?? '').replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`).join(',');
}

const within = (labelled: string): string => (labelled ? `{${labelled}}` : '');
