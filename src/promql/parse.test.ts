import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { Fault } from '../base/index.ts';
import { parse } from './parse.ts';

test('queries of dashboards and canaries are read', () => {
  const queries = [
    'sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace=~"test",destination_workload=~"podinfo",response_code!~"5.*"}[1m])) / sum(rate(istio_requests_total{reporter="destination",destination_workload=~"podinfo",}[1m])) * 100',
    'histogram_quantile(0.99, sum(irate(istio_request_duration_milliseconds_bucket{reporter="destination"}[1m])) by (le))',
    'round(sum(irate(istio_requests_total{reporter=~"source|waypoint"}[30s])) by (source_workload, response_code), 0.001)',
    'sum(rate(istio_tcp_sent_bytes_total [60s])) by (source_cluster) OR sum(rate(x [60s])) by (app) > 0',
    'label_join(sum(x) by (a, b), "c", ".", "a", "b") or vector(0) >bool 10 # and so on',
    'avg_over_time((sum(x) / 2)[5m:])',
  ];
  for (const q of queries) assert.ok(parse(q), q);
});

test('whatever is typed gives a value or a fault, in steps that grow with the text', (t) => {
  let steps = 0;
  const start = parser.startParse.bind(parser);
  t.mock.method(parser, 'startParse', (...given: Parameters<typeof start>) => {
    const parse = start(...given);
    const advance = parse.advance.bind(parse);
    parse.advance = () => (steps++, advance());
    return parse;
  });
  for (const q of [
    '',
    ' ',
    '#',
    '}',
    'a{b=',
    '[5m]',
    'sum by',
    '"',
    "'\\q'",
    'a offset',
    'a @',
    'a[0s]',
    `${'('.repeat(5000)}1${')'.repeat(5000)}`,
    'x'.repeat(70_000),
    `${'x'.repeat(60_000)} }`,
    `${'1'.repeat(60_000)}q`,
    `a[${'1'.repeat(60_000)}q]`,
    '('.repeat(3000),
    'a{'.repeat(3000),
    'sum by ('.repeat(2000),
    'a smoothed',
    'a[5m+1m]',
    '-"x"',
  ]) {
    steps = 0;
    assert.throws(
      () => parse(q),
      (e) => e instanceof Fault && e.code === 'PromqlInvalid' && e.hint !== undefined,
      q.slice(0, 20),
    );
    assert.ok(steps <= 2 * q.length + 10, `${steps} steps for the ${q.length} characters of ${q.slice(0, 20)}`);
  }
});
