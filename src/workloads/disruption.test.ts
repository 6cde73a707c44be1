import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1.js';
import { PodDisruptionBudgets, Pods, ReplicaSets, Deployments } from '../api/index.ts';
import { decideBudget, type ScaleOf } from './disruption-decide.ts';
import { disruptionController } from './disruption.ts';
import { testWorld } from './testing.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const pod = (name: string, ready = true, more: Partial<Pod> = {}): Pod => ({
  metadata: { namespace: 'a', name, labels: { app: 'web' } },
  spec: { containers: [] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  ...more,
});
const ofFour: ScaleOf = () => ({ uid: 'rs', replicas: 4 });

test('what a budget allows', () => {
  const four = ['p1', 'p2', 'p3', 'p4'].map((name) => pod(name));
  const oneSick = [pod('p1', false), ...four.slice(1)];
  const table: [string, PodDisruptionBudgetSpec, Pod[], ScaleOf, [number, number, number, number]][] = [
    ['a number to keep', { minAvailable: 3 }, four, ofFour, [4, 4, 3, 1]],
    ['a number to keep, of what is there', { minAvailable: 3 }, four.slice(1), ofFour, [3, 3, 3, 0]],
    ['a share to keep is rounded up', { minAvailable: '51%' }, four, ofFour, [4, 4, 3, 1]],
    ['a number to lose', { maxUnavailable: 1 }, oneSick, ofFour, [4, 3, 3, 0]],
    ['a share to lose is rounded up', { maxUnavailable: '30%' }, four, ofFour, [4, 4, 2, 2]],
    ['none may go', { maxUnavailable: 0 }, four, ofFour, [4, 4, 4, 0]],
    ['pods that nobody controls do not count towards a share', { maxUnavailable: 1 }, four, () => undefined, [0, 4, 0, 0]],
    ['those that have ended are none', { minAvailable: 1 }, [pod('x', true, { status: { phase: 'Succeeded' } })], ofFour, [0, 0, 1, 0]],
  ];
  for (const [name, spec, pods, scaleOf, want] of table) {
    const { status } = decideBudget({ metadata: { generation: 2 }, spec }, pods, scaleOf, NOW);
    const { expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed, observedGeneration, conditions } = status;
    assert.deepEqual([expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed], want, name);
    assert.equal(observedGeneration, 2);
    assert.deepEqual(
      conditions?.map((c) => [c.type, c.status, c.reason]),
      [disruptionsAllowed > 0 ? ['DisruptionAllowed', 'True', 'SufficientPods'] : ['DisruptionAllowed', 'False', 'InsufficientPods']],
      name,
    );
  }
  const { status } = decideBudget({ spec: { maxUnavailable: 1 } }, four, () => ({ failure: 'no scale' }), NOW);
  assert.deepEqual(
    [status.disruptionsAllowed, status.conditions?.[0]?.reason, status.conditions?.[0]?.message],
    [0, 'SyncFailed', 'no scale'],
  );
});

test('an evicted pod counts as gone until it goes, or two minutes have passed', () => {
  const pods = [pod('p1'), pod('p2')];
  const at = (seconds: number) => ({ p1: new Date(NOW - seconds * 1000).toISOString() });
  const decide = (seconds: number, some = pods) =>
    decideBudget(
      {
        spec: { minAvailable: 1 },
        status: { disruptedPods: at(seconds), currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 2 },
      },
      some,
      ofFour,
      NOW,
    );
  assert.deepEqual([decide(20).status.currentHealthy, decide(20).status.disruptedPods, decide(20).after], [1, at(20), 100_000]);
  assert.deepEqual([decide(120).status.currentHealthy, decide(120).status.disruptedPods, decide(120).after], [2, undefined, undefined]);
  assert.equal(decide(20, [pods[1]!]).status.disruptedPods, undefined);
});

test('the controller counts what the Deployment behind the pods wants', async () => {
  const w = testWorld();
  w.start(disruptionController(w.world));
  const key = { namespace: 'a', name: 'web' };
  const deployment = w.api.seed(Deployments, { metadata: key, spec: { replicas: 2, selector: {}, template: {} } });
  const ownedBy = (kind: string, uid = '') => ({
    ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'web', uid, controller: true }],
  });
  const set = w.api.seed(ReplicaSets, {
    metadata: { ...key, ...ownedBy('Deployment', deployment.metadata?.uid) },
    spec: { replicas: 5, selector: {} },
  });
  await w.api.create(PodDisruptionBudgets, { metadata: key, spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } } });
  for (const name of ['p1', 'p2']) {
    w.api.seed(Pods, {
      ...pod(name),
      metadata: { namespace: 'a', name, labels: { app: 'web' }, ...ownedBy('ReplicaSet', set.metadata?.uid) },
    });
  }
  await w.clock.advance(1000);
  const allowed = async () => {
    const { expectedPods, disruptionsAllowed } = (await w.api.get(PodDisruptionBudgets, key))!.status!;
    return [expectedPods, disruptionsAllowed];
  };
  assert.deepEqual(await allowed(), [2, 1]);
  await w.api.delete(Pods, { namespace: 'a', name: 'p1' }, { gracePeriodSeconds: 0 });
  await w.clock.advance(1000);
  assert.deepEqual(await allowed(), [2, 0]);
  await w.stop();
});
