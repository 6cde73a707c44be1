import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerRevision, StatefulSet } from 'kubernetes-types/apps/v1.js';
import { ControllerRevisions, DaemonSets, Nodes, Pods, StatefulSets } from '../api/index.ts';
import { daemonSetController } from './daemonset.ts';
import { decideHistory, templateOf } from './history.ts';
import { statefulSetController } from './statefulset.ts';
import { fakeKubelet, readyNode, testWorld } from './testing.ts';

const KEY = { namespace: 'a', name: 'db' };
const labels = { app: 'db' };
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }] } });
const set = (image: string, limit?: number): StatefulSet => ({
  metadata: { ...KEY, uid: 'u', annotations: { 'kubernetes.io/change-cause': 'a test' } },
  spec: { serviceName: 's', selector: {}, template: template(image), ...(limit === undefined ? {} : { revisionHistoryLimit: limit }) },
});
const HASH = 'controller.kubernetes.io/hash';

test('each template is a revision; an old one that comes back gets a new number; those beyond the limit go', () => {
  let revisions: ControllerRevision[] = [];
  const step = (image: string, limit?: number, inUse: string[] = []) => {
    const plan = decideHistory(StatefulSets, set(image, limit), revisions, new Set(inUse), HASH);
    const renumbered = revisions.map((r) => (r.metadata?.name === plan.renumber?.metadata?.name ? plan.renumber! : r));
    revisions = [...renumbered.filter((r) => !plan.remove.includes(r)), ...(plan.create ? [plan.create] : [])];
    return revisions.map((r) => `${r.revision} ${templateOf(r)?.spec?.containers[0]?.image}`).sort();
  };
  assert.deepEqual(step('db:1'), ['1 db:1']);
  assert.deepEqual(step('db:1'), ['1 db:1']);
  const [first] = revisions;
  assert.deepEqual(first?.data, { spec: { template: { ...template('db:1'), $patch: 'replace' } } });
  assert.equal(first?.metadata?.name, `db-${first?.metadata?.labels?.[HASH]}`);
  assert.deepEqual(
    [first?.metadata?.labels?.['app'], first?.metadata?.annotations, first?.metadata?.ownerReferences?.[0]?.uid],
    ['db', { 'kubernetes.io/change-cause': 'a test' }, 'u'],
  );
  assert.deepEqual(step('db:2'), ['1 db:1', '2 db:2']);
  assert.deepEqual(step('db:3'), ['1 db:1', '2 db:2', '3 db:3']);
  assert.deepEqual(step('db:1'), ['2 db:2', '3 db:3', '4 db:1']);
  assert.deepEqual(step('db:1', 1, [revisions[1]!.metadata!.name!]), ['2 db:2', '3 db:3', '4 db:1'], 'what pods still have is not counted');
  assert.deepEqual(step('db:1', 1), ['3 db:3', '4 db:1']);
  assert.deepEqual(step('db:1', 0), ['4 db:1']);
});

test('a stateful set and a daemon set keep their history, and a pod below the partition comes back as it was', async () => {
  const w = testWorld();
  w.start(statefulSetController(w.world), daemonSetController(w.world), fakeKubelet(w.world));
  w.api.seed(Nodes, readyNode('sluice'));
  const spec = { serviceName: 's', replicas: 2, selector: { matchLabels: labels }, template: template('db:1') };
  await w.api.create(StatefulSets, {
    metadata: KEY,
    spec: { ...spec, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } },
  });
  const daemons = { matchLabels: { app: 'daemon' } };
  const daemonTemplate = (image: string) => ({ ...template(image), metadata: { labels: daemons.matchLabels } });
  await w.api.create(DaemonSets, {
    metadata: { namespace: 'a', name: 'ds' },
    spec: { selector: daemons, template: daemonTemplate('ds:1') },
  });
  await w.clock.advance(10_000);
  await w.api.patch(StatefulSets, KEY, { type: 'merge', body: { spec: { template: template('db:2') } } });
  await w.api.patch(DaemonSets, { namespace: 'a', name: 'ds' }, { type: 'merge', body: { spec: { template: daemonTemplate('ds:2') } } });
  await w.clock.advance(20_000);
  await w.api.delete(Pods, { namespace: 'a', name: 'db-0' }, { gracePeriodSeconds: 0 });
  await w.clock.advance(10_000);

  const pods = (await w.api.list(Pods, { labelSelector: 'app=db' })).items;
  assert.deepEqual(
    pods.map((p) => `${p.metadata?.name} ${p.spec?.containers[0]?.image}`),
    ['db-0 db:1', 'db-1 db:2'],
  );
  const { status } = (await w.api.get(StatefulSets, KEY))!;
  const revisions = (await w.api.list(ControllerRevisions)).items;
  const named = (name: string | undefined) => revisions.find((r) => r.metadata?.name === name);
  assert.deepEqual([named(status?.currentRevision)?.revision, named(status?.updateRevision)?.revision], [1, 2]);
  assert.deepEqual(
    pods.map((p) => p.metadata?.labels?.['controller-revision-hash']),
    [status?.currentRevision, status?.updateRevision],
  );
  const daemon = (await w.api.list(Pods, { labelSelector: 'app=daemon' })).items[0];
  const own = revisions.filter((r) => r.metadata?.labels?.['app'] === 'daemon');
  assert.equal(
    own.find((r) => r.revision === 2)?.metadata?.labels?.['controller-revision-hash'],
    daemon?.metadata?.labels?.['controller-revision-hash'],
  );
  assert.equal(own.length, 2);
  await w.stop();
});
