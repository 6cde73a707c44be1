/** A promotion that is undone, in virtual time: what is kept, what serves, and what a sync from Git can do about it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, ConfigMaps, DaemonSets, Deployments, REQUEST, Services, type CanaryAnalysis, type CanarySpec } from '../api/index.ts';
import {
  configMap,
  daemonSet,
  deployment,
  image,
  iterations,
  NS,
  replicas,
  routes,
  saidAll,
  weight,
  world,
  type World,
} from './testing/world.ts';

let asked = 0;
async function ask(w: World, request: string): Promise<string> {
  const text = `${request} ${++asked}`;
  const body = { metadata: { annotations: { [REQUEST]: text } } };
  await w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body });
  await w.pass(500);
  const { handled } = (await w.canary()).status ?? {};
  return handled?.request === text ? `${handled.done ? 'done' : 'refused'}: ${handled.message}` : 'open';
}

const canaryLeadsTo = async (w: World): Promise<unknown> =>
  (await w.client.get(Services, { namespace: NS, name: 'podinfo-canary' }))?.spec?.selector?.['app'];
const phase = async (w: World): Promise<unknown> => (await w.canary()).status?.phase;
const outcomes = async (w: World): Promise<unknown[]> => ((await w.canary()).status?.history ?? []).map((r) => [r.images?.[0], r.outcome]);

/** Version 2 has just been promoted. */
async function promoted({
  analysis = {},
  spec = {},
}: { analysis?: Partial<CanaryAnalysis>; spec?: Partial<CanarySpec> } = {}): Promise<World> {
  const w = await world({ analysis, spec });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  return w;
}

test('the version before is kept warm for a while, and then goes', async () => {
  const w = await promoted();
  assert.deepEqual([await image(w, 'podinfo-previous'), await replicas(w, 'podinfo-previous')], ['podinfo:1', 2]);
  assert.equal(await canaryLeadsTo(w), 'podinfo-previous', 'so that every proxy knows it');
  assert.equal(await weight(w), 0);
  assert.deepEqual((await w.canary()).status?.previous?.images, ['podinfo:1']);
  await w.pass(590_000);
  assert.equal(await replicas(w, 'podinfo-previous'), 2);
  await w.pass(15_000);
  assert.equal(await replicas(w, 'podinfo-previous'), -1);
  assert.equal(await canaryLeadsTo(w), 'podinfo');
  assert.equal((await w.canary()).status?.previous, undefined);
  assert.match(await ask(w, 'undo'), /^refused: no version before is kept/);
  w.stop();
});

test('an undoWindow of 0s keeps nothing; another is as long as it says', async () => {
  for (const [undoWindow, after, left] of [
    ['0s', 0, -1],
    ['1m', 50_000, 2],
    ['1m', 61_000, -1],
  ] as const) {
    const w = await promoted({ spec: { undoWindow } });
    await w.pass(after);
    assert.equal(await replicas(w, 'podinfo-previous'), left, `${undoWindow} after ${after}`);
    w.stop();
  }
});

test('undo: the route changes at once, then the primary and the target are what they were', async () => {
  const w = await promoted();
  const before = (await w.canary()).status?.lastPromotedSpec;
  w.brokenNames.add('podinfo-primary');
  assert.match(
    await ask(w, 'undo'),
    /^done: Undoing the last release of podinfo.test by request: all traffic goes to podinfo-previous.test$/,
  );
  assert.deepEqual([await weight(w), await canaryLeadsTo(w), await phase(w)], [100, 'podinfo-previous', 'Promoting']);
  assert.equal(await image(w, 'podinfo'), 'podinfo:1');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  assert.match(await ask(w, 'undo'), /^refused: it is being undone already/);
  await w.pass(20_000);
  assert.equal(await weight(w), 100, 'until the primary is ready');
  w.brokenNames.clear();
  await w.reach('Succeeded');
  assert.deepEqual([await weight(w), await replicas(w, 'podinfo'), await replicas(w, 'podinfo-previous')], [0, 0, -1]);
  const { status } = await w.canary();
  assert.equal(status?.undone?.revision, before);
  assert.equal(status?.lastPromotedSpec, status?.lastAppliedSpec);
  assert.notEqual(status?.lastPromotedSpec, before);
  assert.deepEqual(await outcomes(w), [['podinfo:2', 'Undone']]);
  await saidAll(w, ['Undo completed! podinfo-primary.test runs the version before']);
  w.stop();
});

test('the target returns to what its author wrote, word by word', async () => {
  const first = deployment('podinfo:1', { config: 'podinfo', secret: 'absent' });
  const template = first.spec!.template;
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'h', labelSelector: { matchLabels: { app: 'podinfo' } } }],
    },
  };
  const original = {
    ...first,
    spec: {
      ...first.spec!,
      template: { metadata: { labels: { app: 'podinfo' }, annotations: { a: 'b' } }, spec: { ...template.spec!, affinity } },
    },
  };
  const w = await world({
    before: async (client) => {
      await client.create(ConfigMaps, configMap('podinfo', { colour: 'blue' }));
      await client.create(Deployments, original);
    },
  });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  assert.match(await ask(w, 'undo'), /^done/);
  await w.reach('Succeeded');
  const now = await w.client.get(Deployments, { namespace: NS, name: 'podinfo' });
  assert.deepEqual(now?.spec?.template, original.spec.template);
  w.stop();
});

test('what was undone is not released when a sync applies it again, but what comes next is', async () => {
  const w = await promoted();
  await ask(w, 'undo');
  await w.reach('Succeeded');
  await w.setImage('podinfo:2');
  await w.pass(60_000);
  assert.deepEqual([await phase(w), await image(w, 'podinfo-primary'), await weight(w)], ['Succeeded', 'podinfo:1', 0]);
  assert.match((await w.canary()).status?.conditions?.[0]?.message ?? '', /not released again until it changes/);
  assert.equal((await w.eventCounts()).find(([text]) => text.startsWith('podinfo.test is again what was undone'))?.[1], 1, 'said once');
  assert.equal(await ask(w, 'promote'), 'refused: it was undone: release it again with retry');
  await w.setImage('podinfo:3');
  await w.reach('Progressing');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:3');
  assert.equal((await w.canary()).status?.undone, undefined);
  w.stop();
});

test('a sync in the middle of an undo does not bring back what is undone', async () => {
  const w = await promoted();
  w.brokenNames.add('podinfo-primary');
  await ask(w, 'undo');
  await w.setImage('podinfo:2');
  await w.pass(5_000);
  w.brokenNames.clear();
  await w.reach('Succeeded');
  await w.pass(60_000);
  assert.deepEqual([await image(w, 'podinfo-primary'), await weight(w)], ['podinfo:1', 0]);
  w.stop();
});

test('retry releases it after all', async () => {
  const w = await promoted();
  await ask(w, 'undo');
  await w.reach('Succeeded');
  await w.setImage('podinfo:2');
  await w.pass(5_000);
  assert.match(await ask(w, 'retry'), /^done: Releasing podinfo.test again by request, although it was undone/);
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('a change of configuration alone is undone as well: the primary has the old one, the author keeps the new one', async () => {
  const w = await world({
    before: async (client) => {
      await client.create(ConfigMaps, configMap('podinfo', { colour: 'blue' }));
      await client.create(Deployments, deployment('podinfo:1', { config: 'podinfo' }));
    },
  });
  const colour = async (name: string): Promise<unknown> => (await w.client.get(ConfigMaps, { namespace: NS, name }))?.data?.['colour'];
  await w.reach('Initialized');
  await w.client.patch(ConfigMaps, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { data: { colour: 'red' } } });
  await w.reach('Progressing');
  await w.reach('Succeeded');
  assert.deepEqual([await colour('podinfo-primary'), await colour('podinfo-previous')], ['red', 'blue']);
  assert.match(await ask(w, 'undo'), /^done/);
  await w.reach('Succeeded');
  await w.pass(60_000);
  assert.deepEqual([await colour('podinfo'), await colour('podinfo-primary'), await phase(w)], ['red', 'blue', 'Succeeded']);
  assert.equal(await colour('podinfo-previous'), undefined);
  await w.client.patch(ConfigMaps, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { data: { colour: 'green' } } });
  await w.reach('Progressing');
  await w.reach('Succeeded');
  assert.equal(await colour('podinfo-primary'), 'green');
  w.stop();
});

test('an undo is asked for while the promotion ends: it is done right after', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Promoting');
  assert.equal(await ask(w, 'undo'), 'open');
  await w.pass(30_000);
  assert.deepEqual([await phase(w), await image(w, 'podinfo-primary')], ['Succeeded', 'podinfo:1']);
  w.stop();
});

test('while a release is under way there is nothing to undo; the next release takes the place of what was kept', async () => {
  const w = await promoted();
  await w.setImage('podinfo:3');
  await w.reach('Progressing');
  assert.equal(await replicas(w, 'podinfo-previous'), -1);
  assert.equal(await canaryLeadsTo(w), 'podinfo');
  assert.equal(await ask(w, 'undo'), 'refused: a release is under way: roll it back with abort');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-previous'), 'podinfo:2');
  w.stop();
});

test('a release that waits at its gate is not touched by the undo of the one before', async () => {
  const w = await promoted({ analysis: { webhooks: [{ name: 'gate', type: 'confirm-rollout', url: 'http://gate/' }] } });
  w.hook = () => 403;
  await w.setImage('podinfo:3');
  await w.reach('Waiting');
  assert.match(await ask(w, 'undo'), /^done/);
  assert.equal(await image(w, 'podinfo'), 'podinfo:3');
  await w.reach('Waiting');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  w.hook = () => 200;
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:3');
  w.stop();
});

test('a primary that does not come back leaves the version before in charge', async () => {
  const w = await promoted({ spec: { progressDeadlineSeconds: 30 } });
  w.brokenNames.add('podinfo-primary');
  await ask(w, 'undo');
  await w.reach('Failed');
  await w.pass(700_000);
  assert.deepEqual([await weight(w), await replicas(w, 'podinfo-previous')], [100, 2], 'also beyond the window');
  w.brokenNames.clear();
  await w.pass(500);
  assert.match(await ask(w, 'retry'), /^done: Undoing/);
  await w.reach('Succeeded');
  assert.deepEqual([await image(w, 'podinfo-primary'), await weight(w)], ['podinfo:1', 0]);
  w.stop();
});

test('sessions that stuck to the primary are let go', async () => {
  const w = await promoted({ analysis: { sessionAffinity: { cookieName: 'c', primaryCookieName: 'p' } } });
  w.brokenNames.add('podinfo-primary');
  await ask(w, 'undo');
  for (const { route = [] } of await routes(w))
    assert.deepEqual(
      route.map((r) => [r.destination.host, r.weight]),
      [
        ['podinfo-primary', 0],
        ['podinfo-canary', 100],
      ],
    );
  w.stop();
});

test('A/B testing: everyone is moved, whether they match or not', async () => {
  const w = await promoted({ analysis: iterations(1, { match: [{ headers: { 'x-canary': { exact: 'insider' } } }] }) });
  w.brokenNames.add('podinfo-primary');
  await ask(w, 'undo');
  assert.deepEqual(
    (await routes(w)).map((r) => r.route?.find((d) => d.destination.host === 'podinfo-canary')?.weight),
    [100, 100],
  );
  w.stop();
});

test('without a mesh the Service selects the version before', async () => {
  const w = await promoted({ analysis: iterations(1), spec: { provider: 'kubernetes' } });
  w.brokenNames.add('podinfo-primary');
  await ask(w, 'undo');
  const apex = async (): Promise<unknown> => (await w.client.get(Services, { namespace: NS, name: 'podinfo' }))?.spec?.selector?.['app'];
  assert.equal(await apex(), 'podinfo-previous');
  w.brokenNames.clear();
  await w.reach('Succeeded');
  assert.equal(await apex(), 'podinfo-primary');
  w.stop();
});

test('a DaemonSet is undone', async () => {
  const w = await world({
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'podinfo' } },
    before: (client) => client.create(DaemonSets, daemonSet('podinfo:1')),
  });
  await w.reach('Initialized');
  await w.setImage('podinfo:2', DaemonSets);
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-previous', DaemonSets), 'podinfo:1');
  assert.match(await ask(w, 'undo'), /^done/);
  await w.reach('Succeeded');
  await w.pass(30_000);
  assert.deepEqual([await image(w, 'podinfo', DaemonSets), await image(w, 'podinfo-primary', DaemonSets)], ['podinfo:1', 'podinfo:1']);
  assert.equal(await phase(w), 'Succeeded');
  w.stop();
});
