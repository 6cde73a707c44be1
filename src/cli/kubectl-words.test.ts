import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsNoCluster } from './kubectl-words.ts';

test('what works without a cluster is not refused for want of one', () => {
  const table: [string, boolean][] = [
    ['', true],
    ['help get', true],
    ['get --help', true],
    ['get -h', true],
    ['version --client', true],
    ['completion bash', true],
    ['config view', true],
    ['get pods', false],
    ['version', false],
    ['exec pod -- curl --help', false],
    ['apply -f completion', false],
  ];
  for (const [line, expected] of table) assert.equal(needsNoCluster(line.split(' ').filter(Boolean)), expected, line);
});
