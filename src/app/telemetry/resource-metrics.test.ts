import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeMetricsOf, podMetricsOf, useOfPods } from './resource-metrics.ts';
import type { Usage } from './usage.ts';

const use = (cpuMilli: number, memoryBytes: number) => ({ cpuMilli, memoryBytes });
const usage: Usage = {
  at: Date.UTC(2026, 0, 1),
  windowMs: 15_012,
  node: use(1500, 2 ** 30),
  pods: [
    {
      namespace: 'a',
      name: 'web',
      containers: [
        { name: 'app', ...use(0.5, 2048) },
        { name: 'proxy', ...use(10, 1024) },
      ],
    },
    { namespace: 'a', name: 'gone', containers: [{ name: 'app', ...use(1, 1) }] },
    { namespace: 'b', name: 'other', containers: [{ name: 'app', ...use(1, 1024) }] },
  ],
};
const pods = [{ metadata: { namespace: 'a', name: 'web', labels: { app: 'web' } } }, { metadata: { namespace: 'b', name: 'other' } }];

test('pods of a namespace, with their labels; those that are gone are left out', () => {
  assert.deepEqual(podMetricsOf(usage, pods, 'a'), [
    {
      apiVersion: 'metrics.k8s.io/v1beta1',
      kind: 'PodMetrics',
      metadata: { name: 'web', namespace: 'a', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web' } },
      timestamp: '2026-01-01T00:00:00Z',
      window: '15.012s',
      containers: [
        { name: 'app', usage: { cpu: '500000n', memory: '2Ki' } },
        { name: 'proxy', usage: { cpu: '10000000n', memory: '1Ki' } },
      ],
    },
  ]);
  assert.deepEqual(
    podMetricsOf(usage, pods, undefined).map((p) => p.metadata?.name),
    ['web', 'other'],
  );
});

test('the node, and what autoscalers see', () => {
  const [node] = nodeMetricsOf(usage, [{ metadata: { name: 'sluice', labels: { x: 'y' } } }]);
  assert.deepEqual(node!['usage'], { cpu: '1500000000n', memory: '1048576Ki' });
  assert.deepEqual(node!.metadata?.labels, { x: 'y' });
  assert.deepEqual(useOfPods(usage).get('a/web'), use(10.5, 3072));
  assert.equal(useOfPods(undefined).size, 0);
});
