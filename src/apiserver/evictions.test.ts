import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, PodDisruptionBudgets, Pods } from '../api/index.ts';
import { NS, refused, world } from './testing.ts';

async function cluster(budget: object | undefined, ready = 'True') {
  const w = await world();
  const labels = { app: 'web' };
  for (const name of ['p1', 'p2']) {
    const made = await w.client.create(Pods, {
      metadata: { name, namespace: NS, labels },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    });
    await w.client.update(
      Pods,
      { ...made, status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] } },
      { subresource: 'status' },
    );
  }
  if (budget) {
    const made = await w.client.create(PodDisruptionBudgets, {
      metadata: { name: 'b', namespace: NS },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    });
    const status = { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2, ...budget };
    await w.client.update(PodDisruptionBudgets, { ...made, status }, { subresource: 'status' });
  }
  const evict = (name: string, dryRun = false) =>
    w.registry.create(
      w.at(Pods, name, 'eviction'),
      { value: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name, namespace: NS } } },
      { dryRun },
    );
  const leaving = async (name: string) => Boolean((await w.client.get(Pods, { namespace: NS, name }))?.metadata?.deletionTimestamp);
  return { ...w, evict, leaving };
}

test('a budget is charged for each eviction, and an empty one forbids it with 429 and the reason', async () => {
  const { client, evict, leaving } = await cluster({});
  await evict('p1', true);
  assert.equal(await leaving('p1'), false);
  await evict('p1');
  assert.equal(await leaving('p1'), true);
  const { status } = (await client.get(PodDisruptionBudgets, { namespace: NS, name: 'b' }))!;
  assert.deepEqual([status?.disruptionsAllowed, Object.keys(status?.disruptedPods ?? {})], [0, ['p1']]);
  await assert.rejects(evict('p2'), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual(
      [error.code, error.message, error.details?.causes],
      [
        429,
        "Cannot evict pod as it would violate the pod's disruption budget.",
        [{ reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 2 currently' }],
      ],
    );
    return true;
  });
  assert.equal(await leaving('p2'), false);
  await evict('p1');
});

test('which pods a budget protects', async () => {
  const exhausted = { disruptionsAllowed: 0 };
  await assert.rejects(
    (await cluster({ ...exhausted, observedGeneration: 0 })).evict('p1'),
    (e) => e instanceof ApiError && e.details?.retryAfterSeconds === 10,
  );
  const sick = await cluster({ ...exhausted, currentHealthy: 1 }, 'False');
  await sick.evict('p1');
  assert.equal(await sick.leaving('p1'), true, 'one that is not ready, when there are enough without it');
  await assert.rejects((await cluster({ ...exhausted, currentHealthy: 0 }, 'False')).evict('p1'), refused('TooManyRequests'));
  const free = await cluster(undefined);
  await free.evict('p1');
  assert.equal(await free.leaving('p1'), true);
  const two = await cluster({});
  await two.client.create(PodDisruptionBudgets, {
    metadata: { name: 'c', namespace: NS },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await assert.rejects(two.evict('p1'), refused('InternalError', /more than one PodDisruptionBudget/));
  await assert.rejects(free.evict('nobody'), refused('NotFound'));
});
