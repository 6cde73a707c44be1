import assert from 'node:assert/strict';
import { test } from 'node:test';
import { query } from '../promql/index.ts';
import { below, seededRng } from '../base/index.ts';
import { CHUNK_LENGTH, packChunk, unpackChunk } from './chunk.ts';
import { parseExposition, parseSeriesName } from './exposition.ts';
import { keptAs } from './names.ts';
import { TargetScrape } from './scrape.ts';
import { SeriesStore } from './series-store.ts';

test('chunks give back what was packed, and pack what is regular', () => {
  const rng = seededRng(7);
  const cases: [string, number[], number][] = [
    ['constant', Array<number>(CHUNK_LENGTH).fill(42), 0],
    ['small steps', Array.from({ length: CHUNK_LENGTH }, (_, i) => 1000 + i * 3), CHUNK_LENGTH - 1],
    ['larger steps', Array.from({ length: CHUNK_LENGTH }, (_, i) => i * 4000), 2 * (CHUNK_LENGTH - 1)],
    ['a reset', [...Array(60).keys(), ...Array(60).keys()], 8 * CHUNK_LENGTH],
    ['anything', Array.from({ length: CHUNK_LENGTH }, () => rng.next()), 8 * CHUNK_LENGTH],
    ['NaN and infinity', [NaN, Infinity, -Infinity, 0, ...Array<number>(CHUNK_LENGTH - 4).fill(1)], 8 * CHUNK_LENGTH],
  ];
  for (const [name, values, bytes] of cases) {
    const chunk = packChunk(values);
    assert.equal((chunk.steps?.byteLength ?? 0) + (chunk.values?.byteLength ?? 0), bytes, name);
    for (let i = 0; i < 20; i++) {
      const from = below(rng, CHUNK_LENGTH);
      const to = from + below(rng, CHUNK_LENGTH - from + 1);
      const out = new Float64Array(to - from);
      unpackChunk(chunk, from, to, out, 0);
      assert.deepEqual([...out], values.slice(from, to), name);
    }
  }
});

test('the text format is read, and what makes no sense is left out', () => {
  const body = [
    '# HELP a b',
    '# TYPE a counter',
    'a{x="1 }",y="q\\"\\n\\\\"} 5',
    'b 1.5e3 1700000000',
    'c{} NaN',
    'broken',
    'd{x="1"}',
    'e{x=1} 2',
    '# TYPE h histogram',
    'h_bucket{le="+Inf"} 3',
    '',
  ];
  const lines = [...parseExposition(body.join('\n'))];
  assert.deepEqual(
    lines.map((l) => [l.series, l.value, l.type]),
    [
      ['a{x="1 }",y="q\\"\\n\\\\"}', 5, 'counter'],
      ['b', 1500, 'gauge'],
      ['c{}', NaN, 'gauge'],
      ['e{x=1}', 2, 'gauge'],
      ['h_bucket{le="+Inf"}', 3, 'counter'],
    ],
  );
  assert.deepEqual(parseSeriesName(lines[0]!.series), { name: 'a', labels: { x: '1 }', y: 'q"\n\\' } });
  assert.equal(parseSeriesName('e{x=1}'), undefined);
});

const target = { id: 'uid-1', adminSocket: '/nowhere', labels: { pod: 'web-1', namespace: 'test' } };
const requests = (n: number): string =>
  `# TYPE envoy_istio_requests_total counter\nenvoy_istio_requests_total{code="200",namespace="own"} ${n}\n`;

test('what gateways count of Ingress objects is kept as NGINX has it', () => {
  const gateway = { namespace: 'istio-system', pod: 'gw-1', app: 'istio-ingressgateway' };
  const controller = { controller_class: 'k8s.io/ingress-nginx', controller_namespace: 'istio-system', controller_pod: 'gw-1' };
  const own = { ingress: 'web', namespace: 'test', exported_namespace: 'test', ...controller };
  const kept = (text: string) => keptAs(`envoy_nginx_ingress_controller_${text}`, gateway);
  assert.deepEqual(kept('requests{ingress="web",namespace="test",canary="",status="200"}'), {
    labels: { __name__: 'nginx_ingress_controller_requests', status: '200', ...own },
    scale: 1,
  });
  const duration = (part: string, le?: string) => ({
    __name__: `nginx_ingress_controller_request_duration_seconds_${part}`,
    ...(le ? { le } : {}),
    ...own,
  });
  const of = (part: string, le: string) =>
    kept(`request_duration_microseconds_${part}{ingress="web",namespace="test"${le && `,le="${le}"`}}`);
  assert.deepEqual(of('bucket', '5000'), { labels: duration('bucket', '0.005'), scale: 1 });
  assert.deepEqual(of('bucket', '+Inf'), { labels: duration('bucket', '+Inf'), scale: 1 });
  assert.deepEqual(of('sum', ''), { labels: duration('sum'), scale: 1e-6 });
  assert.deepEqual(of('count', ''), { labels: duration('count'), scale: 1 });
});

function world(uptime = 1000) {
  const store = new SeriesStore();
  const scrape = new TargetScrape(target, store);
  const take = (second: number, text: string) =>
    scrape.take(`# TYPE envoy_server_uptime gauge\nenvoy_server_uptime ${uptime + second}\n${text}`, second * 1000, 1000);
  const ask = (expr: string, second: number): unknown => {
    const result = query(store, expr, second * 1000);
    return result.type === 'vector' ? result.samples.map((s) => s.value) : result;
  };
  return { store, scrape, take, ask };
}

test('istio metrics lose the prefix, get the labels of the pod and keep their own aside', () => {
  const { store, take } = world();
  take(0, requests(1));
  const labels = store.labels([], -1, 1000).find((l) => l['__name__'] === 'istio_requests_total');
  assert.deepEqual(labels, { __name__: 'istio_requests_total', code: '200', exported_namespace: 'own', namespace: 'test', pod: 'web-1' });
});

test('a counter that appears rose from zero; one that was there before we came did not', () => {
  const late = world();
  late.take(0, '');
  late.take(1, requests(7));
  late.take(2, requests(7));
  assert.deepEqual(late.ask('increase(istio_requests_total[10s])', 2), [7]);

  const old = world();
  old.take(0, requests(7));
  old.take(1, requests(7));
  assert.deepEqual(old.ask('increase(istio_requests_total[10s])', 1), [0]);

  const young = world(0);
  young.take(1, requests(7));
  young.take(2, requests(7));
  assert.deepEqual(young.ask('increase(istio_requests_total[10s])', 2), [7]);
});

test('what vanishes is stale at once; what fails to answer, after the third time', () => {
  const { take, ask, scrape } = world();
  take(0, requests(1));
  take(1, requests(2));
  take(2, '');
  assert.deepEqual(ask('istio_requests_total', 1.5), [2]);
  assert.deepEqual(ask('istio_requests_total', 2), []);
  take(3, requests(1));
  assert.deepEqual(ask('istio_requests_total', 3), [1]);
  // 1 2 gone 0 1: one more, a reset, and one more.
  assert.deepEqual(ask('resets(istio_requests_total[10s])', 3), [1]);
  scrape.failed(4000);
  scrape.failed(5000);
  assert.deepEqual(ask('istio_requests_total', 5), [1]);
  scrape.failed(6000);
  assert.deepEqual(ask('istio_requests_total', 6), []);
  take(7, requests(3));
  assert.deepEqual(ask('istio_requests_total', 7), [3]);
});

test('old samples are let go of, and series with none left', () => {
  const { store, scrape, take, ask } = world();
  for (let s = 0; s < 1000; s++) take(s, s < 300 ? requests(s) : '');
  assert.deepEqual(ask('count_over_time(istio_requests_total[300s])', 299), [300]);
  assert.deepEqual(ask('count_over_time(envoy_server_uptime[1000s])', 999), [1000]);
  const before = store.size;
  store.forget(600_000, [scrape.timeline]);
  assert.equal(store.size, before - 1);
  assert.deepEqual(ask('count_over_time(envoy_server_uptime[1000s])', 999), [1000 - 600]);
  take(1000, requests(1));
  assert.deepEqual(ask('istio_requests_total', 1000), [1]);
  assert.deepEqual(ask('count_over_time(envoy_server_uptime[401s])', 1000), [401]);
});
