import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanaryMetric } from '../api/index.ts';
import { matchesAll, query, type Queryable } from '../promql/index.ts';
import { judge, queryOf } from './checks.ts';
import { settingsOf, type Settings } from './settings.ts';

const settings = settingsOf({
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    service: { port: 80 },
    analysis: { interval: '10s', threshold: 1, stepWeight: 10 },
  },
}) as Settings;

/** Counters of the workload, by response code: a reading a second, each growing by that much. */
function requests(perSecond: Record<string, number>): Queryable {
  return {
    select: (matchers) =>
      Object.entries(perSecond)
        .map(([code, n]) => ({
          labels: {
            __name__: 'istio_requests_total',
            reporter: 'destination',
            destination_workload: 'web',
            destination_workload_namespace: 'shop',
            response_code: code,
          },
          times: Array.from({ length: 60 }, (_, i) => i * 1000),
          values: Array.from({ length: 60 }, (_, i) => i * n),
          ends: [],
        }))
        .filter((s) => matchesAll(matchers, s.labels)),
  };
}

const metric = (name: string, range: CanaryMetric['thresholdRange']): CanaryMetric => ({ name, interval: '10s', thresholdRange: range! });

test('the success rate is a number as soon as there are requests, also when none succeeds', () => {
  const table: [Record<string, number>, number | undefined][] = [
    [{ '200': 9, '503': 1 }, 90],
    [{ '200': 5 }, 100],
    [{ '500': 5 }, 0],
    [{ '404': 5 }, 100],
    [{}, undefined],
  ];
  for (const [codes, want] of table) {
    const result = query(requests(codes), queryOf(metric('request-success-rate', { min: 99 }), settings), 59_000);
    assert.equal(result.type, 'vector');
    const value = result.type === 'vector' ? result.samples[0]?.value : undefined;
    assert.equal(value === undefined ? undefined : Math.round(value * 1000) / 1000, want, JSON.stringify(codes));
  }
});

test('values are held against the bounds, in the words of the events', () => {
  const table: [CanaryMetric, number | undefined, string][] = [
    [metric('request-success-rate', { min: 99 }), 98.694, 'Halt web.shop advancement success rate 98.69% < 99%'],
    [metric('request-success-rate', { min: 99 }), 99, 'pass'],
    [{ name: 'request-success-rate', threshold: 99 }, 0, 'Halt web.shop advancement success rate 0.00% < 99%'],
    [metric('request-duration', { max: 500 }), 1515, 'Halt web.shop advancement request duration 1.515s > 500ms'],
    [{ name: 'request-duration', threshold: 500 }, 499, 'pass'],
    [{ name: 'queue', query: 'queue_length', thresholdRange: { max: 50 } }, 100, 'Halt web.shop advancement queue 100.00 > 50'],
    [
      metric('request-success-rate', { min: 99 }),
      undefined,
      'Halt advancement no values found for istio metric request-success-rate probably web.shop is not receiving traffic',
    ],
  ];
  for (const [m, value, want] of table) {
    const verdict = judge(m, value, settings, 'web.shop');
    assert.equal(verdict.kind === 'pass' ? 'pass' : verdict.message, want);
  }
});
