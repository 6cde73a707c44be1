import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import { Deployments, Events, Pods, ReplicaSets } from '../api/index.ts';
import { deploymentController } from './deployment.ts';
import { replicaSetController } from './replicaset.ts';
import { fakeKubelet, testWorld, type TestWorld } from './testing.ts';

const KEY = { namespace: 'shop', name: 'web' };
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } });

function deployment(spec: Partial<DeploymentSpec> = {}): Deployment {
  return {
    metadata: { ...KEY },
    spec: { replicas: 3, progressDeadlineSeconds: 60, selector: { matchLabels: { app: 'web' } }, template: template('web:1'), ...spec },
  };
}

function start(healthy?: (image: string) => boolean): TestWorld {
  const w = testWorld();
  w.start(
    deploymentController(w.world),
    replicaSetController(w.world),
    fakeKubelet(w.world, healthy && ((p) => healthy(p.spec!.containers[0]!.image!))),
  );
  return w;
}

const patch = (w: TestWorld, body: unknown) => w.api.patch(Deployments, KEY, { type: 'merge', body });
const condition = (d: Deployment | undefined, type: string) => d?.status?.conditions?.find((c) => c.type === type);

async function images(w: TestWorld): Promise<string[]> {
  const { items } = await w.api.list(Pods, { namespace: 'shop' });
  return items.filter((p) => !p.metadata?.deletionTimestamp).map((p) => p.spec!.containers[0]!.image!);
}

async function sizes(w: TestWorld): Promise<Record<string, number>> {
  const { items } = await w.api.list(ReplicaSets, { namespace: 'shop' });
  return Object.fromEntries(
    items.map((s) => [
      `${s.spec?.template?.spec?.containers[0]?.image}#${s.metadata?.annotations?.['deployment.kubernetes.io/revision']}`,
      s.spec?.replicas ?? -1,
    ]),
  );
}

test('a deployment comes up: revision, hash, counts and conditions as kubectl reads them', async () => {
  const w = start();
  await w.api.create(Deployments, deployment());
  await w.clock.advance(5_000);
  const d = await w.api.get(Deployments, KEY);
  assert.equal(d?.metadata?.annotations?.['deployment.kubernetes.io/revision'], '1');
  const { conditions: _, ...counts } = d?.status ?? {};
  assert.deepEqual(counts, {
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    unavailableReplicas: 0,
  });
  assert.deepEqual(d?.status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason}`).sort(), [
    'Available True MinimumReplicasAvailable',
    'Progressing True NewReplicaSetAvailable',
  ]);
  const [set] = (await w.api.list(ReplicaSets)).items;
  const hash = set?.metadata?.labels?.['pod-template-hash'];
  assert.match(hash ?? '', /^[bcdfghjklmnpqrstvwxz2-9]{5,10}$/);
  assert.equal(set?.metadata?.name, `web-${hash}`);
  assert.equal(set?.spec?.selector.matchLabels?.['pod-template-hash'], hash);
  const [pod] = (await w.api.list(Pods)).items;
  assert.match(pod?.metadata?.name ?? '', new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
  await w.stop();
});

test('a rolling update keeps within its bounds at every moment, and undo takes the old set back', async () => {
  const w = start();
  await w.api.create(Deployments, deployment({ replicas: 4, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }));
  await w.clock.advance(5_000);
  await patch(w, { spec: { template: template('web:2') } });
  for (let i = 0; i < 60; i++) {
    await w.clock.advance(250);
    const live = (await w.api.list(Pods)).items.filter((p) => !p.metadata?.deletionTimestamp);
    const ready = live.filter((p) => p.status?.conditions?.[0]?.status === 'True');
    assert.ok(live.length <= 5 && ready.length >= 3, `${live.length} pods, ${ready.length} ready`);
  }
  assert.deepEqual(await images(w), Array(4).fill('web:2'));
  assert.deepEqual(await sizes(w), { 'web:1#1': 0, 'web:2#2': 4 });
  await patch(w, { spec: { template: template('web:1') } });
  await w.clock.advance(30_000);
  assert.deepEqual(await sizes(w), { 'web:1#3': 4, 'web:2#2': 0 });
  const d = await w.api.get(Deployments, KEY);
  assert.equal(d?.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
  const back = (await w.api.list(ReplicaSets)).items.find((s) => s.spec?.replicas === 4);
  assert.equal(back?.metadata?.annotations?.['deployment.kubernetes.io/revision-history'], '1');
  await w.stop();
});

test('a version that never gets ready stops at its bounds and exceeds the deadline; taking it back recovers', async () => {
  const w = start((image) => image !== 'bad:1');
  await w.api.create(Deployments, deployment());
  await w.clock.advance(5_000);
  await patch(w, { spec: { template: template('bad:1') } });
  await w.clock.advance(59_000);
  assert.equal(condition(await w.api.get(Deployments, KEY), 'Progressing')?.reason, 'ReplicaSetUpdated');
  assert.deepEqual(await sizes(w), { 'web:1#1': 3, 'bad:1#2': 1 });
  await w.clock.advance(10_000);
  const stuck = await w.api.get(Deployments, KEY);
  assert.deepEqual(
    [condition(stuck, 'Progressing')?.status, condition(stuck, 'Progressing')?.reason],
    ['False', 'ProgressDeadlineExceeded'],
  );
  assert.equal(condition(stuck, 'Available')?.status, 'True');
  await patch(w, { spec: { template: template('web:1') } });
  await w.clock.advance(10_000);
  assert.equal(condition(await w.api.get(Deployments, KEY), 'Progressing')?.reason, 'NewReplicaSetAvailable');
  assert.deepEqual(await images(w), Array(3).fill('web:1'));
  await w.stop();
});

test('recreate starts no new pod before the last old one is gone', async () => {
  const w = start();
  await w.api.create(Deployments, deployment({ strategy: { type: 'Recreate' } }));
  await w.clock.advance(5_000);
  await patch(w, { spec: { template: template('web:2') } });
  for (let i = 0; i < 20; i++) {
    await w.clock.advance(250);
    const all = new Set((await w.api.list(Pods)).items.map((p) => p.spec!.containers[0]!.image));
    assert.ok(all.size <= 1, 'old and new pods at the same time');
  }
  assert.deepEqual(await images(w), Array(3).fill('web:2'));
  await w.stop();
});

test('a paused deployment scales but does not roll; resumed, it does', async () => {
  const w = start();
  await w.api.create(Deployments, deployment());
  await w.clock.advance(5_000);
  await patch(w, { spec: { paused: true, replicas: 5, template: template('web:2') } });
  await w.clock.advance(5_000);
  assert.deepEqual(await images(w), Array(5).fill('web:1'));
  assert.equal(condition(await w.api.get(Deployments, KEY), 'Progressing')?.reason, 'DeploymentPaused');
  await patch(w, { spec: { paused: false } });
  await w.clock.advance(30_000);
  assert.deepEqual(await images(w), Array(5).fill('web:2'));
  await w.stop();
});

test('scaled to zero and back', async () => {
  const w = start();
  await w.api.create(Deployments, deployment());
  await w.clock.advance(5_000);
  await patch(w, { spec: { replicas: 0 } });
  await w.clock.advance(5_000);
  assert.deepEqual(await images(w), []);
  assert.equal((await w.api.get(Deployments, KEY))?.status?.replicas, 0);
  await patch(w, { spec: { replicas: 2 } });
  await w.clock.advance(5_000);
  assert.equal((await images(w)).length, 2);
  const messages = (await w.api.list(Events)).items
    .filter((e) => e.reason === 'ScalingReplicaSet')
    .map((e) => String(e.message).replace(/web-\w+/, 'SET'));
  assert.deepEqual(messages.sort(), [
    'Scaled down replica set SET from 3 to 0',
    'Scaled up replica set SET from 0 to 2',
    'Scaled up replica set SET from 0 to 3',
  ]);
  await w.stop();
});

test('no more old sets are kept than the history limit', async () => {
  const w = start();
  await w.api.create(Deployments, deployment({ revisionHistoryLimit: 1 }));
  for (const image of ['web:2', 'web:3', 'web:4']) {
    await w.clock.advance(20_000);
    await patch(w, { spec: { template: template(image) } });
  }
  await w.clock.advance(20_000);
  assert.deepEqual(await sizes(w), { 'web:3#3': 0, 'web:4#4': 3 });
  await w.stop();
});

test('a name taken by another set is not fought over: the hash moves on', async () => {
  const w = start();
  await w.api.create(Deployments, deployment());
  await w.clock.advance(5_000);
  const [set] = (await w.api.list(ReplicaSets)).items;
  const other = start();
  await other.api.create(ReplicaSets, {
    metadata: { namespace: 'shop', name: set!.metadata!.name! },
    spec: { selector: { matchLabels: { other: 'x' } }, template: template('other:1'), replicas: 0 },
  });
  await other.api.create(Deployments, deployment());
  await other.clock.advance(5_000);
  const d = await other.api.get(Deployments, KEY);
  assert.deepEqual([d?.status?.collisionCount, d?.status?.availableReplicas], [1, 3]);
  await w.stop();
  await other.stop();
});

test('whichever write fails, with or without having happened, the end is the same', async () => {
  const reference = await roll(undefined);
  assert.ok(reference.writes > 20);
  for (let n = 1; n <= reference.writes; n += 2) {
    for (const when of ['before', 'after'] as const) {
      const { end } = await roll({ n, when });
      assert.deepEqual(end, reference.end, `write ${n} lost ${when} it happened`);
    }
  }
});

/** A roll-out of two versions in which the nth write fails and all controllers start afresh. */
async function roll(failure: { n: number; when: 'before' | 'after' } | undefined) {
  let w = start();
  let writes = 0;
  let crashed = false;
  const count = (): void => {
    if (++writes === failure?.n) {
      crashed = true;
      throw new Error('the process died');
    }
  };
  w.api.hooks = failure?.when === 'after' ? { after: count } : { before: count };
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      await w.clock.advance(500);
      if (!crashed) continue;
      crashed = false;
      await w.stop();
      w = testWorld(w.clock, w.api);
      w.start(deploymentController(w.world), replicaSetController(w.world), fakeKubelet(w.world));
    }
  };
  try {
    await w.api.create(Deployments, deployment());
  } catch {
    await w.api.create(Deployments, deployment()).catch(() => undefined);
  }
  await advance(5_000);
  await patch(w, { spec: { template: template('web:2') } }).catch(() => patch(w, { spec: { template: template('web:2') } }));
  await advance(20_000);
  const status = (await w.api.get(Deployments, KEY))?.status;
  const end = {
    pods: await images(w),
    sizes: await sizes(w),
    reason: condition({ status: status! }, 'Progressing')?.reason,
    ready: status?.readyReplicas,
  };
  await w.stop();
  return { end, writes };
}
