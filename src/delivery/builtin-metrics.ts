/** Flagger's own two metrics in PromQL, from what counts requests behind each provider of routes. Pure. */
import type { Provider, Settings } from './settings.ts';

export const SUCCESS_RATE = 'request-success-rate';
export const DURATION = 'request-duration';
export const BUILTIN_METRICS: readonly string[] = [SUCCESS_RATE, DURATION];

export interface BuiltinMetric {
  /** Percent, or milliseconds. */
  readonly query: string;
  /** How many requests it is made from. */
  readonly requests: string;
  /** Where these are counted, in words. */
  readonly counted: string;
}

/** Counters of the canary's requests, as selectors of series. */
interface Counters {
  /** Who counts. */
  readonly by: string;
  /** All requests with `more` among the matchers. */
  count(more?: string): string;
  /** What is in `more` to leave failures out. */
  readonly good: string;
  /** Milliseconds. */
  duration(window: string): string;
}

const quantile99 = (buckets: string, window: string): string => `histogram_quantile(0.99, sum(rate(${buckets}[${window}])) by (le))`;

/** Of the mesh's proxies. */
function istio({ namespace, target }: Settings): Counters {
  const of = `reporter="destination",destination_workload_namespace="${namespace}",destination_workload="${target}"`;
  return {
    by: 'at its sidecars',
    good: ',response_code!~"5.*"',
    count: (more = '') => `istio_requests_total{${of}${more}}`,
    duration: (window) => quantile99(`istio_request_duration_milliseconds_bucket{${of}}`, window),
  };
}

/** Of the ingress controller; its duration is a mean. */
function nginx({ namespace, ingress }: Settings): Counters {
  const of = `namespace="${namespace}",ingress="${ingress}",canary!=""`;
  const seconds = (part: 'sum' | 'count', window: string): string =>
    `sum(rate(nginx_ingress_controller_response_duration_seconds_${part}{${of}}[${window}]))`;
  return {
    by: `on the way through Ingress ${ingress} to its canary`,
    good: ',status!~"5.*"',
    count: (more = '') => `nginx_ingress_controller_requests{${of}${more}}`,
    duration: (window) => `${seconds('sum', window)} / ${seconds('count', window)} * 1000`,
  };
}

/** Of the workload itself, under the names of Prometheus' client libraries. */
function application({ namespace, target, kind }: Settings): Counters {
  // A Deployment's pods have two parts after its name, a DaemonSet's one.
  const pod = `${target}-[0-9a-zA-Z]+${kind === 'DaemonSet' ? '' : '(-[0-9a-zA-Z]+)'}`;
  const of = `kubernetes_namespace="${namespace}",kubernetes_pod_name=~"${pod}"`;
  return {
    by: 'by itself',
    good: ',status!~"5.*"',
    count: (more = '') => `http_request_duration_seconds_count{${of}${more}}`,
    duration: (window) => `${quantile99(`http_request_duration_seconds_bucket{${of}}`, window)} * 1000`,
  };
}

/** In the order in which they are believed: the first that knows the workload decides. */
const COUNTERS: Readonly<Record<Provider, readonly ((settings: Settings) => Counters)[]>> = {
  istio: [istio],
  nginx: [nginx, istio],
  kubernetes: [application, istio],
  'gatewayapi:v1': [application, istio],
  'gatewayapi:v1beta1': [application, istio],
};

/** Undefined when it is no builtin metric; `window` is a duration of PromQL. */
export function builtinMetric(name: string, settings: Settings, window: string): BuiltinMetric | undefined {
  if (!BUILTIN_METRICS.includes(name)) return undefined;
  const counters = COUNTERS[settings.provider].map((of) => of(settings));
  const rate = (series: string): string => `sum(rate(${series}[${window}]))`;
  // A version of which every request fails has no series of successes: that is 0, not "no values".
  const success = ({ count, good }: Counters): string => `(${rate(count(good))} or vector(0)) / ${rate(count())} * 100`;
  const anyOf = (query: (c: Counters) => string): string =>
    counters.length === 1 ? query(counters[0]!) : counters.map((c) => `(${query(c)})`).join(' or ');
  return {
    query: anyOf(name === SUCCESS_RATE ? success : ({ duration }) => duration(window)),
    requests: anyOf(({ count }) => `sum(increase(${count()}[${window}]))`),
    counted: counters.map(({ by }) => by).join(' or '),
  };
}
