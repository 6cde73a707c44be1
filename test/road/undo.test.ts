/** What people do about a release while users go on: they look at the canary by a header, and undo the promotion. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, kubectl, type Instance } from '../support/instance.ts';
import { app, canary, NS, openStage, type Releases, type Stage } from '../support/release.ts';

let it: Instance;
let releases: Releases;
let served: Stage['served'];
let stage: Stage | undefined;

before(async () => {
  stage = await openStage(
    'undo',
    'front',
    app('front', '6.0.0'),
    canary('front', { stepWeights: [5, 10, 15, 20, 25, 30, 35, 40, 45, 50], previewHeader: 'x-sluice-preview' }),
  );
  ({ it, releases, served } = stage);
});
after(() => stage?.close());

const rollout = async (...words: string[]): Promise<string> => {
  const done = await it.sluice(['rollout', '-n', NS, ...words]);
  assert.equal(done.code, 0, `${done.stdout}\n${done.stderr}`);
  return done.stdout;
};
/** Requests to the canary that the route has shared out. */
const counted = async (): Promise<number> =>
  (await it.promql('sum(istio_split_requests_total{destination_service_name="front-canary"})'))[0]?.value ?? 0;
const preview = (): Promise<string> => releases.version('front', { 'x-sluice-preview': 'canary' });
const primary = (): Promise<string> =>
  kubectl(it, ['-n', NS, 'get', 'deployment', 'front-primary', '-o', 'jsonpath={.spec.template.spec.containers[0].image}']);

test('a header leads to the canary, whatever its share, and is not counted among those that chance led there', async () => {
  await releases.setVersion('front', '6.0.1');
  await eventually('traffic is shared', 40, async () => (await releases.status('front')).canaryWeight > 0);
  await eventually('the header leads there', 5, async () => (await preview()) === '6.0.1');
  const chance = await counted();
  const seen: string[] = [];
  for (let i = 0; i < 15; i++) seen.push(...(await Promise.all(Array.from({ length: 20 }, preview))));
  assert.deepEqual([...new Set(seen)], ['6.0.1']);
  assert.equal((await releases.status('front')).phase, 'Progressing', 'all the while');
  assert.ok((await counted()) - chance < 200, 'the route that shares has not counted them');
});

test('a promotion is undone: everyone is back on the version before, and no request fails', async (t) => {
  await releases.reach('front', 'Succeeded');
  assert.equal(await releases.version('front'), '6.0.1');
  assert.match(await rollout('get', 'front'), /undo\s+possible for \d+m\d*s?, back to \S+:6\.0\.0,/);
  await kubectl(it, ['-n', NS, 'rollout', 'status', 'deployment/front-previous', '--timeout=20s']);
  const asked = performance.now();
  const command = rollout('undo', 'front');
  let back = await eventually(
    'the version before is back',
    10,
    async () => (await releases.version('front')) === '6.0.0' && performance.now(),
  );
  for (let i = 0; i < 20; i++) if ((await releases.version('front')) !== '6.0.0') back = performance.now();
  assert.match(await command, /Undoing the last release of front\.test by request/);
  t.diagnostic(`back on the version before ${Math.round(back - asked)} ms after the command was typed`);
  await releases.reach('front', 'Succeeded');
  assert.match(await primary(), /:6\.0\.0$/);
  served();
});

test('what was undone stays so when the same is applied again, and the next version is released', async () => {
  await releases.apply(app('front', '6.0.1'));
  await eventually('it is said', 30, async () => (await releases.said('front')).includes('front.test is again what was undone'));
  assert.match(await primary(), /:6\.0\.0$/);
  assert.equal(await releases.version('front'), '6.0.0');
  await releases.setVersion('front', '6.0.2');
  await releases.reach('front', 'Succeeded');
  assert.equal(await releases.version('front'), '6.0.2');
  served();
});
