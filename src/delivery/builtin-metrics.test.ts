/** Flagger's builtin metrics, evaluated over the series that each kind of proxy or application has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanarySpec } from '../api/index.ts';
import { matchesAll, query, type Queryable } from '../promql/index.ts';
import { BUILTIN_METRICS, builtinMetric, DURATION, SUCCESS_RATE } from './builtin-metrics.ts';
import { settingsOf, type Settings } from './settings.ts';

type Labels = Readonly<Record<string, string>>;

function settings(spec: Partial<CanarySpec> = {}): Settings {
  return settingsOf({
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      service: { port: 80, gatewayRefs: [{}] },
      analysis: { interval: '10s', threshold: 1, stepWeight: 10 },
      ...spec,
    },
  }) as Settings;
}

/** Counters with a reading a second, each growing by that much. */
const counters = (...all: [name: string, labels: Labels, perSecond: number][]): Queryable => ({
  select: (matchers) =>
    all
      .map(([name, labels, n]) => ({
        labels: { __name__: name, ...labels },
        times: Array.from({ length: 60 }, (_, i) => i * 1000),
        values: Array.from({ length: 60 }, (_, i) => i * n),
        ends: [],
      }))
      .filter((s) => matchesAll(matchers, s.labels)),
});

function ask(series: Queryable, promql: string): number | undefined {
  const result = query(series, promql, 59_000);
  const value = result.type === 'vector' && result.samples.length === 1 ? result.samples[0]!.value : undefined;
  return value === undefined ? undefined : Math.round(value * 1000) / 1000;
}

const ISTIO = { reporter: 'destination', destination_workload: 'web', destination_workload_namespace: 'shop' };
const istio = (code: string, n: number): [string, Labels, number] => ['istio_requests_total', { ...ISTIO, response_code: code }, n];
const nginx = (status: string, n: number, more: Labels = {}): [string, Labels, number] => [
  'nginx_ingress_controller_requests',
  { namespace: 'shop', ingress: 'web-ing', canary: 'shop-web-canary-80', status, ...more },
  n,
];
const pod = (name: string, status: string, n: number): [string, Labels, number] => [
  'http_request_duration_seconds_count',
  { kubernetes_namespace: 'shop', kubernetes_pod_name: name, status },
  n,
];

const NGINX = settings({ provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web-ing' } });
const GATEWAY = settings({ provider: 'gatewayapi:v1' });
const DAEMONSET = settings({ provider: 'kubernetes', targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'web' } });

test('the success rate and its requests, by provider', () => {
  const table: [string, Settings, Queryable, number | undefined, number | undefined][] = [
    ['istio', settings(), counters(istio('200', 9), istio('503', 1)), 90, 100],
    ['istio, without a failure', settings(), counters(istio('200', 5)), 100, 50],
    ['istio, without a success', settings(), counters(istio('500', 5)), 0, 50],
    ['istio, of which a 404 is one', settings(), counters(istio('404', 5)), 100, 50],
    ['istio, no traffic', settings(), counters(), undefined, undefined],
    ['nginx, of which only the canary counts', NGINX, counters(nginx('200', 3), nginx('500', 1), nginx('500', 7, { canary: '' })), 75, 40],
    ['nginx, when no controller counts but the mesh does', NGINX, counters(istio('200', 9), istio('503', 1)), 90, 100],
    ['gatewayapi', GATEWAY, counters(pod('web-7d9-x', '200', 4), pod('web-7d9-x', '500', 1), pod('web-primary-7d9-x', '500', 9)), 80, 50],
    ['gatewayapi, by the mesh', GATEWAY, counters(istio('200', 9), istio('503', 1)), 90, 100],
    ['kubernetes, a DaemonSet', DAEMONSET, counters(pod('web-x2k', '200', 4), pod('web-primary-x2k', '500', 9)), 100, 40],
  ];
  for (const [what, of, series, rate, requests] of table) {
    const metric = builtinMetric(SUCCESS_RATE, of, '10s')!;
    assert.deepEqual([ask(series, metric.query), ask(series, metric.requests)], [rate, requests], what);
  }
});

test('the duration in milliseconds, by provider', () => {
  const buckets = (name: string, labels: Labels, unit: number): Queryable =>
    counters(
      ...['1', '2', '+Inf'].map((le): [string, Labels, number] => [
        name,
        { ...labels, le: le === '+Inf' ? le : String(Number(le) * unit) },
        le === '1' ? 0 : 10,
      ]),
    );
  const seconds = 'nginx_ingress_controller_response_duration_seconds';
  const of = { namespace: 'shop', ingress: 'web-ing', canary: 'c' };
  const table: [string, Settings, Queryable, number][] = [
    ['istio', settings(), buckets('istio_request_duration_milliseconds_bucket', ISTIO, 100), 199],
    ['nginx, a mean', NGINX, counters([`${seconds}_sum`, of, 3], [`${seconds}_count`, of, 10]), 300],
    [
      'gatewayapi',
      GATEWAY,
      buckets('http_request_duration_seconds_bucket', { kubernetes_namespace: 'shop', kubernetes_pod_name: 'web-7d9-x' }, 0.1),
      199,
    ],
    ['gatewayapi, by the mesh', GATEWAY, buckets('istio_request_duration_milliseconds_bucket', ISTIO, 100), 199],
  ];
  for (const [what, of, series, want] of table) assert.equal(ask(series, builtinMetric(DURATION, of, '10s')!.query), want, what);
});

test('there are no other builtin metrics', () => {
  assert.equal(builtinMetric('queue', settings(), '10s'), undefined);
  assert.deepEqual(BUILTIN_METRICS, [SUCCESS_RATE, DURATION]);
});
