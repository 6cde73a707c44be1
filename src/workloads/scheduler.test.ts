import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, PodSpec } from 'kubernetes-types/core/v1.js';
import { Events, Nodes, Pods } from '../api/index.ts';
import { seededRng } from '../base/index.ts';
import { scheduler } from './scheduler.ts';
import { decideNode, refusalOf } from './scheduling.ts';
import { readyNode, testWorld } from './testing.ts';

const spec = (s: Partial<PodSpec> = {}) => ({ metadata: { namespace: 'a', name: 'p' }, spec: { containers: [], ...s } });

test('a node takes a pod or says why not', () => {
  const node: Node = readyNode('n', { disk: 'ssd', size: '8' });
  const affinity = (key: string, operator: string, values: string[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] },
      },
    },
  });
  const tainted: Node = { ...node, spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } };
  const table: [string, Partial<PodSpec>, Node, string | undefined][] = [
    ['plain', {}, node, undefined],
    ['selector', { nodeSelector: { disk: 'ssd' } }, node, undefined],
    ['other selector', { nodeSelector: { disk: 'hdd' } }, node, "node(s) didn't match Pod's node affinity/selector"],
    ['affinity', affinity('disk', 'In', ['ssd', 'nvme']), node, undefined],
    ['other affinity', affinity('disk', 'NotIn', ['ssd']), node, "node(s) didn't match Pod's node affinity/selector"],
    ['greater', affinity('size', 'Gt', ['4']), node, undefined],
    ['not greater', affinity('size', 'Gt', ['8']), node, "node(s) didn't match Pod's node affinity/selector"],
    ['cordoned', {}, { ...node, spec: { unschedulable: true } }, 'node(s) were unschedulable'],
    ['taint', {}, tainted, 'node(s) had untolerated taint {gpu: yes}'],
    ['tolerated', { tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes' }] }, tainted, undefined],
    ['tolerated by existence', { tolerations: [{ operator: 'Exists' }] }, tainted, undefined],
    ['not ready', {}, { ...node, status: {} }, 'node(s) were not ready'],
  ];
  for (const [name, pod, where, want] of table) assert.equal(refusalOf(spec(pod), where), want, name);
});

test('the node with the fewest pods is chosen', () => {
  const nodes = [readyNode('busy'), readyNode('idle')];
  assert.deepEqual(
    decideNode(spec(), nodes, (n) => (n === 'busy' ? 3 : 1), seededRng(1)),
    { node: 'idle' },
  );
  assert.deepEqual(
    decideNode(spec({ nodeSelector: { a: 'b' } }), nodes, () => 0, seededRng(1)),
    {
      message: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    },
  );
});

test('a pod waits for a node and is bound when one comes', async () => {
  const w = testWorld();
  w.start(scheduler(w.world));
  await w.api.create(Pods, spec());
  await w.clock.advance(1000);
  const waiting = await w.api.get(Pods, { namespace: 'a', name: 'p' });
  assert.deepEqual(
    waiting?.status?.conditions?.map((c) => [c.type, c.status, c.reason, c.message]),
    [['PodScheduled', 'False', 'Unschedulable', 'no nodes available to schedule pods']],
  );
  w.api.seed(Nodes, readyNode('n1'));
  await w.clock.advance(1000);
  const bound = await w.api.get(Pods, { namespace: 'a', name: 'p' });
  assert.equal(bound?.spec?.nodeName, 'n1');
  assert.deepEqual(
    bound?.status?.conditions?.map((c) => [c.type, c.status]),
    [['PodScheduled', 'True']],
  );
  const { items } = await w.api.list(Events);
  assert.deepEqual(items.map((e) => `${e.reason}: ${e.message}`).sort(), [
    'FailedScheduling: no nodes available to schedule pods',
    'Scheduled: Successfully assigned a/p to n1',
  ]);
  await w.stop();
});
