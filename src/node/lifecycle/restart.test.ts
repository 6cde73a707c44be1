import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerStep, NEW_CONTAINER, restarts, type ContainerRecord } from './restart.ts';

const NOW = 1_000_000;
const begin = (record: ContainerRecord, at: number): ContainerRecord =>
  containerStep(record, { type: 'started', at, hasStartupProbe: false, hasReadinessProbe: false }, at);
const end = (record: ContainerRecord, startedAt: number, finishedAt: number, restart = true): ContainerRecord =>
  containerStep(record, { type: 'exited', end: { exitCode: 1, startedAt, finishedAt }, restart }, finishedAt);

test('a crashing container waits 0, 10, 20, 40 ... 300 s', () => {
  let record: ContainerRecord = NEW_CONTAINER;
  let now = NOW;
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) {
    record = end(begin(record, now), now, now + 100);
    assert.equal(record.phase, 'waiting');
    delays.push((record.phase === 'waiting' ? record.notBefore : 0) - (now + 100));
    now += 1_000_000;
  }
  assert.deepEqual(delays, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  assert.equal(record.attempt, 8);
});

test('a run of ten minutes ends the crash loop', () => {
  let record: ContainerRecord = NEW_CONTAINER;
  for (let i = 0; i < 4; i++) record = end(begin(record, NOW), NOW, NOW + 100);
  record = end(begin(record, NOW), NOW, NOW + 600_000);
  assert.equal(record.phase === 'waiting' && record.notBefore, NOW + 600_000);
});

test('a container that went down with the node is started at once, and owes nothing', () => {
  let record: ContainerRecord = NEW_CONTAINER;
  for (let i = 0; i < 4; i++) record = end(begin(record, NOW), NOW, NOW + 100);
  const gone = containerStep(
    begin(record, NOW),
    { type: 'exited', end: { exitCode: 255, startedAt: NOW, finishedAt: NOW + 100 }, restart: true, lost: true },
    NOW + 100,
  );
  assert.equal(gone.phase === 'waiting' && gone.notBefore, NOW + 100);
  const crashed = end(begin(gone, NOW + 200), NOW + 200, NOW + 300);
  assert.equal(crashed.phase === 'waiting' && crashed.notBefore, NOW + 300);
});

test('what cannot be configured is tried again soon, what cannot be pulled later and later', () => {
  const refuse = (reason: 'CreateContainerConfigError' | 'ErrImagePull', record: ContainerRecord): number => {
    const next = containerStep(record, { type: 'refused', why: { reason, message: '' } }, NOW);
    return next.phase === 'waiting' ? next.notBefore - NOW : -1;
  };
  assert.equal(refuse('CreateContainerConfigError', NEW_CONTAINER), 1000);
  assert.equal(refuse('ErrImagePull', NEW_CONTAINER), 10_000);
  assert.equal(refuse('ErrImagePull', { phase: 'waiting', attempt: 0, notBefore: 0, backoff: 10_000 }), 20_000);
});

test('readiness waits for the startup probe, and for its own', () => {
  const started = (startup: boolean, readiness: boolean): ContainerRecord =>
    containerStep(NEW_CONTAINER, { type: 'started', at: NOW, hasStartupProbe: startup, hasReadinessProbe: readiness }, NOW);
  const shown = (r: ContainerRecord): unknown => r.phase === 'running' && [r.started, r.ready];
  assert.deepEqual(shown(started(false, false)), [true, true]);
  assert.deepEqual(shown(started(false, true)), [true, false]);
  assert.deepEqual(shown(started(true, false)), [false, false]);
  assert.deepEqual(shown(containerStep(started(true, true), { type: 'startup-passed' }, NOW)), [true, false]);
});

test('events that do not fit change nothing', () => {
  const running = begin(NEW_CONTAINER, NOW);
  const ended = end(running, NOW, NOW + 1, false);
  assert.equal(begin(running, NOW), running);
  assert.equal(containerStep(ended, { type: 'readiness', ready: true }, NOW), ended);
  assert.equal(end(ended, NOW, NOW), ended);
});

test('restart policies', () => {
  const table: [string | undefined, number, boolean][] = [
    [undefined, 0, true],
    ['Always', 0, true],
    ['OnFailure', 0, false],
    ['OnFailure', 2, true],
    ['Never', 2, false],
  ];
  for (const [policy, code, expected] of table) assert.equal(restarts(policy, code), expected, `${policy} ${code}`);
});
