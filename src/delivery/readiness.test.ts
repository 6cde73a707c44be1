import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.js';
import { daemonSetReadiness, deploymentReadiness } from './readiness.ts';

const RULE = { percent: 100, deadlineMs: 60_000, since: 0, now: 30_000 };
const LATE = { ...RULE, now: 61_000 };

const deployment = (status: object, { generation = 1, replicas = 2 } = {}): Deployment =>
  ({ metadata: { name: 'podinfo-primary', generation }, spec: { replicas }, status: { observedGeneration: 1, ...status } }) as Deployment;
const READY = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
const UNAVAILABLE = { type: 'Available', status: 'False', lastUpdateTime: new Date(0).toISOString() };
const STUCK = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };

test('a Deployment, in the words of events', () => {
  const table: [Deployment, typeof RULE, string][] = [
    [deployment(READY), RULE, 'ready'],
    [deployment(READY, { generation: 2 }), RULE, 'waiting: observed deployment generation less than desired generation'],
    [deployment({ ...READY, conditions: [STUCK] }), RULE, 'failed: deployment "podinfo-primary" exceeded its progress deadline'],
    [
      deployment({ replicas: 2, updatedReplicas: 1 }),
      RULE,
      'waiting: waiting for rollout to finish: 1 out of 2 new replicas have been updated',
    ],
    [deployment({ ...READY, replicas: 5 }), RULE, 'waiting: waiting for rollout to finish: 3 old replicas are pending termination'],
    [
      deployment({ ...READY, availableReplicas: 1 }),
      RULE,
      'waiting: waiting for rollout to finish: 1 of 2 (readyThreshold 100%) updated replicas are available',
    ],
    [deployment({ ...READY, availableReplicas: 1 }), { ...RULE, percent: 50 }, 'ready'],
    [deployment({ ...READY, availableReplicas: 1 }), { ...RULE, percent: 99 }, 'ready'],
    [
      deployment({ ...READY, availableReplicas: 0 }),
      { ...RULE, percent: 50 },
      'waiting: waiting for rollout to finish: 0 of 2 (readyThreshold 50%) updated replicas are available',
    ],
    [
      deployment({ ...READY, availableReplicas: 1, conditions: [UNAVAILABLE] }),
      LATE,
      'failed: waiting for rollout to finish: 1 of 2 (readyThreshold 100%) updated replicas are available',
    ],
    [
      deployment({ ...READY, availableReplicas: 1, conditions: [UNAVAILABLE] }, { generation: 2 }),
      LATE,
      'waiting: observed deployment generation less than desired generation',
    ],
    [deployment({}, { replicas: 0 }), LATE, 'ready'],
  ];
  for (const [object, rule, want] of table) assert.equal(told(deploymentReadiness(object, rule)), want);
});

test('a DaemonSet, in the words of events', () => {
  const daemonSet = (status: object | undefined, generation = 1): DaemonSet =>
    ({ metadata: { generation }, status: status && { observedGeneration: 1, desiredNumberScheduled: 4, ...status } }) as DaemonSet;
  const table: [DaemonSet, typeof RULE, string][] = [
    [daemonSet({ updatedNumberScheduled: 4, numberAvailable: 4 }), RULE, 'ready'],
    [daemonSet(undefined), LATE, 'waiting: observed daemonset generation less than desired generation'],
    [daemonSet({}, 2), LATE, 'waiting: observed daemonset generation less than desired generation'],
    [daemonSet({ updatedNumberScheduled: 3 }), RULE, 'waiting: waiting for rollout to finish: 3 out of 4 new pods have been updated'],
    [daemonSet({ updatedNumberScheduled: 3 }), LATE, 'failed: waiting for rollout to finish: 3 out of 4 new pods have been updated'],
    [
      daemonSet({ updatedNumberScheduled: 4, numberAvailable: 3 }),
      RULE,
      'waiting: waiting for rollout to finish: 3 of 4 (readyThreshold 100%) updated pods are available',
    ],
    [daemonSet({ updatedNumberScheduled: 4, numberAvailable: 3 }), { ...RULE, percent: 75 }, 'ready'],
  ];
  for (const [object, rule, want] of table) assert.equal(told(daemonSetReadiness(object, rule)), want);
});

const told = (r: ReturnType<typeof deploymentReadiness>): string => (r.state === 'ready' ? r.state : `${r.state}: ${r.message}`);
