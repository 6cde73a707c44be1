import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../base/index.ts';
import type { Container, Probe } from '../objects.ts';
import { ProbeRunner } from './probe-runner.ts';

/** Runs probes whose action succeeds while `up` says so; what happened, with seconds since the start. */
async function watch(probes: Partial<Container>, up: (seconds: number, probe: string) => boolean, seconds: number): Promise<string[]> {
  const clock = new VirtualClock(0);
  const seen: string[] = [];
  const say = (what: string): void => void seen.push(`${Number((clock.now() / 1000).toFixed(1))} ${what}`);
  const runner = new ProbeRunner({
    clock,
    prober: { run: async (_target, action) => ({ ok: up(clock.now() / 1000, action.exec!.command![0]!), message: 'down' }) },
    target: { ref: { uid: 'u', container: 'c', attempt: 0 }, podIP: '', ports: new Map() },
    listener: {
      started: () => say('started'),
      ready: (ready) => say(ready ? 'ready' : 'not ready'),
      unhealthy: (kind) => say(`${kind} failed once`),
      failed: (kind) => say(`${kind} failed`),
    },
  });
  runner.start({ name: 'c', ...probes }, false);
  await clock.advance(seconds * 1000);
  runner.stop();
  return seen;
}

const probe = (kind: string, more: Partial<Probe> = {}): Probe => ({
  exec: { command: [kind] },
  periodSeconds: 10,
  failureThreshold: 2,
  ...more,
});

test('no readiness probe: ready at once', async () => {
  assert.deepEqual(await watch({}, () => true, 1), ['0 ready']);
});

test('a container that comes up is ready soon, though its period is long', async () => {
  assert.deepEqual(await watch({ readinessProbe: probe('r') }, (s) => s >= 3, 9), ['0 Readiness failed once', '3 ready']);
});

test('readiness is lost after the threshold, and comes back', async () => {
  const seen = await watch({ readinessProbe: probe('r') }, (s) => s < 15 || s > 45, 60);
  assert.deepEqual(seen, [
    '0 ready',
    '20 Readiness failed once',
    '30 Readiness failed once',
    '30 not ready',
    '40 Readiness failed once',
    '50 ready',
  ]);
});

test('liveness waits for startup, and restarts after the threshold', async () => {
  const seen = await watch(
    { startupProbe: probe('s', { periodSeconds: 1, failureThreshold: 30 }), livenessProbe: probe('l') },
    (s, p) => (p === 's' ? s >= 2 : s < 5),
    60,
  );
  assert.deepEqual(seen, [
    '0 Startup failed once',
    '1 Startup failed once',
    '2 started',
    '2 ready',
    '12 Liveness failed once',
    '22 Liveness failed once',
    '22 Liveness failed',
  ]);
});

test('a startup that takes too long restarts', async () => {
  const seen = await watch({ startupProbe: probe('s') }, () => false, 60);
  assert.deepEqual(seen, ['0 Startup failed once', '10 Startup failed once', '10 Startup failed']);
});
