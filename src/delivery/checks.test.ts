import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanaryMetric } from '../api/index.ts';
import { judge } from './checks.ts';

const metric = (name: string, range: CanaryMetric['thresholdRange']): CanaryMetric => ({ name, interval: '10s', thresholdRange: range! });

test('values are held against the bounds, in the words of the events', () => {
  const table: [CanaryMetric, number | number[], string][] = [
    [metric('request-success-rate', { min: 99 }), 98.694, 'Halt web.shop advancement success rate 98.69% < 99%'],
    [metric('request-success-rate', { min: 99 }), 99, 'pass'],
    [{ name: 'request-success-rate', threshold: 99 }, 0, 'Halt web.shop advancement success rate 0.00% < 99%'],
    [metric('request-duration', { max: 500 }), 1515, 'Halt web.shop advancement request duration 1.515s > 500ms'],
    [{ name: 'request-duration', threshold: 500 }, 499, 'pass'],
    [{ name: 'queue', query: 'queue_length', thresholdRange: { max: 50 } }, 100, 'Halt web.shop advancement queue 100.00 > 50'],
    [{ name: 'queue', thresholdRange: { min: 1, max: 50 } }, [7, 51, 8], 'Halt web.shop advancement queue 51.00 > 50'],
    [{ name: 'queue', thresholdRange: { min: 1, max: 50 } }, [7, 8], 'pass'],
    [metric('request-duration', { max: 500 }), Infinity, 'Halt web.shop advancement request duration Infinitys > 500ms'],
    [metric('request-success-rate', { min: 99 }), [], 'no values'],
  ];
  for (const [m, value, want] of table) {
    const verdict = judge(m, [value].flat(), 'web.shop');
    assert.equal(verdict === undefined ? 'no values' : verdict.kind === 'pass' ? 'pass' : verdict.message, want);
  }
});
