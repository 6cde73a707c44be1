import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedRequest } from '../../xds/index.ts';
import { rememberFailed } from './failed-requests.ts';

const request = (more: Partial<LoggedRequest>): LoggedRequest => ({
  cluster: 'outbound|9898||podinfo-canary.test.svc.cluster.local',
  id: 'a',
  time: 1000,
  method: 'GET',
  path: '/',
  status: 500,
  detail: 'via_upstream',
  ...more,
});
const ids = (service: string, since: number, ...requests: LoggedRequest[]): string[] => {
  const log = rememberFailed();
  requests.forEach(log.note);
  return log.failed(service, since).map((r) => r.id);
};
const CANARY = 'podinfo-canary.test';

test('the last few of each service are remembered', () => {
  const log = rememberFailed();
  log.note(request({}));
  assert.deepEqual(log.failed(CANARY, 0), [
    { id: 'a', time: '1970-01-01T00:00:01Z', request: 'GET /', status: 500, detail: 'via_upstream' },
  ]);
  const seven = Array.from({ length: 7 }, (_, i) => request({ id: String(i), time: 1000 * i }));
  assert.deepEqual(ids(CANARY, 0, ...seven), ['2', '3', '4', '5', '6']);
  assert.deepEqual(ids(CANARY, 5000, ...seven), ['5', '6']);
  assert.deepEqual(ids('podinfo-primary.test', 0, ...seven), []);
});

test('what leads to no service, or cannot be looked for, is left out; what is long is cut off', () => {
  const clusters = [
    '',
    'PassthroughCluster',
    'outbound|80||example.com',
    'inbound|9898||',
    'outbound|80|v2|podinfo-canary.test.svc.cluster.local',
  ];
  assert.deepEqual(ids(CANARY, 0, ...clusters.map((cluster, i) => request({ cluster, id: String(i) }))), ['4']);
  assert.deepEqual(ids(CANARY, 0, request({ id: '' })), []);
  const log = rememberFailed();
  log.note(request({ id: 'x'.repeat(9999), path: `/${'y'.repeat(9999)}` }));
  const [one] = log.failed(CANARY, 0);
  assert.deepEqual([one?.id.length, one?.request.length], [200, 200]);
});

test('of many services those are forgotten that failed longest ago', () => {
  const log = rememberFailed();
  const to = (name: string): LoggedRequest => request({ cluster: `outbound|80||${name}.test.svc.cluster.local` });
  for (let i = 0; i < 300; i++) {
    log.note(to('first'));
    log.note(to(`s${i}`));
  }
  const known = (name: string): boolean => log.failed(`${name}.test`, 0).length > 0;
  assert.deepEqual([known('first'), known('s0'), known('s44'), known('s45'), known('s299')], [true, false, false, true, true]);
});
