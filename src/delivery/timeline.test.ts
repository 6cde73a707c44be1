/** Whole releases by weights, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, Deployments, Events, Services } from '../api/index.ts';
import { deployment, image, NS, replicas, saidAll, weight, world } from './testing/world.ts';

test('a new Canary gets its primary, its Services and its routes, and the target rests', async () => {
  const w = await world();
  await w.reach('Initialized');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  assert.equal(await replicas(w, 'podinfo-primary'), 2);
  assert.equal(await replicas(w, 'podinfo'), 0);
  const services = (await w.client.list(Services, { namespace: NS })).items;
  assert.deepEqual(Object.fromEntries(services.map((s) => [s.metadata?.name, s.spec?.selector?.app])), {
    podinfo: 'podinfo-primary',
    'podinfo-canary': 'podinfo',
    'podinfo-primary': 'podinfo-primary',
  });
  assert.equal(await weight(w), 0);
  assert.equal((await w.canary()).status?.conditions?.[0]?.status, 'True');
  assert.ok((await w.events()).includes('Initialization done! podinfo.test'));
  w.stop();
});

test('a primary that does not get ready is said on the Canary, and taken when it does', async () => {
  const w = await world({ spec: { progressDeadlineSeconds: 60 }, broken: ['podinfo-primary'] });
  const said = async (): Promise<string | undefined> => (await w.canary()).status?.conditions?.[0]?.message;
  await w.pass(50_000);
  assert.equal(await said(), 'New Deployment detected, starting initialization.');
  await w.pass(20_000);
  assert.match((await said()) ?? '', /^podinfo-primary\.test is not ready: .*0 of 2.* Requests go where they went before, until it is\.$/);
  assert.equal(await replicas(w, 'podinfo'), 2);
  w.brokenNames.clear();
  await w.reach('Initialized');
  assert.equal(await said(), 'Deployment initialization completed.');
  w.stop();
});

test('what is waited for is said once an interval, however often pods change', async () => {
  const w = await world({ analysis: { interval: '20s' }, spec: { progressDeadlineSeconds: 600 }, broken: ['podinfo-primary'] });
  for (let i = 0; i < 40; i++) {
    await w.client.patch(
      Deployments,
      { namespace: NS, name: 'podinfo-primary' },
      { type: 'merge', body: { metadata: { annotations: { i: `${i}` } } } },
    );
    await w.pass(1000);
  }
  const told = (await w.client.list(Events, { namespace: NS })).items.filter((e) => e.message?.includes('podinfo-primary.test not ready'));
  const times = told.reduce((sum, e) => sum + (e.count ?? 1), 0);
  assert.ok(times >= 2 && times <= 2 * new Set(told.map((e) => e.message)).size + 1, `${times} times`);
  w.stop();
});

test('a good version advances step by step and is promoted', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  const seen: number[] = [];
  for (let i = 0; i < 400 && (await w.canary()).status?.phase !== 'Succeeded'; i++) {
    await w.pass(500);
    const now = await weight(w);
    if (seen.at(-1) !== now) seen.push(now);
  }
  assert.deepEqual(seen, [0, 20, 40, 60, 0], 'stepWeight 20 goes beyond maxWeight 50, as Flagger has it');
  assert.equal((await w.canary()).status?.phase, 'Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  assert.equal(await replicas(w, 'podinfo'), 0);
  const events = await w.events();
  for (const text of [
    'New revision detected! Scaling up podinfo.test',
    'Starting canary analysis for podinfo.test',
    'Advance podinfo.test canary weight 20',
    'Copying podinfo.test template spec to podinfo-primary.test',
    'Routing all traffic to primary',
    'Promotion completed! Scaling down podinfo.test',
  ])
    assert.ok(events.includes(text), `${text}\nis not in\n${events.join('\n')}`);
  w.stop();
});

test('a failing version is rolled back at the threshold, and the primary keeps the old one', async () => {
  const w = await world();
  await w.reach('Initialized');
  w.successRate = 89;
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  assert.equal(await weight(w), 0);
  assert.equal(await replicas(w, 'podinfo'), 0);
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  const events = await w.events();
  assert.ok(events.includes('Halt podinfo.test advancement success rate 89.00% < 99%'));
  assert.ok(events.includes('Rolling back podinfo.test failed checks threshold reached 2'));
  assert.equal((await w.canary()).status?.conditions?.[0]?.status, 'False');

  w.successRate = 100;
  await w.setImage('podinfo:3');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:3', 'a fix goes out after a failure');
  w.stop();
});

test('a slow version is rolled back', async () => {
  const w = await world();
  await w.reach('Initialized');
  w.p99 = 1515;
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  assert.ok((await w.events()).includes('Halt podinfo.test advancement request duration 1.515s > 500ms'));
  w.stop();
});

test('no traffic is never success: it halts, and fails once the window was full of nothing', async () => {
  const w = await world();
  await w.reach('Initialized');
  w.successRate = undefined;
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  await w.pass(25_000);
  assert.equal((await w.canary()).status?.failedChecks, 0, 'too early to count');
  assert.equal(await weight(w), 20, 'and no more traffic either');
  await w.reach('Failed');
  const nothing =
    'Halt advancement no values found for istio metric request-success-rate probably podinfo.test is not receiving traffic: no request was counted at its sidecars';
  const waits = `${nothing}; requests are waited for, this is a failed check from 40s of the release on`;
  await saidAll(w, [waits, nothing]);
  w.stop();
});

test('metrics look back no further than their release: the one before was another version of the same name', async () => {
  const w = await world();
  await w.reach('Initialized');
  const windows = (): string[] => [...new Set(w.queries.splice(0).map((q) => /\[(\w+)\]/.exec(q)![1]!))];
  assert.deepEqual(windows(), ['30s'], 'whether it can be asked');
  await w.setImage('podinfo:2');
  while ((await weight(w)) < 40) await w.pass(500);
  assert.deepEqual(windows(), ['20s']);
  await w.setImage('podinfo:3');
  await w.reach('Succeeded');
  assert.deepEqual(windows(), ['20s', '30s'], 'from the restart on');
  w.stop();
});

test('pods that never become ready end the release after the deadline', async () => {
  const w = await world();
  await w.reach('Initialized');
  w.broken.add('podinfo:bad');
  await w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { spec: { progressDeadlineSeconds: 30 } } });
  await w.setImage('podinfo:bad');
  await w.reach('Failed');
  assert.equal(await weight(w), 0);
  w.stop();
});

test('hooks hold and stop: a gate waits, a check that fails counts, a rollback hook ends it', async () => {
  const w = await world({
    analysis: {
      webhooks: [
        { name: 'gate', type: 'confirm-rollout', url: 'http://gate/' },
        { name: 'load', url: 'http://load/' },
        { name: 'stop', type: 'rollback', url: 'http://stop/' },
      ],
    },
  });
  await w.reach('Initialized');
  w.hook = (url) => (url.includes('load') ? 200 : 403);
  await w.setImage('podinfo:2');
  await w.reach('Waiting');
  assert.equal(await replicas(w, 'podinfo'), 0);
  w.hook = (url) => (url.includes('stop') ? 403 : 200);
  await w.reach('Progressing');
  await w.pass(25_000);
  assert.ok(w.calls.includes('http://load/'));
  w.hook = () => 200;
  await w.reach('Failed');
  assert.ok((await w.events()).includes('Rolling back podinfo.test manual webhook invoked'));
  w.stop();
});

test('going back to the promoted version during an analysis ends it', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  await w.pass(12_000);
  await w.setImage('podinfo:1');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  assert.equal(await weight(w), 0);
  assert.equal(await replicas(w, 'podinfo'), 0);
  w.stop();
});

test('a newer version during an analysis starts it over', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  await w.pass(15_000);
  await w.setImage('podinfo:3');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:3');
  assert.ok((await w.events()).includes('New revision detected! Restarting analysis for podinfo.test'));
  w.stop();
});

test('a version that is pushed while the primary follows is a release of its own', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  while ((await weight(w)) < 60) await w.pass(500);
  w.brokenNames.add('podinfo-primary');
  await w.reach('Promoting');
  await w.setImage('podinfo:3');
  w.successRate = 50;
  await w.pass(5_000);
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.brokenNames.clear();
  await w.reach('Succeeded');
  await w.reach('Failed');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('a Canary for a missing Deployment says so, and goes on when it comes', async () => {
  const w = await world({ before: async () => {} });
  await w.pass(2_000);
  assert.match((await w.canary()).status?.conditions?.[0]?.message ?? '', / Held up: Deployment podinfo\.test not found: create it/);
  await w.client.create(Deployments, deployment('podinfo:1'));
  await w.reach('Initialized');
  w.stop();
});

test('fields without effect are named, once', async () => {
  const w = await world({ spec: { ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' } } });
  await w.reach('Initialized');
  await w.pass(30_000);
  const said = (await w.client.list(Events, { namespace: NS })).items.filter((e) => e.message?.startsWith('Without effect'));
  assert.deepEqual(
    said.map((e) => [e.type, e.count ?? 1, e.message]),
    [['Warning', 1, 'Without effect, since not supported yet: spec.ingressRef']],
  );
  w.stop();
});
