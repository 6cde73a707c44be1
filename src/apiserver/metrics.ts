/** What the server counts of itself, in Prometheus' text. Pure. */

export type Labels = readonly string[];

export interface Metrics {
  /** Counts one, or more, for values of the labels. */
  counter(name: string, help: string, labels: Labels): (values: Labels, by?: number) => void;
  /** Seconds; `bounds` in order. */
  histogram(name: string, help: string, labels: Labels, bounds: readonly number[]): (values: Labels, seconds: number) => void;
  /** Asked for when it is read. */
  gauge(name: string, help: string, labels: Labels, read: () => Iterable<readonly [values: Labels, value: number]>): void;
  text(): string;
}

interface Buckets {
  readonly values: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Series of one name, at most: what users make up must not fill the memory. */
const MAX_SERIES = 5_000;
const SEPARATOR = '\0';

export function createMetrics(): Metrics {
  const families: (() => Iterable<string>)[] = [];
  const head = (name: string, help: string, type: string): string[] => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];

  return {
    counter(name, help, labels) {
      const series = new Map<string, { readonly values: Labels; count: number }>();
      families.push(function* () {
        yield* head(name, help, 'counter');
        for (const { values, count } of series.values()) yield line(name, labels, values, count);
      });
      return (values, by = 1) => {
        const one = known(series, values, () => ({ values, count: 0 }));
        if (one) one.count += by;
      };
    },

    histogram(name, help, labels, bounds) {
      const series = new Map<string, Buckets>();
      families.push(function* () {
        yield* head(name, help, 'histogram');
        for (const { values, counts, sum, count } of series.values()) {
          let below = 0;
          for (let i = 0; i < bounds.length; i++) {
            yield line(`${name}_bucket`, [...labels, 'le'], [...values, String(bounds[i])], (below += counts[i]!));
          }
          yield line(`${name}_bucket`, [...labels, 'le'], [...values, '+Inf'], count);
          yield line(`${name}_sum`, labels, values, sum);
          yield line(`${name}_count`, labels, values, count);
        }
      });
      return (values, seconds) => {
        const one = known(series, values, () => ({ values, counts: bounds.map(() => 0), sum: 0, count: 0 }));
        if (!one) return;
        const i = bounds.findIndex((bound) => seconds <= bound);
        if (i >= 0) one.counts[i]!++;
        one.sum += seconds;
        one.count++;
      };
    },

    gauge(name, help, labels, read) {
      families.push(function* () {
        yield* head(name, help, 'gauge');
        for (const [values, value] of read()) yield line(name, labels, values, value);
      });
    },

    text: () => `${families.flatMap((lines) => [...lines()]).join('\n')}\n`,
  };
}

/** The series of some values; none when there are too many already. */
function known<T>(series: Map<string, T>, values: Labels, make: () => T): T | undefined {
  const key = values.join(SEPARATOR);
  let one = series.get(key);
  if (!one && series.size < MAX_SERIES) series.set(key, (one = make()));
  return one;
}

function line(name: string, labels: Labels, values: Labels, value: number): string {
  const pairs = labels.map((label, i) => `${label}="${(values[i] ?? '').replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}
