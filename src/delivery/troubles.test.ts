import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Event, Pod } from 'kubernetes-types/core/v1.js';
import { Events, Pods } from '../api/index.ts';
import { NS, world } from './testing/world.ts';
import { troublesOf, troubleText } from './troubles.ts';

const container = (more: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'app',
  image: 'app:1',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...more,
});
const pod = (name: string, status: Partial<ContainerStatus>, creationTimestamp = '2026-01-01T00:00:00Z'): Pod => ({
  metadata: { name, namespace: NS, creationTimestamp, labels: { app: 'podinfo' } },
  status: { containerStatuses: [container(status)] },
});
const probeEvent = (name: string, message: string): Event => ({
  metadata: { name: `${name}.1`, namespace: NS },
  involvedObject: { kind: 'Pod', name, fieldPath: 'spec.containers{app}' },
  reason: 'Unhealthy',
  message,
});

test('what keeps a pod from being ready, in one sentence', () => {
  const oom = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
  const table: [Partial<ContainerStatus>, string[]][] = [
    [{ state: { waiting: { reason: 'ContainerCreating' } } }, []],
    [{ ready: true, state: { running: {} } }, []],
    [
      { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1"' } } },
      ['container app of pod p: ImagePullBackOff (Back-off pulling image "app:1")'],
    ],
    [
      { restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: oom },
      ['container app of pod p: CrashLoopBackOff (last ended with OOMKilled, exit code 137)'],
    ],
    [
      { ready: true, restartCount: 1, state: { running: {} }, lastState: oom },
      ['container app of pod p: OOMKilled (last ended with OOMKilled, exit code 137)'],
    ],
    [{ state: { terminated: { exitCode: 2 } } }, ['container app of pod p: Error (last ended with Error, exit code 2)']],
    [{ state: { running: {} } }, ['container app of pod p: Unhealthy (Readiness probe failed: HTTP probe failed with statuscode: 500)']],
  ];
  const events = [probeEvent('other', 'no'), probeEvent('p', 'Readiness probe failed: HTTP probe failed with statuscode: 500')];
  for (const [status, want] of table) assert.deepEqual(troublesOf([pod('p', status)], events).map(troubleText), want);
  const pending: Pod = {
    metadata: { name: 'p' },
    status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' }] },
  };
  assert.deepEqual(troublesOf([pending], []).map(troubleText), ['pod p: Unschedulable (no room)']);
});

test('one of a kind, of the newest pod', () => {
  const waiting = { state: { waiting: { reason: 'ErrImagePull' } } };
  assert.deepEqual(troublesOf([pod('old', waiting), pod('new', waiting, '2026-01-02T00:00:00Z')], []), [
    { pod: 'new', container: 'app', reason: 'ErrImagePull' },
  ]);
});

test('a release that ends for its pods says so in events, evidence and the reason of its end', async () => {
  const w = await world({ spec: { progressDeadlineSeconds: 20 } });
  await w.reach('Initialized');
  const waiting = pod('podinfo-x', { state: { running: {} } });
  const made = await w.client.create(Pods, { ...waiting, spec: { containers: [] } });
  await w.client.update(Pods, { ...made, status: waiting.status! }, { subresource: 'status' });
  await w.client.create(Events, probeEvent('podinfo-x', 'Readiness probe failed: connection refused'));
  w.broken.add('podinfo:2');
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  const { evidence = [], history = [] } = (await w.canary()).status ?? {};
  assert.deepEqual(evidence.at(-1)?.pods, [
    { pod: 'podinfo-x', container: 'app', reason: 'Unhealthy', message: 'Readiness probe failed: connection refused' },
  ]);
  const sentence = 'podinfo.test container app of pod podinfo-x: Unhealthy (Readiness probe failed: connection refused)';
  assert.ok((await w.events()).includes(sentence), (await w.events()).join('\n'));
  assert.match(history.at(-1)?.reason ?? '', /progress deadline exceeded/);
  w.stop();
});
