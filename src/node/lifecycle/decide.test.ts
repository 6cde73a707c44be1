import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../objects.ts';
import { decide, type Records } from './decide.ts';
import type { ContainerRecord } from './restart.ts';
import { phaseOf, podStatus } from './status.ts';

const NOW = 1_000_000;
const running = (ready = true, started = true): ContainerRecord => ({
  phase: 'running',
  attempt: 0,
  startedAt: NOW,
  backoff: 0,
  started,
  ready,
});
const ended = (exitCode = 0): ContainerRecord => ({
  phase: 'ended',
  attempt: 0,
  end: { attempt: 0, exitCode, startedAt: NOW, finishedAt: NOW },
});
const waiting = (notBefore: number, attempt = 1): ContainerRecord => ({ phase: 'waiting', attempt, notBefore, backoff: 10_000 });

/** A meshed pod that was told to go at `at`, with a grace in seconds. */
function leavingSince(at: number, grace: number): Pod {
  const p = pod({ apps: ['a', 'istio-proxy'] });
  return {
    ...p,
    metadata: { ...p.metadata, deletionTimestamp: new Date(at + grace * 1000).toISOString(), deletionGracePeriodSeconds: grace },
  };
}

function pod(names: { init?: string[]; sidecars?: string[]; apps: string[] }, deleted = false): Pod {
  const inits = [
    ...(names.sidecars ?? []).map((name) => ({ name, restartPolicy: 'Always' })),
    ...(names.init ?? []).map((name) => ({ name })),
  ];
  return {
    metadata: { name: 'p', namespace: 'n', uid: 'u', ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { initContainers: inits, containers: names.apps.map((name) => ({ name })) },
  };
}

const impatient: Pod = {
  ...pod({ apps: ['a', 'istio-proxy'] }),
  metadata: { annotations: { 'proxy.istio.io/config': 'holdApplicationUntilProxyStarts: false' } },
};

const cases: [what: string, Pod, Records, { start?: string[]; stop?: string[]; gone?: boolean; wakeAt?: number }][] = [
  ['all apps at once', pod({ apps: ['a', 'b'] }), {}, { start: ['a', 'b'] }],
  ['init containers first, one by one', pod({ init: ['i', 'j'], apps: ['a'] }), {}, { start: ['i'] }],
  ['the next when one is done', pod({ init: ['i', 'j'], apps: ['a'] }), { i: ended() }, { start: ['j'] }],
  ['apps when all are', pod({ init: ['i'], apps: ['a'] }), { i: ended() }, { start: ['a'] }],
  ['a sidecar has to have started', pod({ sidecars: ['s'], apps: ['a'] }), { s: running(false, false) }, {}],
  ['and only that', pod({ sidecars: ['s'], apps: ['a'] }), { s: running(false, true) }, { start: ['a'] }],
  ['the proxy alone at first', pod({ apps: ['a', 'istio-proxy'] }), {}, { start: ['istio-proxy'] }],
  ['nothing while it is not ready', pod({ apps: ['a', 'istio-proxy'] }), { 'istio-proxy': running(false) }, {}],
  ['apps once it is', pod({ apps: ['a', 'istio-proxy'] }), { 'istio-proxy': running() }, { start: ['a'] }],
  ['all at once where nobody is to wait', impatient, {}, { start: ['istio-proxy', 'a'] }],
  [
    'a restart does not wait for it',
    pod({ apps: ['a', 'istio-proxy'] }),
    { a: waiting(NOW), 'istio-proxy': running(false) },
    { start: ['a'] },
  ],
  ['back-off', pod({ apps: ['a'] }), { a: waiting(NOW + 5) }, { wakeAt: NOW + 5 }],
  ['sidecars go when the apps are done', pod({ sidecars: ['s'], apps: ['a'] }), { s: running(), a: ended() }, { stop: ['s'] }],
  [
    'on the way out: apps before the proxy',
    pod({ apps: ['a', 'istio-proxy'] }, true),
    { a: running(), 'istio-proxy': running() },
    { stop: ['a'] },
  ],
  [
    'a meshed pod goes on serving until its peers know',
    leavingSince(NOW - 400, 30),
    { a: running(), 'istio-proxy': running() },
    { wakeAt: NOW + 1100 },
  ],
  ['and then stops', leavingSince(NOW - 1500, 30), { a: running(), 'istio-proxy': running() }, { stop: ['a'] }],
  ['unless it is to end at once', leavingSince(NOW - 400, 1), { a: running(), 'istio-proxy': running() }, { stop: ['a'] }],
  ['then the proxy', pod({ apps: ['a', 'istio-proxy'] }, true), { a: ended(), 'istio-proxy': running() }, { stop: ['istio-proxy'] }],
  ['then sidecars', pod({ sidecars: ['s'], apps: ['a'] }, true), { s: running(), a: ended() }, { stop: ['s'] }],
  ['then nothing', pod({ apps: ['a'] }, true), { a: ended() }, { gone: true }],
  ['never started', pod({ apps: ['a'] }, true), {}, { gone: true }],
];

for (const [what, object, records, expected] of cases) {
  test(`decide: ${what}`, () => {
    assert.deepEqual(decide(object, records, NOW), { start: [], stop: [], gone: false, wakeAt: undefined, ...expected });
  });
}

const serving: Records = { a: running(), 'istio-proxy': running() };
const drain: [what: string, since: number, grace: number, heardAt: number | undefined, { stop?: string[]; wakeAt?: number }][] = [
  ['its proxy is asked again', 200, 30, NOW, { wakeAt: NOW + 250 }],
  ['quiet, but its peers may not know yet', 1300, 30, NOW - 1200, { wakeAt: NOW + 200 }],
  ['it was heard a moment ago', 3000, 30, NOW - 100, { wakeAt: NOW + 250 }],
  ['it is about to be quiet', 3000, 30, NOW - 900, { wakeAt: NOW + 100 }],
  ['quiet', 3000, 30, NOW - 1000, { stop: ['a'] }],
  ['still asked, but it has had its time', 10_000, 30, NOW, { stop: ['a'] }],
  ['or half of it', 5000, 10, NOW, { stop: ['a'] }],
  ['its proxy says nothing', 1500, 30, undefined, { stop: ['a'] }],
];

for (const [what, since, grace, heardAt, expected] of drain) {
  test(`drain: ${what}`, () => {
    const decided = decide(leavingSince(NOW - since, grace), serving, NOW, heardAt);
    assert.deepEqual(decided, { start: [], stop: [], gone: false, wakeAt: undefined, ...expected });
  });
}

test('phases', () => {
  const two = pod({ apps: ['a', 'b'] });
  const table: [Records, string][] = [
    [{}, 'Pending'],
    [{ a: running() }, 'Pending'],
    [{ a: running(), b: running() }, 'Running'],
    [{ a: running(), b: waiting(0) }, 'Running'],
    [{ a: ended(), b: ended() }, 'Succeeded'],
    [{ a: ended(), b: ended(3) }, 'Failed'],
  ];
  for (const [records, phase] of table) assert.equal(phaseOf(two, records), phase, JSON.stringify(records));
  assert.equal(phaseOf(pod({ init: ['i'], apps: ['a'] }), { i: ended(1) }), 'Failed');
});

test('status: conditions keep their times while they do not change, and back-off is told', () => {
  const object = pod({ apps: ['a'] });
  const inputs = { podIP: '10.244.0.2', hostIP: '10.244.0.1', startTime: NOW };
  const first = podStatus(object, { ...inputs, records: { a: running() } }, NOW);
  const later = podStatus({ ...object, status: first }, { ...inputs, records: { a: running() } }, NOW + 60_000);
  assert.deepEqual(later, first);
  const last = { attempt: 0, exitCode: 7, startedAt: NOW, finishedAt: NOW };
  const crashed: ContainerRecord = { phase: 'waiting', attempt: 1, notBefore: NOW + 10_000, backoff: 20_000, last };
  const status = podStatus({ ...object, status: first }, { ...inputs, records: { a: crashed } }, NOW + 60_000);
  assert.equal(status.containerStatuses![0]!.state!.waiting!.message, 'back-off 10s restarting failed container=a pod=p_n(u)');
  assert.equal(status.containerStatuses![0]!.lastState!.terminated!.exitCode, 7);
  const ready = status.conditions!.find((c) => c.type === 'Ready')!;
  assert.deepEqual([ready.status, ready.message], ['False', 'containers with unready status: [a]']);
  assert.notEqual(ready.lastTransitionTime, first.conditions!.find((c) => c.type === 'Ready')!.lastTransitionTime);
});
