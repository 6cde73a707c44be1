/** What is measured of a canary before it gets more traffic, and what that means. */
import type { CanaryEvidence, CanaryMetric } from '../api/index.ts';
import { messageOf, parseDuration } from '../base/index.ts';
import type { Metrics } from './ports.ts';
import type { Settings } from './settings.ts';

/** `inconclusive`: nothing could be measured; that is neither success nor failure. `message` is the event's text. */
export type Verdict =
  | { readonly kind: 'pass'; readonly value: number }
  | { readonly kind: 'fail'; readonly value: number; readonly message: string }
  | {
      readonly kind: 'inconclusive';
      readonly message: string;
      /** What the metric's author says that means; undefined: a failed check once its whole window was under traffic. */
      readonly policy?: 'wait' | 'fail' | undefined;
    };

/** The first metric that did not pass, undefined when all did; and what was measured until then. */
export interface Measured {
  readonly stopped: Verdict | undefined;
  readonly metrics: NonNullable<CanaryEvidence['metrics']>;
}

/** How many requests the workload had in a metric's window. */
function requestsIn(metric: CanaryMetric, settings: Settings): string {
  const of = `reporter="destination",destination_workload_namespace="${settings.namespace}",destination_workload="${settings.target}"`;
  return `sum(increase(istio_requests_total{${of}}[${metric.interval ?? METRIC_WINDOW_DEFAULT}]))`;
}

/** How far a metric looks back when it does not say. */
const METRIC_WINDOW_DEFAULT = '1m';

/** The query of a metric: Flagger's own for the builtin ones, made for the istio metrics of the canary's workload. */
export function queryOf(metric: CanaryMetric, settings: Settings): string {
  const window = metric.interval ?? METRIC_WINDOW_DEFAULT;
  const of = (more = ''): string =>
    `reporter="destination",destination_workload_namespace="${settings.namespace}",destination_workload="${settings.target}"${more}`;
  switch (metric.name) {
    case 'request-success-rate':
      // A version of which every request fails has no series of successes: that is 0, not "no values".
      return `(sum(rate(istio_requests_total{${of(',response_code!~"5.*"')}}[${window}])) or vector(0)) / sum(rate(istio_requests_total{${of()}}[${window}])) * 100`;
    case 'request-duration':
      return `histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{${of()}}[${window}])) by (le))`;
    default:
      return metric.query ?? '';
  }
}

/** The time a metric looks back over, in milliseconds. */
export function windowMs(metric: CanaryMetric): number {
  return parseDuration(metric.interval ?? METRIC_WINDOW_DEFAULT) ?? 60_000;
}

/** Less than two readings of the counters say nothing. */
const SHORTEST_WINDOW_MS = 3_000;

/** A builtin metric looks back no further than its release goes: the workload's name is that of the release before, too. */
function within(metric: CanaryMetric, ageMs: number): CanaryMetric {
  const ms = Math.max(ageMs, SHORTEST_WINDOW_MS);
  return metric.query || ms >= windowMs(metric) ? metric : { ...metric, interval: `${Math.floor(ms / 1000)}s` };
}

/** Milliseconds as Go prints a duration: `500ms`, `1.515s`. */
function goDuration(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}

/** The least and the greatest value that pass; `threshold` is the least success rate, and the greatest of anything else. */
function boundsOf({ name, threshold, thresholdRange }: CanaryMetric): { min: number | undefined; max: number | undefined } {
  const rate = name === 'request-success-rate';
  return { min: thresholdRange?.min ?? (rate ? threshold : undefined), max: thresholdRange?.max ?? (rate ? undefined : threshold) };
}

/** Holds a value against the metric's bounds. */
export function judge(metric: CanaryMetric, value: number | undefined, settings: Settings, canary: string): Verdict {
  const { name } = metric;
  if (value === undefined) {
    const target = `${settings.target}.${settings.namespace}`;
    const message =
      metric.query && name !== 'request-success-rate' && name !== 'request-duration'
        ? `Halt advancement no values found for custom metric: ${name}: no values found`
        : `Halt advancement no values found for istio metric ${name} probably ${target} is not receiving traffic`;
    return { kind: 'inconclusive', message };
  }
  const { min, max } = boundsOf(metric);
  const said = (sign: '<' | '>', bound: number): Verdict => {
    const what =
      name === 'request-success-rate'
        ? `success rate ${value.toFixed(2)}% ${sign} ${bound}%`
        : name === 'request-duration'
          ? `request duration ${goDuration(value)} ${sign} ${goDuration(bound)}`
          : `${name} ${value.toFixed(2)} ${sign} ${bound}`;
    return { kind: 'fail', value, message: `Halt ${canary} advancement ${what}` };
  };
  if (min !== undefined && value < min) return said('<', min);
  if (max !== undefined && value > max) return said('>', max);
  return { kind: 'pass', value };
}

async function measure(metrics: Metrics, metric: CanaryMetric, settings: Settings, canary: string): Promise<Verdict> {
  try {
    if (metric.minRequests && (metric.name === 'request-success-rate' || metric.name === 'request-duration')) {
      const requests = Math.round((await metrics.query(requestsIn(metric, settings))) ?? 0);
      if (requests < metric.minRequests) {
        const left = metric.minRequests - requests;
        const message = `Halt ${canary} advancement ${metric.name} has ${requests} requests of at least ${metric.minRequests}: waiting for ${left} more`;
        return { kind: 'inconclusive', message };
      }
    }
    return judge(metric, await metrics.query(queryOf(metric, settings)), settings, canary);
  } catch (error) {
    return { kind: 'inconclusive', message: `Prometheus query failed for ${metric.name}: ${messageOf(error)}` };
  }
}

/**
 * Asks for the metrics one after another; the first that does not pass ends it, as its message is the one to show. `ageMs` says how
 * long the release has been going on.
 */
export async function runMetrics(metrics: Metrics, settings: Settings, canary: string, ageMs: number): Promise<Measured> {
  const measured: Measured['metrics'] = [];
  for (const asked of settings.metrics) {
    const metric = within(asked, ageMs);
    const verdict = await measure(metrics, metric, settings, canary);
    const { min, max } = boundsOf(metric);
    measured.push({
      name: metric.name,
      result: verdict.kind,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(verdict.kind === 'inconclusive' ? { reason: verdict.message } : { value: verdict.value }),
    });
    if (verdict.kind === 'pass') continue;
    const stopped = verdict.kind === 'inconclusive' ? { ...verdict, policy: metric.inconclusive || undefined } : verdict;
    return { stopped, metrics: measured };
  }
  return { stopped: undefined, metrics: measured };
}
