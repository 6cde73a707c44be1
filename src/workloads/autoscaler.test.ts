import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { MetricSpec } from 'kubernetes-types/autoscaling/v2.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { createCatalog, Deployments, Events, HorizontalPodAutoscalers, kindOfCrd, Pods, type Resource } from '../api/index.ts';
import { autoscaler } from './autoscaler.ts';
import { recommend } from './autoscaling.ts';
import { bound, type ScalingMemory } from './scaling-rules.ts';
import { testWorld } from './testing.ts';

const cpu = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

const pod = (name: string, ready = true): Pod => ({
  metadata: { namespace: 'a', name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test('replicas follow use over target', () => {
  const table: [string, number, (number | undefined)[], number[], number | string][] = [
    ['at the target', 50, [50, 50], [], 2],
    ['within the tolerance', 50, [54, 54], [], 2],
    ['twice the target', 50, [100, 100], [], 4],
    ['half the target', 50, [25, 25], [], 1],
    ['one pod unknown, shrinking: taken as busy', 50, [10, undefined], [], 2],
    ['one pod unknown, growing: taken as idle', 50, [200, undefined], [], 4],
    ['one not ready, growing: taken as idle', 50, [100, 0], [1], 2],
    ['nothing known', 50, [undefined, undefined], [], 'FailedGetResourceMetric'],
  ];
  for (const [name, target, used, unready, want] of table) {
    const usages = used.map((u, i) => ({ pod: pod(`p${i}`, !unready.includes(i)), used: u }));
    const got = recommend(cpu(target), used.length, usages);
    assert.equal('replicas' in got ? got.replicas : got.failure, want, name);
  }
  const custom = recommend({ type: 'External' }, 1, []);
  assert.ok('failure' in custom && custom.failure === 'FailedGetExternalMetric');
  const bare = recommend(cpu(50), 1, [{ pod: { ...pod('p'), spec: { containers: [{ name: 'c' }] } }, used: 10 }]);
  assert.ok('message' in bare && bare.message.includes('missing request for cpu'));
});

test('a recommendation is bounded by number, rate and window', () => {
  const limits = { min: 2, max: 20 };
  const run = (
    recommended: number,
    current: number,
    memory: ScalingMemory = { recommendations: [], changes: [] },
    now = 1_000_000,
    behavior = {},
  ) => {
    const { replicas, limit } = bound(recommended, current, limits, behavior, memory, now);
    return [replicas, limit];
  };
  assert.deepEqual(run(5, 4), [5, undefined]);
  assert.deepEqual(run(1, 4), [2, 'TooFewReplicas']);
  assert.deepEqual(run(50, 18), [20, 'TooManyReplicas']);
  assert.deepEqual(run(20, 2), [6, 'ScaleUpLimit'], 'four pods at once');
  assert.deepEqual(run(20, 8), [16, 'ScaleUpLimit'], 'doubled at most');
  assert.deepEqual(
    run(3, 8, { recommendations: [{ at: 900_000, replicas: 6 }], changes: [] }),
    [6, undefined],
    'the highest of five minutes',
  );
  assert.deepEqual(run(3, 8, { recommendations: [{ at: 600_000, replicas: 6 }], changes: [] }), [3, undefined], 'long ago');
  assert.deepEqual(
    run(20, 6, { recommendations: [], changes: [{ at: 995_000, by: 4 }] }),
    [6, 'ScaleUpLimit'],
    'four were added in this period',
  );
  assert.deepEqual(run(3, 8, undefined, undefined, { scaleDown: { selectPolicy: 'Disabled' } }), [8, 'ScaleDownLimit']);
});

type Fleet = Pick<Deployment, 'metadata' | 'spec' | 'status'>;

/** Beside the built-in kinds there is a custom one that scales. */
const catalog = createCatalog();
catalog.add(
  kindOfCrd({
    spec: {
      group: 'sea.example.com',
      scope: 'Namespaced',
      names: { plural: 'fleets', kind: 'Fleet' },
      versions: ['v2', 'v1'].map((name) => ({
        name,
        served: true,
        storage: name === 'v2',
        subresources: { scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
        schema: { openAPIV3Schema: { type: 'object' } },
      })),
    },
  })!,
);

async function world(used: { cpu: number | undefined }) {
  const w = testWorld();
  const use = async () =>
    new Map(['a/p1', 'a/p2'].flatMap((key) => (used.cpu === undefined ? [] : [[key, { cpuMilli: used.cpu, memoryBytes: 0 }]])));
  w.start(autoscaler(w.world, catalog, use));
  const key = { namespace: 'a', name: 'web' };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: {} };
  w.api.seed(Deployments, { metadata: key, spec, status: { replicas: 2 } });
  for (const name of ['p1', 'p2']) w.api.seed(Pods, pod(name));
  await w.api.create(HorizontalPodAutoscalers, {
    metadata: key,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [cpu(50)],
    },
  });
  await w.clock.advance(1000);
  const replicas = async () => (await w.api.get(Deployments, key))?.spec?.replicas;
  const conditions = async () =>
    (await w.api.get(HorizontalPodAutoscalers, key))?.status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason}`).sort();
  return { w, key, replicas, conditions };
}

test('a busy deployment grows to its maximum', async () => {
  const { w, key, replicas, conditions } = await world({ cpu: 200 });
  assert.equal(await replicas(), 5);
  assert.deepEqual(await conditions(), [
    'AbleToScale True SucceededRescale',
    'ScalingActive True ValidMetricFound',
    'ScalingLimited True TooManyReplicas',
  ]);
  const hpa = await w.api.get(HorizontalPodAutoscalers, key);
  assert.deepEqual(hpa?.status?.currentMetrics?.[0]?.resource?.current, { averageUtilization: 200, averageValue: '200m' });
  assert.equal(
    (await w.api.list(Events)).items[0]?.message,
    'New size: 5; reason: cpu resource utilization (percentage of request) above target',
  );
  await w.stop();
});

test('without metrics it says so, keeps the number, and still holds the bounds', async () => {
  const { w, key, replicas, conditions } = await world({ cpu: undefined });
  assert.equal(await replicas(), 2);
  assert.deepEqual(await conditions(), [
    'AbleToScale True ReadyForNewScale',
    'ScalingActive False FailedGetResourceMetric',
    'ScalingLimited False DesiredWithinRange',
  ]);
  await w.api.patch(HorizontalPodAutoscalers, key, { type: 'merge', body: { spec: { minReplicas: 3 } } });
  await w.clock.advance(1000);
  assert.equal(await replicas(), 3);
  await w.stop();
});

test('an idle deployment shrinks only after five minutes of idleness', async () => {
  const used: { cpu: number | undefined } = { cpu: 50 };
  const { w, replicas } = await world(used);
  used.cpu = 10;
  await w.clock.advance(280_000);
  assert.equal(await replicas(), 2);
  await w.clock.advance(60_000);
  assert.equal(await replicas(), 1);
  await w.stop();
});

test('whatever has a scale is scaled, by any version of its kind; what has none says why', async () => {
  const { w } = await world({ cpu: 200 });
  const Fleets: Resource<Fleet> = { group: 'sea.example.com', version: 'v1', kind: 'Fleet', plural: 'fleets', namespaced: true };
  const targets: [string, string, string, string][] = [
    ['fleet', 'sea.example.com/v1', 'Fleet', 'AbleToScale True SucceededRescale'],
    ['old', 'extensions/v1beta1', 'Deployment', 'AbleToScale True SucceededRescale'],
    ['gone', 'sea.example.com/v0', 'Fleet', 'AbleToScale False FailedGetScale: fleets.sea.example.com "gone" not found'],
    ['cruise', 'air.example.com/v1', 'Fleet', 'AbleToScale False FailedGetScale: no matches for kind "Fleet" in group "air.example.com"'],
    ['core', '', 'Deployment', 'AbleToScale False FailedGetScale: no matches for kind "Deployment" in group ""'],
    ['blind', 'sea.example.com/v1', 'Fleet', "ScalingActive False InvalidSelector: the HPA target's scale is missing a selector"],
  ];
  const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: {} };
  w.api.seed(Fleets, { metadata: { namespace: 'a', name: 'fleet' }, spec, status: { replicas: 2 } });
  w.api.seed(Fleets, { metadata: { namespace: 'a', name: 'blind' }, spec: { ...spec, selector: {} }, status: { replicas: 2 } });
  w.api.seed({ ...Deployments, group: 'extensions', version: 'v1beta1' }, { metadata: { namespace: 'a', name: 'old' }, spec });
  for (const [name, apiVersion, kind] of targets) {
    const scaleTargetRef = { ...(apiVersion ? { apiVersion } : {}), kind, name };
    await w.api.create(HorizontalPodAutoscalers, {
      metadata: { namespace: 'a', name },
      spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 5, metrics: [cpu(50)] },
    });
  }
  await w.clock.advance(1000);
  for (const [name, , , want] of targets) {
    const [type] = want.split(' ');
    const hpa = await w.api.get(HorizontalPodAutoscalers, { namespace: 'a', name });
    const { status, reason, message } = hpa!.status!.conditions!.find((c) => c.type === type)!;
    assert.ok(
      `${type} ${status} ${reason}: ${message?.replace(/^.*current scale: /, '')}`.startsWith(want),
      `${name}: ${reason} ${message}`,
    );
  }
  assert.equal((await w.api.get(Fleets, { namespace: 'a', name: 'fleet' }))?.spec?.replicas, 5);
  await w.stop();
});

test('scaled to zero by hand it stays at zero; a missing target is named', async () => {
  const { w, key, replicas, conditions } = await world({ cpu: 200 });
  await w.api.patch(Deployments, key, { type: 'merge', body: { spec: { replicas: 0 } } });
  await w.clock.advance(60_000);
  assert.equal(await replicas(), 0);
  assert.ok((await conditions())?.includes('ScalingActive False ScalingDisabled'));
  await w.api.delete(Deployments, key);
  await w.clock.advance(60_000);
  assert.ok((await conditions())?.includes('AbleToScale False FailedGetScale'));
  await w.stop();
});
