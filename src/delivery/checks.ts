/** What is measured of a canary before it gets more traffic, and what that means. */
import type { CanaryMetric, CanaryMetricEvidence } from '../api/index.ts';
import { messageOf, parseDuration } from '../base/index.ts';
import { DURATION, SUCCESS_RATE } from './builtin-metrics.ts';
import type { Measure, Measures } from './measures.ts';
import type { Settings } from './settings.ts';

/** `inconclusive`: nothing could be measured; that is neither success nor failure. `message` is the event's text. */
export type Verdict =
  | { readonly kind: 'pass'; readonly value: number }
  | { readonly kind: 'fail'; readonly value: number; readonly message: string }
  | {
      readonly kind: 'inconclusive';
      readonly message: string;
      /** What there is none of yet. */
      readonly lacks?: 'requests' | 'values';
      /** What the metric's author says that means; undefined: a failed check once its whole window was under traffic. */
      readonly policy?: 'wait' | 'fail' | undefined;
    };

/** The first metric that did not pass, undefined when all did; and what was measured until then. */
export interface Measured {
  readonly stopped: Verdict | undefined;
  readonly metrics: CanaryMetricEvidence[];
}

/** How far a metric looks back, as a duration of PromQL. */
export const windowOf = (metric: CanaryMetric): string => metric.interval || '1m';

/** The same in milliseconds. */
export const windowMs = (metric: CanaryMetric): number => parseDuration(windowOf(metric)) ?? 60_000;

/** Less than two readings of the counters say nothing. */
const SHORTEST_WINDOW_MS = 3_000;

/** A builtin metric looks back no further than its release goes: the workload's name is that of the release before, too. */
function within(metric: CanaryMetric, ageMs: number): CanaryMetric {
  const ms = Math.max(ageMs, SHORTEST_WINDOW_MS);
  return metric.query || metric.templateRef || ms >= windowMs(metric) ? metric : { ...metric, interval: `${Math.floor(ms / 1000)}s` };
}

/** Milliseconds as Go prints a duration: `500ms`, `1.515s`. */
function goDuration(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}

/** The least and the greatest value that pass; `threshold` is the least success rate, and the greatest of anything else. */
function boundsOf({ name, threshold, thresholdRange }: CanaryMetric): { min: number | undefined; max: number | undefined } {
  const rate = name === SUCCESS_RATE;
  return { min: thresholdRange?.min ?? (rate ? threshold : undefined), max: thresholdRange?.max ?? (rate ? undefined : threshold) };
}

/** Holds the values of a metric against its bounds: all of them have to pass. */
export function judge(metric: CanaryMetric, values: readonly number[], canary: string): Verdict | undefined {
  const { name } = metric;
  const { min, max } = boundsOf(metric);
  const said = (value: number, sign: '<' | '>', bound: number): Verdict => {
    const what =
      name === SUCCESS_RATE
        ? `success rate ${value.toFixed(2)}% ${sign} ${bound}%`
        : name === DURATION
          ? `request duration ${goDuration(value)} ${sign} ${goDuration(bound)}`
          : `${name} ${value.toFixed(2)} ${sign} ${bound}`;
    return { kind: 'fail', value, message: `Halt ${canary} advancement ${what}` };
  };
  for (const value of values) {
    if (min !== undefined && value < min) return said(value, '<', min);
    if (max !== undefined && value > max) return said(value, '>', max);
  }
  const value = values.at(-1);
  return value === undefined ? undefined : { kind: 'pass', value };
}

async function verdictOf(measure: Measure, metric: CanaryMetric, canary: string): Promise<Verdict> {
  try {
    const { name, minRequests } = metric;
    const requests = minRequests && measure.requests ? await measure.requests() : Infinity;
    if (minRequests && requests < minRequests) {
      const left = minRequests - requests;
      const message = `Halt ${canary} advancement ${name} has ${requests} requests of at least ${minRequests}: waiting for ${left} more`;
      return { kind: 'inconclusive', message };
    }
    return (
      judge(metric, await measure.read(), canary) ?? {
        kind: 'inconclusive',
        message: measure.nothing,
        lacks: measure.requests ? 'requests' : 'values',
      }
    );
  } catch (error) {
    return { kind: 'inconclusive', message: messageOf(error) };
  }
}

/**
 * Asks for the metrics one after another; the first that does not pass ends it, as its message is the one to show. `ageMs` says how
 * long the release has been going on.
 */
export async function runMetrics(measures: Measures, settings: Settings, canary: string, ageMs: number): Promise<Measured> {
  const measured: CanaryMetricEvidence[] = [];
  for (const asked of settings.metrics) {
    const metric = within(asked, ageMs);
    const { min, max } = boundsOf(metric);
    for (const measure of measures(metric, settings)) {
      const verdict = await verdictOf(measure, metric, canary);
      measured.push({
        name: metric.name,
        result: verdict.kind,
        interval: windowOf(metric),
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        ...(verdict.kind === 'inconclusive' ? { reason: verdict.message } : { value: verdict.value }),
      });
      if (verdict.kind === 'pass') continue;
      const stopped = verdict.kind === 'inconclusive' ? { ...verdict, policy: metric.inconclusive || undefined } : verdict;
      return { stopped, metrics: measured };
    }
  }
  return { stopped: undefined, metrics: measured };
}

/** Why metrics could not be asked for now, a sentence each. That there are no values yet is none. */
export async function measuringProblems(measures: Measures, settings: Settings): Promise<string[]> {
  const asked = settings.metrics
    .flatMap((metric) => measures(metric, settings))
    .map((measure) => measure.read().then(() => undefined, messageOf));
  return (await Promise.all(asked)).filter((problem) => problem !== undefined);
}
