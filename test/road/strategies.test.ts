/** Releases otherwise than by weights alone, under real requests: A/B testing, blue/green, mirroring, sessions that stick, no mesh. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, kubectl, type Instance } from '../support/instance.ts';
import { app, canary, hook, NS, openStage, type Releases, type Stage } from '../support/release.ts';

let it: Instance;
let releases: Releases;
let served: Stage['served'];
let stage: Stage | undefined;

const INSIDER = { cookie: 'lang=en; type=insider' };
const FIREFOX = { 'user-agent': 'Mozilla/5.0 Firefox/140.0' };
const MATCH = [
  { headers: { 'user-agent': { regex: '.*Firefox.*' } } },
  { headers: { cookie: { regex: '^(.*?;)?\\s*(type=insider)(;.*)?$' } } },
];
const front = (analysis: object): object => canary('front', analysis);

before(async () => {
  stage = await openStage('strategies', 'front', app('front', '6.0.0'), front({ iterations: 4, match: MATCH }));
  ({ it, releases, served } = stage);
});
after(() => stage?.close());

/** Which versions answer so many requests. */
async function versions(n: number, headers: Record<string, string> = {}, name = 'front'): Promise<string[]> {
  const found = new Set<string>();
  for (let i = 0; i < n; i++) found.add(await releases.version(name, headers));
  return [...found].sort();
}

/** Such requests are answered by this version alone; a route takes effect a moment after it is on record. */
const answered = (version: string, headers: Record<string, string>, name = 'front'): Promise<unknown> =>
  eventually(`${JSON.stringify(headers)} leads to ${version} of ${name}`, 5, async () => {
    const found = await versions(5, headers, name);
    assert.deepEqual(found, [version]);
    return found;
  });

test('A/B: a browser by its header, an insider by the cookie, and nobody else', async () => {
  const insiders = releases.traffic('front', 20, ['/'], INSIDER);
  await releases.setVersion('front', '6.0.1');
  await eventually('the test goes on', 20, async () => (await releases.status('front')).iterations >= 1);
  await answered('6.0.1', INSIDER);
  await answered('6.0.1', FIREFOX);
  assert.deepEqual(await versions(20), ['6.0.0']);
  const { phase, canaryWeight } = await releases.status('front');
  assert.deepEqual([phase, canaryWeight], ['Progressing', 100]);
  await releases.reach('front', 'Succeeded');
  assert.match(await releases.said('front'), /Advance front\.test canary iteration 4\/4/);
  assert.deepEqual(await versions(10), ['6.0.1']);
  await insiders.stop();
  assert.deepEqual([...insiders.statuses.keys()], [200]);
  served();
});

test('A/B: what insiders run into takes it back, and nobody else has noticed', async () => {
  const insiders = releases.traffic('front', 20, ['/', '/status/500'], INSIDER);
  await releases.setVersion('front', '6.0.2');
  await releases.reach('front', 'Failed');
  await insiders.stop();
  assert.match(await releases.said('front'), /Halt front\.test advancement success rate \d+\.\d\d% < 99%/);
  assert.deepEqual(await versions(5, INSIDER), ['6.0.1']);
  served();
});

test('blue/green with mirroring: the new version gets copies, then everyone at once', async () => {
  await releases.apply(front({ iterations: 4, mirror: true, match: null }));
  await releases.setVersion('front', '6.0.3');
  await eventually('the analysis goes on', 20, async () => (await releases.status('front')).iterations >= 2);
  assert.deepEqual(await versions(20), ['6.0.1'], 'users are answered by the old version');
  const copied = 'istio_requests_total{reporter="destination",destination_workload="front",destination_workload_namespace="test"}';
  await eventually('the new version gets requests', 10, async () => ((await it.promql(`sum(increase(${copied}[3s]))`))[0]?.value ?? 0) > 0);
  await releases.reach('front', 'Succeeded');
  assert.match(await releases.said('front'), /Stop traffic mirroring and route all traffic to canary/);
  assert.deepEqual(await versions(10), ['6.0.3']);
  served();
});

test('sessions stick: who was once on the new version stays there, until all are', async () => {
  const cookieOf = async (): Promise<string | undefined> => [(await releases.ask('front', '/')).headers['set-cookie'] ?? []].flat()[0];
  await releases.apply(
    front({ stepWeight: 20, maxWeight: 40, sessionAffinity: { cookieName: 'flagger-cookie' }, iterations: null, mirror: null }),
  );
  await releases.setVersion('front', '6.0.4');
  const given = await eventually('a request falls on the new version', 20, cookieOf);
  assert.match(given, /^flagger-cookie=\w+; Max-Age=86400$/);
  const cookie = given.split(';')[0]!;
  assert.deepEqual(await versions(10, { cookie }), ['6.0.4']);
  assert.equal((await releases.status('front')).phase, 'Progressing', 'while others are on the old one');
  await releases.reach('front', 'Succeeded');
  assert.deepEqual(await versions(10), ['6.0.4']);
  const taken = (await releases.ask('front', '/', { cookie })).headers['set-cookie'];
  assert.deepEqual(taken, [`${cookie}; Max-Age=-1`]);
  assert.equal(await cookieOf(), undefined);
  served();
});

/** The judge counts where this route splits, too, and nothing else checks: a version that fails goes back, with requests named. */
async function judged(name: string): Promise<void> {
  const users = releases.traffic(name, 40);
  await releases.gate(name, '/gate/close');
  await releases.setVersion(name, 'error');
  await releases.reach(name, 'Failed');
  await users.stop();
  assert.match(await releases.said(name), /worse than the primary: \d+ of \d+ requests to the canary failed/);
  const why = await it.sluice(['rollout', 'why', name, '-n', NS]);
  assert.match(why.stdout, /Request [0-9a-f-]{36}: GET \/\S* was answered with 500 \(via_upstream\)/);
}

/** What the load tester, a pod with a sidecar, is answered. */
const fromTester = (url: string): Promise<string> =>
  kubectl(it, ['-n', NS, 'exec', 'deploy/flagger-loadtester', '-c', 'app', '--', 'curl', '-s', url]);

// Each is an application of its own.
describe('other routes', { concurrency: true }, () => {
  test('without a mesh: the Service selects one version or the other', async () => {
    const inside = (): Promise<string> => fromTester('http://plain:9898/version');
    await releases.apply(app('plain', '6.0.0'), canary('plain', { iterations: 3, metrics: [] }, { provider: 'kubernetes' }));
    await releases.reach('plain', 'Initialized');
    await releases.setVersion('plain', '6.0.1');
    await eventually('the analysis goes on', 20, async () => (await releases.status('plain')).iterations >= 1);
    assert.match(await inside(), /6\.0\.0/);
    await releases.reach('plain', 'Succeeded');
    for (let i = 0; i < 5; i++) assert.match(await inside(), /6\.0\.1/);
    assert.match(await releases.said('plain'), /Routing all traffic to canary/);
  });

  test('an Ingress of nginx, without sidecars: measured by its counters; shares by its annotations, then by header and cookie', async () => {
    const backend = { service: { name: 'web', port: { number: 9898 } } };
    const rules = [{ host: 'web.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }];
    const web = (analysis: object): object =>
      canary('web', analysis, { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web' } });
    const halves = { stepWeight: 50, maxWeight: 50, webhooks: [hook('confirm-promotion', '/gate/check')] };
    await releases.apply(
      app('web', '6.0.0', {}, { 'sidecar.istio.io/inject': 'false' }),
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        // As guides write it.
        metadata: { name: 'web', namespace: NS, annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
        spec: { rules },
      },
      web(halves),
    );
    await releases.reach('web', 'Initialized');
    const answers = (n: number, headers = {}) => versions(n, headers, 'web');
    await eventually('the gateway serves it', 10, async () => (await releases.ask('web', '/')).status === 200);
    await eventually('pods find it by its host', 10, async () => (await fromTester('http://web.example.com/version')).includes('6.0.0'));
    const users = releases.traffic('web', 20);
    await releases.setVersion('web', '6.0.1');
    await releases.reach('web', 'WaitingPromotion');
    assert.deepEqual(await answers(40), ['6.0.0', '6.0.1']);
    const counted = await it.promql(
      `sum(nginx_ingress_controller_requests{namespace="${NS}",ingress="web",service="web",host="web.example.com",path="/",method="GET",status="200"}) by (canary)`,
    );
    assert.deepEqual(counted.map((c) => c.labels['canary'] ?? '').sort(), ['', 'test-web-canary-9898']);
    await releases.gate('web', '/gate/open');
    await releases.reach('web', 'Succeeded');
    assert.deepEqual(await answers(10), ['6.0.1']);
    await users.stop();
    await releases.apply(web({ ...halves, metrics: [], judge: { enabled: true } }));
    await judged('web');

    const match = [{ headers: { tester: { exact: 'true' } } }, { headers: { cookie: { exact: 'tester' } } }];
    const testers = releases.traffic('web', 20, ['/'], { tester: 'true' });
    await releases.apply(web({ iterations: 4, match, stepWeight: null, maxWeight: null, webhooks: [] }));
    await releases.setVersion('web', '6.0.2');
    await eventually('the test goes on', 20, async () => (await releases.status('web')).iterations >= 1);
    await answered('6.0.2', { tester: 'true' }, 'web');
    await answered('6.0.2', { cookie: 'tester=always' }, 'web');
    assert.deepEqual(await answers(10), ['6.0.1']);
    await releases.reach('web', 'Succeeded');
    assert.deepEqual(await answers(10), ['6.0.2']);
    await testers.stop();

    const failing = releases.traffic('web', 20, ['/', '/status/500']);
    await releases.apply(web({ stepWeight: 50, maxWeight: 50, iterations: null, match: null }));
    await releases.setVersion('web', '6.0.3');
    await releases.reach('web', 'Failed');
    await failing.stop();
    assert.match(await releases.said('web'), /Halt web\.test advancement success rate \d+\.\d\d% < 99%/);
    assert.deepEqual(await answers(5), ['6.0.2']);
  });

  test('an HTTPRoute: shares by its weights', async () => {
    const listeners = [
      { name: 'http', port: 80, protocol: 'HTTP', hostname: '*.example.com', allowedRoutes: { namespaces: { from: 'All' } } },
    ];
    const service = { gateways: null, gatewayRefs: [{ name: 'routes', namespace: NS }] };
    await releases.apply(
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'routes', namespace: NS },
        spec: { gatewayClassName: 'istio', listeners },
      },
      app('routed', '6.0.0'),
      canary(
        'routed',
        { stepWeight: 50, maxWeight: 50, metrics: [], judge: { enabled: true }, webhooks: [hook('confirm-promotion', '/gate/check')] },
        { provider: 'gatewayapi:v1', service },
      ),
    );
    await releases.reach('routed', 'Initialized');
    await eventually('the gateway serves it', 10, async () => (await releases.ask('routed', '/')).status === 200);
    await releases.setVersion('routed', '6.0.1');
    await releases.reach('routed', 'WaitingPromotion');
    assert.deepEqual(await versions(40, {}, 'routed'), ['6.0.0', '6.0.1']);
    await releases.gate('routed', '/gate/open');
    await releases.reach('routed', 'Succeeded');
    assert.deepEqual(await versions(10, {}, 'routed'), ['6.0.1']);
    await judged('routed');
  });
});
