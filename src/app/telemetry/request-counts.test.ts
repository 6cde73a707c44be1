import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedBetween, countersOf } from './request-counts.ts';
import { flagsText } from './response-flags.ts';

const line = (code: number, flags: string, count: number, reporter = 'source'): string =>
  `envoy_istio_requests_total{reporter="${reporter}",destination_workload="web",destination_workload_namespace="shop",` +
  `connection_security_policy="mutual_tls",response_code="${code}",response_flags="${flags}"} ${count}`;

test('what was counted between two looks', () => {
  const before = countersOf(`# TYPE\n${line(200, '-', 3)}\n`);
  const after = countersOf([line(200, '-', 4), line(503, 'UH', 1), line(200, '-', 1, 'destination')].join('\n'));
  assert.deepEqual(countedBetween(before, after), [
    { reporter: 'source', status: 200, workload: 'shop/web', count: 1 },
    { reporter: 'source', status: 503, flags: 'UH', says: flagsText('UH'), workload: 'shop/web', count: 1 },
    { reporter: 'destination', status: 200, workload: 'shop/web', mtls: true, count: 1 },
  ]);
  assert.deepEqual(countedBetween(after, after), []);
});

test('flags in words', () => {
  assert.equal(flagsText('-'), '');
  assert.match(flagsText('UF,URX'), /^UF: .*; URX: .*retries/);
  assert.match(flagsText('ZZ'), /^ZZ: a flag/);
});
