import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flaggerMetrics, ownPage } from './own-pages.ts';

const metrics = flaggerMetrics('istio');
const ask = (path: string): [status: number, text: string] => {
  const { status, body } = ownPage(new URL(path, 'http://own'), () => metrics.text());
  return [status, String(body)];
};

test('alive, and counted: for people and for what collects', () => {
  assert.deepEqual(ask('/healthz'), [200, 'OK']);
  assert.match(ask('/metrics')[1], /^flagger_info\{version="[^"]+",mesh_provider="istio"\} 1$/m);
  assert.deepEqual(ask('/stats?format=prometheus'), ask('/metrics'));
  assert.match(ask('/')[1], /healthz and \/metrics/);
  assert.equal(ask('/')[0], 404);
});
