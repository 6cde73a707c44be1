import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatefulSetSpec } from 'kubernetes-types/apps/v1.js';
import type { JobSpec } from 'kubernetes-types/batch/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { DaemonSets, Jobs, Nodes, PersistentVolumeClaims, Pods, StatefulSets } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { daemonSetController } from './daemonset.ts';
import { jobController } from './job.ts';
import { statefulSetController } from './statefulset.ts';
import { fakeKubelet, readyNode, testWorld, type TestWorld } from './testing.ts';

const KEY = { namespace: 'a', name: 'db' };
const template = (image: string) => ({ metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image }] } });
const selector = { matchLabels: { app: 'db' } };

async function shown(w: TestWorld): Promise<string[]> {
  const { items } = await w.api.list(Pods);
  return items.map((p) => `${p.metadata?.name} ${p.spec?.containers[0]?.image}${p.metadata?.deletionTimestamp ? ' leaving' : ''}`);
}

async function statefulSet(spec: Partial<StatefulSetSpec> = {}, healthy?: (p: Pod) => boolean): Promise<TestWorld> {
  const w = testWorld();
  w.start(statefulSetController(w.world), fakeKubelet(w.world, healthy));
  await w.api.create(StatefulSets, {
    metadata: KEY,
    spec: { replicas: 3, serviceName: 'db', selector, template: template('db:1'), ...spec },
  });
  return w;
}

test('a stateful set comes up one by one, with names, hostnames and ordinals', async () => {
  const w = await statefulSet();
  await w.clock.advance(500);
  assert.deepEqual(await shown(w), ['db-0 db:1']);
  await w.clock.advance(5_000);
  assert.deepEqual(await shown(w), ['db-0 db:1', 'db-1 db:1', 'db-2 db:1']);
  const pod = await w.api.get(Pods, { namespace: 'a', name: 'db-1' });
  assert.deepEqual(
    [pod?.spec?.hostname, pod?.spec?.subdomain, pod?.metadata?.labels?.['apps.kubernetes.io/pod-index']],
    ['db-1', 'db', '1'],
  );
  const { status } = (await w.api.get(StatefulSets, KEY))!;
  assert.deepEqual([status?.readyReplicas, status?.updatedReplicas, status?.currentRevision === status?.updateRevision], [3, 3, true]);
  await w.stop();
});

test('each pod of a stateful set has its own claim of every template, and finds it again', async () => {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const w = await statefulSet({ replicas: 2, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }] });
  await w.clock.advance(5_000);
  const claims = async () => (await w.api.list(PersistentVolumeClaims)).items.map((c) => `${c.metadata?.name} ${c.metadata?.uid}`);
  const before = await claims();
  assert.deepEqual(
    before.map((c) => c.split(' ')[0]),
    ['data-db-0', 'data-db-1'],
  );
  const pod = await w.api.get(Pods, { namespace: 'a', name: 'db-1' });
  assert.deepEqual(pod?.spec?.volumes, [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } }]);
  await w.api.delete(Pods, { namespace: 'a', name: 'db-1' });
  await w.clock.advance(5_000);
  assert.equal((await shown(w)).length, 2);
  assert.deepEqual(await claims(), before);
  await w.stop();
});

test('one that does not get ready holds up those after it, unless the policy is Parallel', async () => {
  const unhealthy = (p: Pod): boolean => p.metadata?.name !== 'db-0';
  const ordered = await statefulSet({}, unhealthy);
  await ordered.clock.advance(20_000);
  assert.deepEqual(await shown(ordered), ['db-0 db:1']);
  await ordered.stop();
  const parallel = await statefulSet({ podManagementPolicy: 'Parallel' }, unhealthy);
  await parallel.clock.advance(500);
  assert.equal((await shown(parallel)).length, 3);
  await parallel.stop();
});

test('a stateful set is updated from the end down to its partition, and shrinks from the end', async () => {
  const w = await statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } });
  await w.clock.advance(5_000);
  await w.api.patch(StatefulSets, KEY, { type: 'merge', body: { spec: { template: template('db:2') } } });
  await w.clock.advance(500);
  assert.deepEqual(await shown(w), ['db-0 db:1', 'db-1 db:1', 'db-2 db:1 leaving']);
  await w.clock.advance(20_000);
  assert.deepEqual(await shown(w), ['db-0 db:1', 'db-1 db:2', 'db-2 db:2']);
  await w.api.patch(StatefulSets, KEY, { type: 'merge', body: { spec: { replicas: 1 } } });
  await w.clock.advance(100);
  assert.deepEqual(await shown(w), ['db-0 db:1', 'db-1 db:2', 'db-2 db:2 leaving']);
  await w.clock.advance(20_000);
  assert.deepEqual(await shown(w), ['db-0 db:1']);
  await w.stop();
});

test('a daemon runs on every node that fits, and is updated node by node', async () => {
  const w = testWorld();
  w.start(daemonSetController(w.world), fakeDaemonNode(w));
  for (const name of ['n1', 'n2']) w.api.seed(Nodes, readyNode(name, { disk: 'ssd' }));
  w.api.seed(Nodes, readyNode('n3'));
  const spec = { ...template('db:1').spec, nodeSelector: { disk: 'ssd' } };
  await w.api.create(DaemonSets, { metadata: KEY, spec: { selector, template: { ...template('db:1'), spec } } });
  await w.clock.advance(3_000);
  const where = async () => (await w.api.list(Pods)).items.map((p) => `${p.spec?.nodeName} ${p.spec?.containers[0]?.image}`).sort();
  assert.deepEqual(await where(), ['n1 db:1', 'n2 db:1']);
  await w.api.patch(DaemonSets, KEY, {
    type: 'merge',
    body: { spec: { template: { spec: { ...spec, containers: template('db:2').spec.containers } } } },
  });
  for (let i = 0; i < 40; i++) {
    await w.clock.advance(250);
    const { status } = (await w.api.get(DaemonSets, KEY))!;
    assert.ok((status?.numberUnavailable ?? 0) <= 1);
  }
  assert.deepEqual(await where(), ['n1 db:2', 'n2 db:2']);
  await w.api.patch(Nodes, { name: 'n3' }, { type: 'merge', body: { metadata: { labels: { disk: 'ssd' } } } });
  await w.clock.advance(3_000);
  const { status } = (await w.api.get(DaemonSets, KEY))!;
  assert.deepEqual([status?.desiredNumberScheduled, status?.numberAvailable, status?.updatedNumberScheduled], [3, 3, 3]);
  await w.stop();
});

/** Binds daemons to the node they ask for, then behaves as the fake kubelet. */
function fakeDaemonNode(w: TestWorld) {
  const kubelet = fakeKubelet(w.world);
  return {
    ...kubelet,
    reconcile: async (...[key, ctx]: Parameters<typeof kubelet.reconcile>) => {
      const [namespace, name = ''] = key.split('/');
      const pod = await w.api.get(Pods, { namespace, name });
      const terms = pod?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
      const node = terms?.[0]?.matchFields?.[0]?.values?.[0];
      if (pod && !pod.spec?.nodeName)
        await w.world.client.patch(Pods, { namespace, name }, { type: 'merge', body: { spec: { nodeName: node } } });
      return kubelet.reconcile(key, ctx);
    },
  };
}

async function job(spec: Partial<JobSpec>) {
  const w = testWorld();
  w.start(jobController(w.world));
  await w.api.create(Jobs, {
    metadata: KEY,
    spec: {
      template: { spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } },
      completions: 1,
      parallelism: 1,
      backoffLimit: 1,
      ...spec,
    },
  });
  await w.clock.advance(100);
  /** Ends all running pods. */
  const end = async (phase: 'Succeeded' | 'Failed') => {
    const finishedAt = rfc3339(w.clock.now());
    for (const p of (await w.api.list(Pods, { fieldSelector: 'status.phase=Pending' })).items) {
      const containerStatuses = [
        { name: 'c', ready: false, restartCount: 0, image: '', imageID: '', state: { terminated: { exitCode: 1, finishedAt } } },
      ];
      await w.api.update(Pods, { ...p, status: { phase, containerStatuses } }, { subresource: 'status' });
    }
    await w.clock.advance(100);
  };
  const status = async () => (await w.api.get(Jobs, KEY))?.status;
  const pods = async () => (await w.api.list(Pods)).items.length;
  return { w, end, status, pods };
}

test('a job runs as many pods as it needs, as many at a time as it may', async () => {
  const { w, end, status, pods } = await job({ completions: 3, parallelism: 2 });
  assert.equal(await pods(), 2);
  await end('Succeeded');
  assert.deepEqual([(await status())?.succeeded, (await status())?.active], [2, 1]);
  await end('Succeeded');
  const done = await status();
  assert.deepEqual(
    [done?.succeeded, done?.conditions?.map((c) => `${c.type} ${c.status}`)],
    [3, ['SuccessCriteriaMet True', 'Complete True']],
  );
  assert.ok(done?.completionTime);
  await w.clock.advance(60_000);
  assert.equal(await pods(), 3);
  await w.stop();
});

test('a job tries again with a delay, up to its limit', async () => {
  const { w, end, status, pods } = await job({ backoffLimit: 1 });
  await end('Failed');
  await w.clock.advance(9_000);
  assert.equal(await pods(), 1);
  await w.clock.advance(2_000);
  assert.equal(await pods(), 2);
  await end('Failed');
  assert.deepEqual(
    (await status())?.conditions?.map((c) => `${c.type} ${c.reason}`),
    ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'],
  );
  await w.stop();
});

test('a job past its deadline fails, a finished one goes after its time, a suspended one waits', async () => {
  const late = await job({ activeDeadlineSeconds: 30 });
  await late.w.clock.advance(31_000);
  assert.deepEqual(
    (await late.status())?.conditions?.map((c) => c.reason),
    ['DeadlineExceeded', 'DeadlineExceeded'],
  );
  await late.w.stop();
  const short = await job({ ttlSecondsAfterFinished: 60 });
  await short.end('Succeeded');
  await short.w.clock.advance(50_000);
  assert.ok(await short.w.api.get(Jobs, KEY));
  await short.w.clock.advance(20_000);
  assert.ok((await short.w.api.get(Jobs, KEY))?.metadata?.deletionTimestamp, 'deleted, and left to the garbage collector');
  await short.w.stop();
  const suspended = await job({ suspend: true });
  assert.equal(await suspended.pods(), 0);
  await suspended.w.api.patch(Jobs, KEY, { type: 'merge', body: { spec: { suspend: false } } });
  await suspended.w.clock.advance(100);
  assert.equal(await suspended.pods(), 1);
  assert.deepEqual(
    (await suspended.status())?.conditions?.map((c) => `${c.type} ${c.status}`),
    ['Suspended False'],
  );
  await suspended.w.stop();
});
