import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nodes, Pods } from '../../api/index.ts';
import { VirtualClock } from '../../base/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { isReady, markNodesDown } from './node-down.ts';

test('after it, nothing is said to be ready, and all else stays', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const ready = {
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
  };
  await client.create(Nodes, { metadata: { name: 'n' } });
  await client.patch(Nodes, { name: 'n' }, { type: 'merge', body: { status: ready } }, { subresource: 'status' });
  for (const name of ['served', 'done']) {
    await client.create(Pods, { metadata: { name, namespace: 'default' }, spec: { containers: [] } });
    const status = name === 'served' ? { ...ready, podIP: '10.244.0.2' } : { phase: 'Succeeded', conditions: [] };
    await client.patch(Pods, { namespace: 'default', name }, { type: 'merge', body: { status } }, { subresource: 'status' });
  }
  const done = (await client.get(Pods, { namespace: 'default', name: 'done' }))!;

  await markNodesDown(client, clock.now());

  const node = (await client.get(Nodes, { name: 'n' }))!;
  const pod = (await client.get(Pods, { namespace: 'default', name: 'served' }))!;
  assert.deepEqual([isReady(node), isReady(pod)], [false, false]);
  assert.equal(pod.status?.podIP, '10.244.0.2');
  assert.equal(pod.status?.conditions?.find((c) => c.type === 'PodScheduled')?.status, 'True');
  assert.equal((await client.get(Pods, { namespace: 'default', name: 'done' }))!.metadata?.resourceVersion, done.metadata?.resourceVersion);
});
