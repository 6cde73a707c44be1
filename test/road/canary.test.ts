/** Releases by weights under real requests: each way in which a version can be bad, gates, and good ones; with one load all the while. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { eventually, kubectl, type Instance } from '../support/instance.ts';
import { app, canary, hook, NS, openStage, type Releases, type Stage, type Traffic } from '../support/release.ts';

let it: Instance;
let releases: Releases;
let users: Traffic;
let served: Stage['served'];
let stage: Stage | undefined;

const WEIGHTS = { stepWeight: 25, maxWeight: 50 };
/** Rolled back by hand when the load tester is told so. */
const ROLLBACK = hook('rollback', '/rollback/check');
const shop = (...webhooks: object[]): object => canary('shop', { ...WEIGHTS, webhooks: [ROLLBACK, ...webhooks] });
const greeting = (text: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'greeting', namespace: NS },
  data: { PODINFO_UI_MESSAGE: text },
});

before(async () => {
  stage = await openStage(
    'canary',
    'shop',
    greeting('hello'),
    app('shop', '6.0.0', { envFrom: [{ configMapRef: { name: 'greeting' } }] }),
    shop(),
  );
  ({ it, releases, users, served } = stage);
});
after(() => stage?.close());

/** The release fails, its users are on the old version, and the new one runs no more. */
async function failed(old: string, ...reasons: RegExp[]): Promise<void> {
  await releases.reach('shop', 'Failed');
  const said = await releases.said('shop');
  for (const reason of [...reasons, /Canary failed! Scaling down shop\.test/]) assert.match(said, reason);
  for (let i = 0; i < 10; i++) assert.equal(await releases.version('shop'), old);
  assert.equal(await kubectl(it, ['-n', NS, 'get', 'deployment', 'shop', '-o', 'jsonpath={.spec.replicas}']), '0');
  assert.match(
    await kubectl(it, ['-n', NS, 'get', 'canary', 'shop']),
    /^NAME +STATUS +WEIGHT +LASTTRANSITIONTIME\nshop +Failed +0 +\d{4}-/,
  );
}

test('an image that is not there: back after the deadline, and no user notices', async () => {
  // The next one's too; from then on the usual deadline, that a busy machine meets.
  await releases.apply(canary('shop', { ...WEIGHTS, webhooks: [ROLLBACK] }, { progressDeadlineSeconds: 6 }));
  await releases.change('shop', { image: 'registry.example/shop:1' });
  await failed('6.0.0', /canary deployment shop\.test not ready/);
  served();
});

test('a version that crashes at its start: back after the deadline, and no user notices', async () => {
  await releases.change('shop', { image: 'ghcr.io/stefanprodan/podinfo:6.0.1', command: ['node', '-e', 'process.exit(1)'] });
  await failed('6.0.0', /progress deadline exceeded/);
  served();
});

test('a check before the first traffic that fails: no user is served by the new version', async () => {
  await releases.apply(shop(hook('pre-rollout', '/', { type: 'bash', cmd: 'echo does not conform; exit 1' })));
  await releases.change('shop', { image: 'ghcr.io/stefanprodan/podinfo:6.0.2', command: null });
  await failed('6.0.0', /Halt shop\.test advancement pre-rollout check pre-rollout-hook failed/, /failed checks threshold reached 2/);
  served();
});

test('a gate that is not opened: it waits with its share, and goes back when told to', async () => {
  await releases.apply(shop(hook('confirm-promotion', '/gate/check')));
  await releases.setVersion('shop', '6.0.3');
  await releases.reach('shop', 'WaitingPromotion');
  assert.equal((await releases.status('shop')).canaryWeight, 50);
  assert.match(await releases.said('shop'), /waiting for promotion approval confirm-promotion-hook/);
  await releases.gate('shop', '/rollback/open');
  await failed('6.0.0', /Rolling back shop\.test manual webhook invoked/);
  await releases.gate('shop', '/rollback/close');
  served();
});

test('a gate that is opened: promoted', async () => {
  await releases.setVersion('shop', '6.0.4');
  await releases.reach('shop', 'WaitingPromotion');
  await releases.gate('shop', '/gate/open');
  await releases.reach('shop', 'Succeeded');
  assert.equal(await releases.version('shop'), '6.0.4');
  served();
});

test('nothing but other contents of a ConfigMap: a release like any other', async () => {
  await releases.apply(shop());
  await releases.apply(greeting('good day'));
  await eventually('the new contents are seen', 10, async () => (await releases.status('shop')).phase === 'Progressing');
  assert.match((await releases.ask('shop', '/')).body, /"hello"/);
  await releases.reach('shop', 'Succeeded');
  assert.match((await releases.ask('shop', '/')).body, /"good day"/);
  assert.match(await kubectl(it, ['-n', NS, 'get', 'configmap', 'greeting-primary', '-o', 'jsonpath={.data}']), /good day/);
  served();
});

test('a version that is slow', async () => {
  const env = {
    PODINFO_RANDOM_DELAY: 'true',
    PODINFO_RANDOM_DELAY_MIN: '600',
    PODINFO_RANDOM_DELAY_MAX: '700',
    PODINFO_RANDOM_DELAY_UNIT: 'ms',
  };
  await releases.change('shop', {
    image: 'ghcr.io/stefanprodan/podinfo:6.0.5',
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  });
  await failed('6.0.4', /advancement request duration |worse than the primary: .* took longer than/);
  assert.match(
    (await it.sluice(['rollout', 'why', 'shop', '-n', NS])).stdout,
    /Request \S+: GET \/\S* was answered with 200 \(via_upstream\) after \d+ ms\./,
  );
  served();
});

test('a version of which every ninth request fails', async () => {
  // As many that by chance none of them fails in one run of a thousand.
  const metrics = [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '10s', minRequests: 60 }];
  await releases.apply(canary('shop', { ...WEIGHTS, metrics, webhooks: [ROLLBACK] }));
  await releases.change('shop', { image: 'ghcr.io/stefanprodan/podinfo:error', env: null });
  await failed('6.0.4', /advancement success rate |worse than the primary: .* failed/);
  assert.equal(users.statuses.get(503), undefined, 'what failed was what the version itself answered');
  assert.ok((users.statuses.get(500) ?? 0) < 50, `${users.statuses.get(500)} failed`);
  const why = await it.sluice(['rollout', 'why', 'shop', '-n', NS]);
  assert.match(why.stdout, /Request [0-9a-f-]{36}: GET \/\S* was answered with 500 \(via_upstream\)/);
});

test('Flagger as people look at it: a pod, its log for jq, its metrics in PromQL', async () => {
  const system = (...args: string[]): Promise<string> => kubectl(it, ['-n', 'istio-system', ...args]);
  await system('rollout', 'status', 'deployment/flagger', '--timeout=20s');
  const [, pod] = /^(flagger-\S+) +1\/1 +Running +0 /m.exec(await system('get', 'pods', '-l', 'app.kubernetes.io/name=flagger')) ?? [];
  assert.ok(pod);

  interface Line {
    readonly level: string;
    readonly ts: string;
    readonly caller: string;
    readonly msg: string;
    readonly canary?: string;
  }
  const lines = (await system('logs', 'deployment/flagger')).trimEnd().split('\n');
  const read = lines.map((line) => JSON.parse(line) as Line);
  for (const { level, ts, caller, msg } of read) {
    assert.match(level, /^(info|warn|error)$/);
    assert.ok(Date.parse(ts) > 0 && caller !== '' && msg !== '');
  }
  const logged = read.filter((l) => l.canary === 'shop.test').map((l) => l.msg);
  const texts = new Set(logged);
  const told = await kubectl(it, ['-n', NS, 'get', 'events', '--field-selector=involvedObject.name=shop,reason=Synced', '-o', 'json']);
  for (const { message } of (JSON.parse(told) as { items: { message: string }[] }).items) assert.ok(texts.has(message), message);
  assert.ok(texts.has('Copying shop.test template spec to shop-primary.test'));

  const follow = it.kubectl.start(['-n', 'istio-system', 'logs', 'deploy/flagger', '-f']);
  const followed: string[] = [];
  createInterface(follow.stdout!).on('line', (line) => followed.push(line));
  const suspend = (suspended: boolean): Promise<string> =>
    kubectl(it, ['-n', NS, 'patch', 'canary', 'shop', '--type=merge', '-p', JSON.stringify({ spec: { suspend: suspended } })]);
  try {
    await eventually('what there is is followed', 10, async () => followed.length >= lines.length);
    assert.deepEqual(followed.slice(0, lines.length), lines);
    await suspend(true);
    await eventually('what comes is followed', 10, async () =>
      followed.some((line) => (JSON.parse(line) as Line).msg === 'skipping canary run as object is suspended'),
    );
  } finally {
    follow.kill();
    await suspend(false);
  }

  const value = async (query: string): Promise<number | undefined> => (await it.promql(query))[0]?.value;
  const code = (await releases.status('shop')).phase === 'Failed' ? 2 : 1;
  await eventually(
    'the last release is counted',
    5,
    async () => (await value('flagger_canary_status{name="shop",namespace="test"}')) === code,
  );
  assert.equal(await value('flagger_canary_weight{workload="shop-primary",namespace="test"}'), 100);
  assert.equal(await value('flagger_canary_weight{workload="shop",namespace="test"}'), 0);
  assert.equal(await value('flagger_canary_total{namespace="test"}'), 1);
  const count = (text: string): number => logged.filter((msg) => msg.startsWith(text)).length;
  assert.equal(await value('flagger_canary_successes_total{name="shop"}'), count('Promotion completed!'));
  assert.equal(await value('flagger_canary_failures_total{name="shop"}'), count('Canary failed!'));
  assert.ok((await value('flagger_canary_duration_seconds_count{name="shop"}'))! > 0);
  assert.ok((await value('flagger_canary_metric_analysis{name="shop",metric="request-success-rate"}'))! > 0);
  const proxied = `/api/v1/namespaces/istio-system/pods/${pod}:8080/proxy`;
  assert.match(await kubectl(it, ['get', '--raw', `${proxied}/metrics`]), /^flagger_info\{.*mesh_provider="istio"\} 1$/m);
  assert.equal(await kubectl(it, ['get', '--raw', `${proxied}/healthz`]), 'OK');
});
