import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceNamed } from './cluster-address.ts';

test('names of services', () => {
  const tester = { namespace: 'test', name: 'flagger-loadtester' };
  const table: [string, unknown][] = [
    ['flagger-loadtester.test', tester],
    ['flagger-loadtester.test.svc', tester],
    ['flagger-loadtester.test.svc.cluster.local', tester],
    ['flagger-loadtester', undefined],
    ['flagger-loadtester.test.svc.example.org', undefined],
    ['a.b.c', undefined],
    ['127.0.0.1', undefined],
    ['', undefined],
  ];
  for (const [host, expected] of table) assert.deepEqual(serviceNamed(host), expected, host);
});
