import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedRequest } from '../../xds/index.ts';
import { rememberBad } from './bad-requests.ts';

const request = (more: Partial<LoggedRequest>): LoggedRequest => ({
  cluster: 'outbound|9898||podinfo-canary.test.svc.cluster.local',
  id: 'a',
  time: 1000,
  method: 'GET',
  path: '/',
  status: 500,
  grpcStatus: undefined,
  detail: 'via_upstream',
  durationMs: 12,
  ...more,
});
const ids = (service: string, since: number, ...requests: LoggedRequest[]): string[] => {
  const log = rememberBad();
  requests.forEach(log.note);
  return log.bad(service, since, 500).map((r) => r.id);
};
const CANARY = 'podinfo-canary.test';

test('the last few of each service are remembered', () => {
  const log = rememberBad();
  log.note(request({}));
  assert.deepEqual(log.bad(CANARY, 0, 500), [
    { id: 'a', time: '1970-01-01T00:00:01Z', request: 'GET /', status: 500, detail: 'via_upstream', ms: 12 },
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
  const log = rememberBad();
  log.note(request({ id: 'x'.repeat(9999), path: `/${'y'.repeat(9999)}` }));
  const [one] = log.bad(CANARY, 0, 500);
  assert.deepEqual([one?.id.length, one?.request.length], [200, 200]);
});

test('of many services those are forgotten that failed longest ago', () => {
  const log = rememberBad();
  const to = (name: string): LoggedRequest => request({ cluster: `outbound|80||${name}.test.svc.cluster.local` });
  for (let i = 0; i < 300; i++) {
    log.note(to('first'));
    log.note(to(`s${i}`));
  }
  const known = (name: string): boolean => log.bad(`${name}.test`, 0, 500).length > 0;
  assert.deepEqual([known('first'), known('s0'), known('s44'), known('s45'), known('s299')], [true, false, false, true, true]);
});

test('what is only slow comes after what failed, and counts from the time that is allowed', () => {
  const slow = (id: string, durationMs: number): LoggedRequest => request({ id, status: 200, durationMs });
  const log = rememberBad();
  [slow('a', 600), slow('b', 900), request({ id: 'c' }), request({ id: 'd', status: 0, durationMs: 3000 })].forEach(log.note);
  const named = (slowMs: number): string =>
    log
      .bad(CANARY, 0, slowMs)
      .map((r) => r.id)
      .join('');
  assert.deepEqual([named(500), named(700), named(Infinity)], ['cdab', 'cdb', 'cd']);
  for (let i = 0; i < 20; i++) log.note(slow('s', 1000));
  assert.equal(named(500), 'cdsss');
});

test('gRPC fails with a good status of HTTP: by the statuses that are the fault of the server', () => {
  const log = rememberBad();
  const grpc = (id: string, grpcStatus: number | undefined, durationMs = 3): LoggedRequest =>
    request({ id, status: 200, grpcStatus, durationMs });
  // INTERNAL; NOT_FOUND and OK are told of for being slow.
  [grpc('a', 13, 900), grpc('b', 5, 600), grpc('c', 0, 700)].forEach(log.note);
  assert.deepEqual(
    log.bad(CANARY, 0, 500).map((r) => [r.id, r.status, r.grpc]),
    [
      ['a', 200, 'INTERNAL'],
      ['b', 200, undefined],
      ['c', 200, undefined],
    ],
  );
  assert.deepEqual(
    log.bad(CANARY, 0, Infinity).map((r) => r.id),
    ['a'],
  );
});
