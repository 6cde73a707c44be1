import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics, type Metrics } from './metrics.ts';

const textOf = (metrics: Metrics): string => Buffer.concat([...metrics.text()]).toString();

test('counters, histograms and gauges as Prometheus reads them', () => {
  const metrics = createMetrics();
  const count = metrics.counter('requests_total', 'Requests.', ['verb', 'path']);
  const time = metrics.histogram('seconds', 'Time.', ['verb'], [0.1, 1]);
  let size = 3;
  metrics.gauge('size', 'Size.', [], () => [[[], size]]);
  count(['GET', '/a"b\\c\n']);
  count(['GET', '/a"b\\c\n'], 2);
  for (const seconds of [0.05, 0.1, 0.5, 7]) time(['GET'], seconds);
  size = 4;
  assert.equal(
    textOf(metrics),
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="GET",path="/a\\"b\\\\c\\n"} 3
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{verb="GET",le="0.1"} 2
seconds_bucket{verb="GET",le="1"} 3
seconds_bucket{verb="GET",le="+Inf"} 4
seconds_sum{verb="GET"} 7.65
seconds_count{verb="GET"} 4
# HELP size Size.
# TYPE size gauge
size 4
`,
  );
});

test('the text comes a series at a time, so that others get their turn between them', () => {
  const metrics = createMetrics();
  const time = metrics.histogram('seconds', 'Time.', ['verb'], [0.1, 1]);
  for (let i = 0; i < 300; i++) time([String(i)], 1);
  assert.deepEqual(
    [...metrics.text()].map((part) => part.toString().split('\n').length - 1),
    [2, ...Array<number>(300).fill(5)],
  );
});

test('what is made up by users does not grow without end', () => {
  const metrics = createMetrics();
  const count = metrics.counter('c', 'C.', ['x']);
  const time = metrics.histogram('h', 'H.', ['x'], [1, 2, 3, 4, 5, 6, 7]);
  for (let i = 0; i < 20_000; i++) {
    count([String(i)]);
    time([String(i)], 1);
  }
  const lines = textOf(metrics).split('\n');
  assert.ok(lines.filter((line) => line.startsWith('c')).length <= 5_000);
  assert.ok(lines.filter((line) => line.startsWith('h')).length <= 30_000);
});
