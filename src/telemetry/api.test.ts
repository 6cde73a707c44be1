import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from './prometheus-api.ts';
import { TargetScrape } from './scrape.ts';
import { SeriesStore } from './series-store.ts';

const store = new SeriesStore();
const web = new TargetScrape({ id: '1', adminSocket: '', labels: { pod: 'web' } }, store);
for (let s = 0; s <= 10; s++) web.take(`# TYPE r counter\nr{code="200"} ${s * 2}\nr{code="500"} ${s}\nup 1\n`, s * 1000, 1000);

const ask = (path: string, params: Record<string, string> = {}) => {
  const { status, body } = answer(store, path, new URLSearchParams(params), 10_000);
  return { status, ...(JSON.parse(body) as { data?: unknown; errorType?: string; error?: string }) };
};

test('answers have the form that Grafana, Kiali and Flagger read', () => {
  const cases: [string, Record<string, string>, unknown][] = [
    ['/api/v1/query', { query: 'vector(1)' }, { resultType: 'vector', result: [{ metric: {}, value: [10, '1'] }] }],
    [
      '/api/v1/query',
      { query: 'r{code="500"}', time: '5.5' },
      { resultType: 'vector', result: [{ metric: { __name__: 'r', code: '500', pod: 'web' }, value: [5.5, '5'] }] },
    ],
    [
      '/api/v1/query',
      { query: 'sum(rate(r[5s]))', time: '1970-01-01T00:00:10Z' },
      { resultType: 'vector', result: [{ metric: {}, value: [10, '3'] }] },
    ],
    ['/api/v1/query', { query: '1/0' }, { resultType: 'scalar', result: [10, '+Inf'] }],
    ['/api/v1/query', { query: '"x"' }, { resultType: 'string', result: [10, 'x'] }],
    [
      '/api/v1/query',
      { query: 'up[2s]' },
      {
        resultType: 'matrix',
        result: [
          {
            metric: { __name__: 'up', pod: 'web' },
            values: [
              [9, '1'],
              [10, '1'],
            ],
          },
        ],
      },
    ],
    [
      '/api/v1/query_range',
      { query: 'sum(r)', start: '0', end: '4', step: '2s' },
      {
        resultType: 'matrix',
        result: [
          {
            metric: {},
            values: [
              [0, '0'],
              [2, '6'],
              [4, '12'],
            ],
          },
        ],
      },
    ],
    ['/api/v1/labels', {}, ['__name__', 'code', 'pod']],
    ['/api/v1/label/code/values', {}, ['200', '500']],
    ['/api/v1/label/__name__/values', { 'match[]': '{pod="web",code=""}' }, ['up']],
    ['/api/v1/series', { 'match[]': 'r{code=~"5.*"}' }, [{ __name__: 'r', code: '500', pod: 'web' }]],
  ];
  for (const [path, params, data] of cases)
    assert.deepEqual(ask(path, params), { status: 'success', data }, `${path} ${JSON.stringify(params)}`);
  assert.equal(answer(store, '/-/healthy', new URLSearchParams(), 0).status, 200);
  assert.match(JSON.stringify(ask('/api/v1/status/buildinfo')), /"version":"\d/);
});

test('mistakes are answered as Prometheus answers them', () => {
  const cases: [string, Record<string, string>, number, string, RegExp][] = [
    ['/api/v1/query', {}, 400, 'bad_data', /"query"/],
    ['/api/v1/query', { query: 'sum(' }, 400, 'bad_data', /1:5: parse error/],
    ['/api/v1/query', { query: 'up', time: 'soon' }, 400, 'bad_data', /"time"/],
    ['/api/v1/query', { query: 'r / on (pod) r' }, 422, 'execution', /many-to-many/],
    ['/api/v1/query_range', { query: 'up', start: '0', end: '1', step: '0' }, 400, 'bad_data', /"step"/],
    ['/api/v1/query_range', { query: 'up', start: '2', end: '1', step: '1' }, 400, 'bad_data', /"end"/],
    ['/api/v1/query_range', { query: 'up', start: '0', end: '100000', step: '1' }, 400, 'bad_data', /11000 points/],
    ['/api/v1/series', {}, 400, 'bad_data', /match\[\]/],
    ['/api/v1/series', { 'match[]': 'rate(r[5m])' }, 400, 'bad_data', /not a series selector/],
    ['/api/v1/nothing', {}, 404, 'not_found', /not served/],
  ];
  for (const [path, params, status, errorType, message] of cases) {
    const raw = answer(store, path, new URLSearchParams(params), 10_000);
    assert.equal(raw.status, status, path);
    const { errorType: type, error } = ask(path, params);
    assert.equal(type, errorType);
    assert.match(error!, message);
  }
});
