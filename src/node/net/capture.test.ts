import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureTable } from './capture.ts';
import type { Capture } from './types.ts';

const none: Capture = { excludeInboundPorts: [], includeOutboundPorts: [], excludeOutboundPorts: [], excludeOutboundCidrs: [] };
const ruleCounts = (c: Capture): number[] => captureTable(c).chains.map((chain) => chain.rules.length);

test('each exclusion is a rule before the redirect, each inclusion a redirect of its own', () => {
  assert.deepEqual(ruleCounts(none), [7, 6]);
  assert.deepEqual(ruleCounts({ ...none, excludeInboundPorts: [8081, 8082] }), [9, 6]);
  assert.deepEqual(ruleCounts({ ...none, excludeOutboundPorts: [3306], excludeOutboundCidrs: ['10.1.0.0/16'] }), [7, 8]);
  assert.deepEqual(ruleCounts({ ...none, includeOutboundCidrs: ['10.1.0.0/16', '10.2.0.0/16'] }), [7, 7]);
  assert.deepEqual(ruleCounts({ ...none, includeOutboundCidrs: [], includeOutboundPorts: [443] }), [7, 6]);
  assert.deepEqual(ruleCounts({ ...none, includeOutboundCidrs: [], includeInboundPorts: [] }), [6, 5]);
  assert.deepEqual(ruleCounts({ ...none, includeInboundPorts: [80, 81] }), [8, 6]);
});

test('a range that is none is said', () => {
  assert.throws(() => captureTable({ ...none, excludeOutboundCidrs: ['10.1.0.0/40'] }), {
    code: 'BadCidr',
    message: '"10.1.0.0/40" is not an IPv4 range',
  });
});
