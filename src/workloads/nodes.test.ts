/** A cluster of several nodes, as its operators meet it: spread, cordoned, drained, lost and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { Events, Nodes, Pods, ReplicaSets, ReplicationControllers } from '../api/index.ts';
import { taintsOf } from './node-lifecycle-decide.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import { replicaSetController, replicationController } from './replicaset.ts';
import { scheduler } from './scheduler.ts';
import { taintEvictionController, untilEvicted } from './taint-eviction.ts';
import { fakeNode, testWorld } from './testing.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const plain = (name: string): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' }, capacity: { cpu: '4', memory: '8Gi', pods: '110' } },
});
/** As the API server leaves a pod that says nothing of its own. */
const tolerations = ['not-ready', 'unreachable'].map((key) => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

async function cluster(replicas: number) {
  const w = testWorld();
  const agents = ['n1', 'n2', 'n3'].map((name) => fakeNode(w.world, plain(name)));
  w.start(scheduler(w.world), replicaSetController(w.world), nodeLifecycleController(w.world), taintEvictionController(w.world), ...agents);
  const labels = { app: 'web' };
  await w.clock.advance(2000);
  await w.api.create(ReplicaSets, {
    metadata: { namespace: 'a', name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c' }], tolerations } },
    },
  });
  await w.clock.advance(5000);
  const running = async (): Promise<Record<string, number>> => {
    const count: Record<string, number> = {};
    for (const pod of (await w.api.list(Pods)).items) {
      const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
      if (ready && !pod.metadata?.deletionTimestamp) count[pod.spec?.nodeName ?? '-'] = (count[pod.spec?.nodeName ?? '-'] ?? 0) + 1;
    }
    return count;
  };
  const taints = async (name: string) =>
    ((await w.api.get(Nodes, { name }))?.spec?.taints ?? []).map((t) => `${t.key.replace('node.kubernetes.io/', '')}:${t.effect}`).sort();
  return { ...w, agents, running, taints };
}

test('pods are spread over the nodes; a cordoned one takes no more, and what is evicted comes back elsewhere', async () => {
  const w = await cluster(6);
  assert.deepEqual(await w.running(), { n1: 2, n2: 2, n3: 2 });
  await w.api.patch(Nodes, { name: 'n1' }, { type: 'merge', body: { spec: { unschedulable: true } } });
  await w.clock.advance(1000);
  assert.deepEqual(await w.taints('n1'), ['unschedulable:NoSchedule']);
  assert.deepEqual(await w.running(), { n1: 2, n2: 2, n3: 2 }, 'what runs there goes on');
  for (const pod of (await w.api.list(Pods, { fieldSelector: 'spec.nodeName=n1' })).items) {
    await w.api.delete(Pods, { namespace: 'a', name: pod.metadata!.name! });
  }
  await w.clock.advance(5000);
  assert.deepEqual(await w.running(), { n2: 3, n3: 3 });
  await w.api.patch(Nodes, { name: 'n1' }, { type: 'merge', body: { spec: { unschedulable: null } } });
  await w.clock.advance(1000);
  assert.deepEqual(await w.taints('n1'), []);
  await w.stop();
});

test('a lost node is marked, its pods are replaced when they will not wait any longer, and it may come back', async () => {
  const w = await cluster(6);
  w.agents[0]!.alive = false;
  await w.clock.advance(40_000);
  assert.deepEqual(await w.running(), { n1: 2, n2: 2, n3: 2 });
  await w.clock.advance(25_000);
  assert.deepEqual(await w.taints('n1'), ['unreachable:NoExecute', 'unreachable:NoSchedule']);
  const ready = (await w.api.get(Nodes, { name: 'n1' }))?.status?.conditions?.find((c) => c.type === 'Ready');
  assert.deepEqual(
    [ready?.status, ready?.reason, ready?.message],
    ['Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'],
  );
  assert.deepEqual(await w.running(), { n2: 2, n3: 2 }, 'nobody sends requests to its pods any more');
  await w.clock.advance(200_000);
  assert.deepEqual(await w.running(), { n2: 2, n3: 2 });
  await w.clock.advance(110_000);
  assert.deepEqual(await w.running(), { n2: 3, n3: 3 });
  const told = new Set((await w.api.list(Events)).items.map((e) => e.reason));
  assert.ok(told.has('TaintManagerEviction') && told.has('NodeNotReady'));

  w.agents[0]!.alive = true;
  await w.clock.advance(20_000);
  assert.deepEqual(await w.taints('n1'), []);
  assert.deepEqual(await w.running(), { n2: 3, n3: 3 });
  assert.equal((await w.api.list(Pods)).items.length, 6, 'those that were to be deleted are gone');
  await w.stop();
});

test('a node that is removed takes its pods with it, and one that was away with its control plane is not lost', async () => {
  const w = await cluster(3);
  w.agents[2]!.alive = false;
  await w.api.delete(Nodes, { name: 'n3' });
  await w.clock.advance(60_000);
  assert.equal((await w.api.list(Pods, { fieldSelector: 'spec.nodeName=n3' })).items.length, 0);
  assert.deepEqual(
    Object.values(await w.running()).reduce((a, b) => a + b),
    3,
  );
  await w.stop();

  await w.clock.advance(3_600_000);
  const later = testWorld(w.clock, w.api);
  later.start(nodeLifecycleController(later.world));
  await later.clock.advance(30_000);
  assert.equal((await later.api.get(Nodes, { name: 'n1' }))?.status?.conditions?.find((c) => c.type === 'Ready')?.status, 'True');
  await later.stop();
});

test('what the conditions of a node say by taints', () => {
  const node = (ready: string | undefined, more: Partial<Node> = {}, pressure = 'False'): Node => ({
    ...more,
    status: { conditions: [...(ready ? [{ type: 'Ready', status: ready }] : []), { type: 'DiskPressure', status: pressure }] },
  });
  const table: [string, Node, string[]][] = [
    ['ready', node('True'), []],
    ['not ready', node('False'), ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute']],
    ['unheard of', node(undefined), ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute']],
    ['full', node('True', {}, 'True'), ['node.kubernetes.io/disk-pressure:NoSchedule']],
    [
      "somebody's",
      node('True', {
        spec: {
          taints: [
            { key: 'gpu', effect: 'NoSchedule' },
            { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
          ],
        },
      }),
      ['gpu:NoSchedule'],
    ],
  ];
  for (const [name, of, want] of table)
    assert.deepEqual(
      taintsOf(of, NOW).map((t) => `${t.key}:${t.effect}`),
      want,
      name,
    );
});

test('how long a pod stays with a tainted node', () => {
  const taint = { key: 'k', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' };
  const pod = (...given: object[]): Pod => ({ spec: { containers: [], tolerations: given } });
  const table: [string, Pod, Node, number | undefined][] = [
    ['no taint', pod(), { spec: {} }, undefined],
    ['not tolerated', pod(), { spec: { taints: [taint] } }, 0],
    ['tolerated for good', pod({ key: 'k', operator: 'Exists' }), { spec: { taints: [taint] } }, undefined],
    ['for a while', pod({ key: 'k', operator: 'Exists', tolerationSeconds: 30 }), { spec: { taints: [taint] } }, 20_000],
    [
      'the shortest',
      pod({ operator: 'Exists', tolerationSeconds: 60 }, { key: 'k', operator: 'Exists', tolerationSeconds: 15 }),
      { spec: { taints: [taint] } },
      5_000,
    ],
    ['one of two', pod({ key: 'k', operator: 'Exists' }), { spec: { taints: [taint, { key: 'l', effect: 'NoExecute' }] } }, 0],
    ['another effect', pod(), { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }, undefined],
  ];
  for (const [name, of, node, want] of table) assert.equal(untilEvicted(of, node, NOW + 10_000), want, name);
});

test('a replication controller keeps its number of pods, and says so', async () => {
  const w = testWorld();
  w.start(replicationController(w.world), scheduler(w.world), fakeNode(w.world, plain('n1')));
  const key = { namespace: 'a', name: 'old' };
  const labels = { app: 'old' };
  await w.api.create(ReplicationControllers, {
    metadata: key,
    spec: { replicas: 2, selector: labels, template: { metadata: { labels }, spec: { containers: [{ name: 'c' }] } } },
  });
  await w.clock.advance(5000);
  const [first] = (await w.api.list(Pods)).items;
  await w.api.delete(Pods, { namespace: 'a', name: first!.metadata!.name! }, { gracePeriodSeconds: 0 });
  await w.clock.advance(5000);
  const pods = (await w.api.list(Pods)).items;
  assert.deepEqual(
    pods.map((p) => p.metadata?.ownerReferences?.[0]?.kind),
    ['ReplicationController', 'ReplicationController'],
  );
  const { status } = (await w.api.get(ReplicationControllers, key))!;
  assert.deepEqual([status?.replicas, status?.readyReplicas], [2, 2]);
  await w.stop();
});
