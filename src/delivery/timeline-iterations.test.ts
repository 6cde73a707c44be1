/** A/B testing and blue/green, with and without a mesh, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployments, Services, type CanaryAnalysis } from '../api/index.ts';
import { course, image, iterations, NS, replicas, routes, saidAll, world, type World } from './testing/world.ts';

const BETA = { headers: { 'x-canary': { exact: 'insider' } } };

const status = async (w: World): Promise<string> => {
  const { phase, iterations: i } = (await w.canary()).status ?? {};
  return `${phase} ${i}`;
};
const shown = async (w: World): Promise<number> => (await w.canary()).status?.canaryWeight ?? NaN;

/** Shares of each rule, `primary/canary`, and `m` where the canary gets a copy. */
const shares = async (w: World): Promise<string> =>
  (await routes(w))
    .map((r) => {
      const of = (host: string) => r.route?.find((d) => d.destination.host === host)?.weight ?? '-';
      return `${of('podinfo-primary')}/${of('podinfo-canary')}${r.mirror ? 'm' : ''}`;
    })
    .join(' ');

test('A/B: those who match use the canary for so many checks, all others the primary throughout', async () => {
  const w = await world({ analysis: iterations(3, { match: [BETA, { headers: { cookie: { regex: '.*beta.*' } } }] }) });
  await w.reach('Initialized');
  assert.equal(await shares(w), '100/0 100/-');
  assert.deepEqual((await routes(w))[0]?.match, [BETA, { headers: { cookie: { regex: '.*beta.*' } } }]);
  assert.equal((await routes(w))[1]?.match, undefined);
  await w.setImage('podinfo:2');
  const seen = await course(w, async () => `${await shares(w)} ${await status(w)} ${await shown(w)}`);
  assert.deepEqual(seen, [
    '100/0 100/- Initialized 0 0',
    '100/0 100/- Progressing 0 0',
    '0/100 100/- Progressing 1 100',
    '0/100 100/- Progressing 2 100',
    '0/100 100/- Progressing 3 100',
    '0/100 100/- Promoting 3 100',
    '100/0 100/- Finalising 3 0',
    '100/0 100/- Succeeded 0 0',
  ]);
  await saidAll(w, [
    'Starting canary analysis for podinfo.test',
    'Advance podinfo.test canary iteration 1/3',
    'Advance podinfo.test canary iteration 3/3',
    'Copying podinfo.test template spec to podinfo-primary.test',
    'Routing all traffic to primary',
    'Promotion completed! Scaling down podinfo.test',
  ]);
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('A/B: rules of the service and of the test both hold', async () => {
  const match = [{ uri: { prefix: '/api' }, headers: { host: { exact: 'a' } } }];
  const w = await world({
    analysis: iterations(1, { match: [BETA, { sourceLabels: { app: 'tester' } }] }),
    spec: { service: { port: 9898, match } },
  });
  await w.reach('Initialized');
  const [test, rest] = await routes(w);
  assert.deepEqual(test?.match, [
    { uri: { prefix: '/api' }, headers: { host: { exact: 'a' }, 'x-canary': { exact: 'insider' } } },
    { uri: { prefix: '/api' }, headers: { host: { exact: 'a' } }, sourceLabels: { app: 'tester' } },
  ]);
  assert.deepEqual(rest?.match, match);
  w.stop();
});

test('A/B: a failing version goes back after the threshold', async () => {
  const w = await world({ analysis: iterations(5, { match: [BETA] }) });
  await w.reach('Initialized');
  w.successRate = 80;
  await w.setImage('podinfo:2');
  await w.reach('Failed');
  assert.equal(await shares(w), '100/0 100/-');
  assert.equal(await replicas(w, 'podinfo'), 0);
  await saidAll(w, ['Rolling back podinfo.test failed checks threshold reached 2', 'Canary failed! Scaling down podinfo.test']);
  w.stop();
});

test('A/B: when the primary breaks in the promotion, everyone is moved to the canary', async () => {
  const w = await world({ analysis: iterations(1, { match: [BETA] }), spec: { progressDeadlineSeconds: 20 } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  w.brokenNames.add('podinfo-primary');
  await w.reach('Failed');
  assert.equal(await shares(w), '0/100 0/100');
  assert.equal(await replicas(w, 'podinfo'), 2, 'the canary goes on serving');
  assert.equal((await w.canary()).status?.canaryWeight, 100);

  w.brokenNames.clear();
  await w.setImage('podinfo:3');
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:3');
  assert.equal(await shares(w), '100/0 100/-');
  w.stop();
});

test('blue/green: checked beside the primary, then all users move while the primary follows', async () => {
  const w = await world({ analysis: iterations(2) });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  const seen = await course(w, async () => `${await shares(w)} ${await status(w)}`);
  assert.deepEqual(seen, [
    '100/0 Initialized 0',
    '100/0 Progressing 0',
    '100/0 Progressing 1',
    '100/0 Progressing 2',
    '0/100 Progressing 3',
    '0/100 Promoting 3',
    '100/0 Finalising 3',
    '100/0 Succeeded 0',
  ]);
  await saidAll(w, ['Advance podinfo.test canary iteration 2/2', 'Routing all traffic to canary', 'Routing all traffic to primary']);
  w.stop();
});

test('blue/green with mirroring: the canary is checked with copies of requests', async () => {
  const w = await world({ analysis: iterations(2, { mirror: true, mirrorWeight: 30 }) });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  let percent: unknown;
  const seen = await course(w, async () => {
    percent ??= (await routes(w))[0]?.mirrorPercentage;
    return shares(w);
  });
  assert.deepEqual(seen, ['100/0', '100/0m', '0/100', '100/0']);
  assert.deepEqual(percent, { value: 30 });
  await saidAll(w, ['Stop traffic mirroring and route all traffic to canary']);
  w.stop();
});

test('blue/green: while the promotion gate is closed, nothing moves, and checks go on', async () => {
  const w = await world({
    analysis: iterations(2, { webhooks: [{ name: 'ask', type: 'confirm-promotion', url: 'http://gate/' }] }),
  });
  await w.reach('Initialized');
  w.hook = () => 403;
  await w.setImage('podinfo:2');
  await w.reach('WaitingPromotion');
  await w.pass(60_000);
  assert.equal(await shares(w), '100/0');
  assert.equal(await status(w), 'WaitingPromotion 2', 'iterations are not counted back');
  const halts = (await w.eventCounts()).filter(([m]) => m === 'Halt podinfo.test advancement waiting for promotion approval ask');
  assert.deepEqual(
    halts.map(([, n]) => n),
    [1],
    'said once',
  );
  w.successRate = 50;
  await w.reach('Failed');
  w.stop();
});

test('weights with mirroring: one step of copies, then shares', async () => {
  const w = await world({ analysis: { mirror: true } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  assert.deepEqual(await course(w, () => shares(w)), ['100/0', '100/0m', '80/20', '60/40', '40/60', '100/0']);
  await saidAll(w, ['Advance podinfo.test canary weight 0', 'Advance podinfo.test canary weight 20']);
  w.stop();
});

test('without a mesh: the apex Service selects one side or the other', async () => {
  const w = await world({ analysis: iterations(2), spec: { provider: 'kubernetes' } });
  await w.reach('Initialized');
  const selected = async (): Promise<string | undefined> =>
    (await w.client.get(Services, { namespace: NS, name: 'podinfo' }))?.spec?.selector?.['app'];
  await w.setImage('podinfo:2');
  assert.deepEqual(await course(w, selected), ['podinfo-primary', 'podinfo', 'podinfo-primary']);
  assert.deepEqual(await routes(w), [], 'no objects of a mesh');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('without a mesh: shares and matches are turned into iterations, and it is said', async () => {
  const analysis: Partial<CanaryAnalysis> = { match: [BETA], interval: '1s' };
  const w = await world({ analysis, spec: { provider: 'kubernetes' } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  await saidAll(w, [
    'A/B testing is not supported when using the kubernetes provider',
    'Progressive traffic is not supported when using the kubernetes provider',
    'Setting canaryAnalysis.iterations: 10',
    'Advance podinfo.test canary iteration 10/10',
  ]);
  w.stop();
});

test('blue/green: a newer version starts it over, and the count with it', async () => {
  const w = await world({ analysis: iterations(4) });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  await w.pass(25_000);
  assert.ok(((await w.canary()).status?.iterations ?? 0) >= 2);
  await w.setImage('podinfo:3');
  await w.pass(1_000);
  assert.equal(await status(w), 'Progressing 0');
  await w.reach('Succeeded');
  assert.equal(
    (await w.client.get(Deployments, { namespace: NS, name: 'podinfo-primary' }))?.spec?.template.spec?.containers[0]?.image,
    'podinfo:3',
  );
  w.stop();
});
