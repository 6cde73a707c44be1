/** Whole releases in virtual time: the real controller on a fake API, with a world that plays Deployments, metrics and hooks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { Canaries, Deployments, Events, VirtualServices, Services, type Canary, type CanaryAnalysis } from '../api/index.ts';
import { silentLog, VirtualClock } from '../base/index.ts';
import { createInformers } from '../control/index.ts';
import { FakeClient } from '../control/testing.ts';
import { startDelivery } from './controller.ts';
import type { Http, Sample } from './ports.ts';

const NS = 'test';

interface World {
  clock: VirtualClock;
  client: FakeClient;
  /** What the next queries answer, by a word of the query. */
  successRate: number | undefined;
  p99: number | undefined;
  /** What the proxies have counted of the route's requests, as its series. */
  split: (query: string) => readonly Sample[];
  hook: (url: string) => number;
  calls: string[];
  /** Deployments whose pods never become ready. */
  broken: Set<string>;
  /** Lets time pass, with Deployments rolling out at once, until the phase is reached. */
  reach(phase: string, limitMs?: number): Promise<void>;
  pass(ms: number): Promise<void>;
  setImage(image: string): Promise<void>;
  canary(): Promise<Canary>;
  events(): Promise<string[]>;
  stop(): void;
}

const deployment = (image: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'podinfo', namespace: NS, generation: 1 },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'podinfo' } },
    template: { metadata: { labels: { app: 'podinfo' } }, spec: { containers: [{ name: 'podinfod', image }] } },
  },
});

const canaryObject = (analysis: Partial<CanaryAnalysis>): Canary => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name: 'podinfo', namespace: NS },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
    service: { port: 9898 },
    analysis: {
      interval: '10s',
      threshold: 2,
      maxWeight: 50,
      stepWeight: 20,
      metrics: [
        { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' },
        { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
      ],
      ...analysis,
    },
  },
});

/** Plays the Deployment controller: everything is rolled out and available at once, unless it is broken. */
async function rollOut(client: FakeClient, broken: ReadonlySet<string>, now: number): Promise<void> {
  for (const d of (await client.list(Deployments, { namespace: NS })).items) {
    const replicas = d.spec?.replicas ?? 1;
    const bad = broken.has(d.spec?.template.spec?.containers[0]?.image ?? '');
    const status = {
      observedGeneration: d.metadata?.generation ?? 0,
      replicas,
      updatedReplicas: replicas,
      availableReplicas: bad ? 0 : replicas,
      conditions: [{ type: 'Available', status: bad && replicas > 0 ? 'False' : 'True', lastUpdateTime: new Date(now).toISOString() }],
    };
    if (JSON.stringify({ ...status, conditions: 0 }) === JSON.stringify({ ...d.status, conditions: 0 })) continue;
    await client.update(Deployments, { ...d, status }, { subresource: 'status' });
  }
}

async function world(analysis: Partial<CanaryAnalysis> = {}, options: { withTarget?: boolean } = {}): Promise<World> {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const abort = new AbortController();
  const informers = createInformers(client, { clock, log: silentLog, signal: abort.signal });
  const w: World = {
    clock,
    client,
    successRate: 100,
    p99: 20,
    split: () => [],
    hook: () => 200,
    calls: [],
    broken: new Set(),
    async pass(ms) {
      for (let left = ms; left > 0; left -= 500) {
        await clock.advance(Math.min(500, left));
        await rollOut(client, w.broken, clock.now());
      }
    },
    async reach(phase, limitMs = 300_000) {
      for (let t = 0; t < limitMs; t += 500) {
        if ((await w.canary()).status?.phase === phase) return;
        await w.pass(500);
      }
      assert.fail(`never ${phase}, but ${JSON.stringify((await w.canary()).status)}\n${(await w.events()).join('\n')}`);
    },
    async setImage(image) {
      const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', image }] } } } };
      await client.patch(Deployments, { namespace: NS, name: 'podinfo' }, { type: 'merge', body });
    },
    async canary() {
      return (await client.get(Canaries, { namespace: NS, name: 'podinfo' }))!;
    },
    async events() {
      return (await client.list(Events, { namespace: NS })).items.map((e) => e.message ?? '');
    },
    stop: () => abort.abort(),
  };
  const http: Http = {
    post: async (url) => {
      w.calls.push(url);
      return { status: w.hook(url), body: 'said no' };
    },
  };
  const metrics = {
    query: async (q: string) => (q.includes('histogram_quantile') ? w.p99 : w.successRate),
    select: async (q: string) => w.split(q),
  };
  if (options.withTarget !== false) await client.create(Deployments, deployment('podinfo:1'));
  await client.create(Canaries, canaryObject(analysis));
  void startDelivery({ informers, metrics, http, clock, log: silentLog, signal: abort.signal });
  await w.pass(500);
  return w;
}

const image = async (w: World, name: string): Promise<string> =>
  (await w.client.get(Deployments, { namespace: NS, name }))?.spec?.template.spec?.containers[0]?.image ?? '';
const replicas = async (w: World, name: string): Promise<number> =>
  (await w.client.get(Deployments, { namespace: NS, name }))?.spec?.replicas ?? -1;
const weight = async (w: World): Promise<number> =>
  (await w.client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec.http?.[0]?.route?.find(
    (r) => r.destination.host === 'podinfo-canary',
  )?.weight ?? -1;

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
  assert.ok((await w.events()).some((e) => e.startsWith('Halt advancement no values found for istio metric request-success-rate')));
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
    webhooks: [
      { name: 'gate', type: 'confirm-rollout', url: 'http://gate/' },
      { name: 'load', url: 'http://load/' },
      { name: 'stop', type: 'rollback', url: 'http://stop/' },
    ],
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

test('a Canary for a missing Deployment says so, and goes on when it comes', async () => {
  const w = await world({}, { withTarget: false });
  await w.pass(2_000);
  assert.match((await w.canary()).status?.conditions?.[0]?.message ?? '', /^Deployment podinfo\.test not found: create it/);
  await w.client.create(Deployments, deployment('podinfo:1'));
  await w.reach('Initialized');
  w.stop();
});

test('fields without effect are named, once', async () => {
  const w = await world({ mirror: true, sessionAffinity: { cookieName: 'c' } });
  await w.reach('Initialized');
  await w.pass(30_000);
  const said = (await w.client.list(Events, { namespace: NS })).items.filter((e) => e.message?.startsWith('Without effect'));
  assert.deepEqual(
    said.map((e) => [e.type, e.count ?? 1, e.message]),
    [['Warning', 1, 'Without effect, since not supported yet: spec.analysis.mirror, spec.analysis.sessionAffinity']],
  );
  w.stop();
});

test('killed at any write, the release ends the same', async () => {
  for (const nth of [1, 2, 3, 4, 5, 7, 9, 12, 15]) {
    const w = await world();
    await w.reach('Initialized');
    await w.setImage('podinfo:2');
    let writes = 0;
    w.client.hooks = {
      before: ({ resource, subresource }) => {
        const worlds = resource.plural === 'deployments' && subresource === 'status';
        if (resource.plural !== 'events' && !worlds && ++writes === nth) throw new Error('killed');
      },
    };
    await w.reach('Succeeded');
    assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2', `write ${nth}`);
    assert.equal(await weight(w), 0, `write ${nth}`);
    assert.equal(await replicas(w, 'podinfo'), 0, `write ${nth}`);
    w.stop();
  }
});

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
  const w = await world({ interval: '60s', threshold: 10 });
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
    /Rolling back podinfo.test worse than the primary: errors (\d+) of \1 requests of the canary against 0 of /,
  );
  assert.equal(await weight(w), 0);
  w.stop();
});

test('where the judge cannot count it says so, and can be switched off', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  assert.deepEqual([(await w.canary()).status?.judge?.verdict], ['silent']);
  w.stop();
  const off = await world({ judge: { enabled: false } });
  await off.reach('Initialized');
  off.split = () => assert.fail('it was asked for counts');
  await off.setImage('podinfo:2');
  await off.reach('Succeeded');
  assert.equal((await off.canary()).status?.judge, undefined);
  off.stop();
});

test('proof that a canary is good enough ends its analysis early, if that is wanted', async () => {
  const w = await world({ interval: '30s', stepWeight: 2, maxWeight: 50, judge: { promoteEarly: true } });
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
  assert.match((await w.events()).join('\n'), /Ending analysis of podinfo.test early: not 2 times as bad: errors /);
  w.stop();
});

test('too few requests are no success and no failure, unless the author says that they are', async () => {
  const metrics = (inconclusive: 'wait' | 'fail') => [
    { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s', minRequests: 500, inconclusive },
  ];
  const waits = await world({ metrics: metrics('wait') });
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
  const fails = await world({ metrics: metrics('fail') });
  await fails.reach('Initialized');
  await fails.setImage('podinfo:2');
  await fails.reach('Failed', 60_000);
  fails.stop();
});

test('each decision is kept with what was looked at, and no more than ten of them', async () => {
  const w = await world({ stepWeight: 4 });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded', 400_000);
  const { evidence = [] } = (await w.canary()).status!;
  assert.equal(evidence.length, 10);
  const last = evidence.at(-1)!;
  assert.equal(last.decision, 'Copying podinfo.test template spec to podinfo-primary.test');
  assert.equal(last.weight, 52);
  assert.deepEqual(last.metrics, [
    { name: 'request-success-rate', result: 'pass', value: 100, min: 99 },
    { name: 'request-duration', result: 'pass', value: 20, max: 500 },
  ]);
  assert.match(last.judge!, /thresholds alone decide/);
  w.stop();
});
