/** What is asked of a canary before it gets more traffic: hooks and metrics, and what their answers mean. */
import type { CanaryMetric, CanaryPhase, CanaryWebhook, WebhookType } from '../api/index.ts';
import { messageOf, parseDuration } from '../base/index.ts';
import type { Http, Metrics } from './ports.ts';
import type { Settings } from './settings.ts';

/** `inconclusive`: nothing could be measured; that is neither success nor failure. `message` is the event's text. */
export type Verdict =
  | { readonly kind: 'pass'; readonly value: number }
  | { readonly kind: 'fail'; readonly value: number; readonly message: string }
  | { readonly kind: 'inconclusive'; readonly message: string };

export interface HookResult {
  readonly hook: CanaryWebhook;
  readonly ok: boolean;
  /** Why not, in the hook's own words. */
  readonly error: string;
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

/** Milliseconds as Go prints a duration: `500ms`, `1.515s`. */
function goDuration(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${Number((ms / 1000).toFixed(3))}s`;
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
  const min = metric.thresholdRange?.min ?? (name === 'request-success-rate' ? metric.threshold : undefined);
  const max = metric.thresholdRange?.max ?? (name === 'request-success-rate' ? undefined : metric.threshold);
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

/** Asks for the metrics one after another; the first that does not pass ends it, as its message is the one to show. */
export async function runMetrics(metrics: Metrics, settings: Settings, canary: string): Promise<Verdict | undefined> {
  for (const metric of settings.metrics) {
    let value: number | undefined;
    try {
      value = await metrics.query(queryOf(metric, settings));
    } catch (error) {
      return { kind: 'inconclusive', message: `Prometheus query failed for ${metric.name}: ${messageOf(error)}` };
    }
    const verdict = judge(metric, value, settings, canary);
    if (verdict.kind !== 'pass') return verdict;
  }
  return undefined;
}

/** The hooks of one type; those without a type are `rollout` hooks. */
export function hooksOf(settings: Settings, type: WebhookType): readonly CanaryWebhook[] {
  return settings.webhooks.filter((h) => (h.type || 'rollout') === type);
}

const DEFAULT_HOOK_TIMEOUT_MS = 10_000;

/** Calls hooks in order; for gates and checks the first that does not pass ends it. 200, 201 and 202 pass. */
export async function runHooks(
  http: Http,
  settings: Settings,
  type: WebhookType,
  phase: CanaryPhase,
  checksum: string,
): Promise<HookResult[]> {
  const results: HookResult[] = [];
  for (const hook of hooksOf(settings, type)) {
    const result = await call(http, settings, hook, phase, checksum);
    results.push(result);
    if (!result.ok && type !== 'rollback') break;
  }
  return results;
}

async function call(http: Http, settings: Settings, hook: CanaryWebhook, phase: CanaryPhase, checksum: string): Promise<HookResult> {
  const body = {
    name: settings.name,
    namespace: settings.namespace,
    phase,
    checksum,
    ...(hook.metadata ? { metadata: hook.metadata } : {}),
  };
  const timeoutMs = parseDuration(hook.timeout ?? '') ?? DEFAULT_HOOK_TIMEOUT_MS;
  let error = '';
  for (let attempt = 0; attempt <= (hook.retries ?? 0); attempt++) {
    try {
      const { status, body: said } = await http.post(hook.url, body, timeoutMs);
      if (status >= 200 && status <= 202) return { hook, ok: true, error: '' };
      error = said.trim() || `status ${status}`;
    } catch (cause) {
      error = `POST ${hook.url}: ${messageOf(cause)}`;
    }
  }
  return { hook, ok: false, error };
}
