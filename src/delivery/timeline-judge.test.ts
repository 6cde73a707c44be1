/** What the judge does to releases, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployments, Ingresses } from '../api/index.ts';
import type { Sample } from './ports.ts';
import { deployment, ingress, weight, world } from './testing/world.ts';

/** Requests that a gateway has counted for one side, since ever. */
const counted = (side: 'primary' | 'canary', code: string, value: number, le?: string): Sample => ({
  labels: {
    namespace: 'gw',
    pod: 'gw-0',
    split: 'test/podinfo/0',
    destination_service_name: `podinfo-${side}`,
    ...(le === undefined ? { response_code: code } : { le }),
  },
  value,
});

test('a canary that is proven worse than the primary is rolled back between two checks, with what was counted', async () => {
  const w = await world({ analysis: { interval: '60s', threshold: 10 } });
  await w.reach('Initialized');
  let requests = 0;
  w.split = (query) => {
    if (query.includes('_bucket')) return [];
    requests++;
    return [counted('primary', '200', requests * 20), counted('canary', '500', requests * 2)];
  };
  await w.setImage('podinfo:2');
  await w.reach('Failed', 70_000);
  const { status } = await w.canary();
  assert.equal(status?.judge?.verdict, 'harm');
  assert.equal(status.judge.tests?.[0]?.canaryBad, status.judge.tests?.[0]?.canaryRequests);
  assert.match(
    (await w.events()).join('\n'),
    /Rolling back podinfo.test worse than the primary: (\d+) of \1 requests to the canary failed \(100 %\), 0 of /,
  );
  assert.equal(await weight(w), 0);
  w.stop();
});

test('behind an Ingress the share of the primary goes by the apex Service', async () => {
  const w = await world({
    analysis: { interval: '60s', threshold: 10 },
    spec: { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' } },
    async before(client) {
      await client.create(Deployments, deployment('podinfo:1'));
      await client.create(Ingresses, ingress);
    },
  });
  await w.reach('Initialized');
  let requests = 0;
  w.split = (query) => {
    if (query.includes('_bucket') || !query.includes('~"podinfo|podinfo-canary"')) return [];
    requests++;
    const canary = counted('canary', '500', requests * 2);
    return [canary, { labels: { ...canary.labels, destination_service_name: 'podinfo', response_code: '200' }, value: requests * 20 }];
  };
  await w.setImage('podinfo:2');
  await w.reach('Failed', 70_000);
  assert.match((await w.events()).join('\n'), /Rolling back podinfo.test worse than the primary: /);
  w.stop();
});

test('where the judge cannot count it says so, and can be switched off', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  assert.deepEqual([(await w.canary()).status?.judge?.verdict], ['silent']);
  w.stop();
  const off = await world({ analysis: { judge: { enabled: false } } });
  await off.reach('Initialized');
  off.split = () => assert.fail('it was asked for counts');
  await off.setImage('podinfo:2');
  await off.reach('Succeeded');
  assert.equal((await off.canary()).status?.judge, undefined);
  off.stop();
});

test('proof that a canary is good enough ends its analysis early, if that is wanted', async () => {
  const w = await world({ analysis: { interval: '30s', stepWeight: 2, maxWeight: 50, judge: { promoteEarly: true } } });
  await w.reach('Initialized');
  let looks = 0;
  w.split = (query) => {
    looks++;
    if (query.includes('_bucket'))
      return (['primary', 'canary'] as const).flatMap((side) => [
        counted(side, '', looks * 980, '10000'),
        counted(side, '', looks * 980, '20000'),
        counted(side, '', looks * 1000, '+Inf'),
      ]);
    return [
      counted('primary', '200', looks * 990),
      counted('primary', '500', looks * 10),
      counted('canary', '200', looks * 990),
      counted('canary', '500', looks * 10),
    ];
  };
  await w.setImage('podinfo:2');
  await w.reach('Succeeded', 200_000);
  assert.match((await w.events()).join('\n'), /Ending analysis of podinfo.test early: less than 2 times as bad as the primary: \d+ of /);
  w.stop();
});

test('too few requests are no success and no failure, unless the author says that they are', async () => {
  const metrics = (inconclusive: 'wait' | 'fail') => [
    { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s', minRequests: 500, inconclusive },
  ];
  const waits = await world({ analysis: { metrics: metrics('wait') } });
  await waits.reach('Initialized');
  await waits.setImage('podinfo:2');
  await waits.reach('Progressing');
  await waits.pass(200_000);
  const { status } = await waits.canary();
  assert.deepEqual([status?.phase, status?.canaryWeight, status?.failedChecks], ['Progressing', 20, 0]);
  assert.match(
    (await waits.events()).join('\n'),
    /Halt podinfo.test advancement request-success-rate has 100 requests of at least 500: waiting for 400 more/,
  );
  waits.stop();
  const fails = await world({ analysis: { metrics: metrics('fail') } });
  await fails.reach('Initialized');
  await fails.setImage('podinfo:2');
  await fails.reach('Failed', 60_000);
  fails.stop();
});

test('each decision is kept with what was looked at, and no more than ten of them', async () => {
  const w = await world({ analysis: { stepWeight: 4 } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded', 400_000);
  const { evidence = [] } = (await w.canary()).status!;
  assert.equal(evidence.length, 10);
  const last = evidence.at(-1)!;
  assert.equal(last.decision, 'Copying podinfo.test template spec to podinfo-primary.test');
  assert.equal(last.weight, 52);
  assert.deepEqual(last.metrics, [
    { name: 'request-success-rate', result: 'pass', value: 100, min: 99, interval: '30s' },
    { name: 'request-duration', result: 'pass', value: 20, max: 500, interval: '30s' },
  ]);
  assert.match(last.judge!, /the checks decide alone/);
  w.stop();
});
