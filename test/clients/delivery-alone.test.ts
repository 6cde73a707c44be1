/**
 * Delivery alone on a cluster that is not ours: an API server of its own process over TLS, with the rights that the chart gives and no
 * others, nodes that run nothing, a Prometheus that is played. Two instances compete, and the one that acts is killed in mid-release.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { Canaries, Deployments, Events, Leases, ServiceAccounts, VirtualServices, type Canary } from '../../src/api/index.ts';
import { writeKubeconfig } from '../../src/apiserver/index.ts';
import { silentLog, sleep, systemClock } from '../../src/base/index.ts';
import { createHttpClient, type Client } from '../../src/control/index.ts';
import { startApiProcess, type ApiProcess } from '../support/api-process.ts';
import { runSluice, startDeliveryProcess, startPrometheus, type DeliveryProcess } from '../support/delivery-alone.ts';
import { startFakeNodes } from '../support/fake-node.ts';
import { toolWith, type Tool } from '../support/kubectl.ts';

const CHART = fileURLToPath(new URL('../../charts/sluice', import.meta.url));
const NS = 'test';
const HOME = 'delivery';

let dir: string;
let api: ApiProcess;
let client: Client;
let helm: Tool;
let kubectl: Tool;
let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
const stop = new AbortController();
const running: DeliveryProcess[] = [];
/** What delivery was refused while all this went on: nothing. */
const lines = (): string[] => running.flatMap((r) => r.lines.map((l) => JSON.stringify(l)));

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-alone-'));
  api = await startApiProcess({ dir, controllers: true, namespaces: ['default', NS, HOME] });
  const admin = join(dir, 'admin.kubeconfig');
  writeKubeconfig(admin, { name: 'other', server: `https://127.0.0.1:${api.port}`, caCert: api.ca, token: api.token });
  helm = toolWith('helm', dir, admin);
  kubectl = toolWith('kubectl', dir, admin);
  client = createHttpClient({ baseUrl: `https://127.0.0.1:${api.port}`, ca: api.ca, token: api.token });
  await startFakeNodes({ client, clock: systemClock, log: silentLog, signal: stop.signal, names: ['a'] });
  prometheus = await startPrometheus((query) => (query.includes('quantile') ? 20 : query.includes('increase') ? 100 : 100));
  await installRights();
});
after(async () => {
  stop.abort();
  for (const one of running) one.signal('SIGKILL');
  await Promise.all(running.map((one) => one.ended));
  prometheus?.close();
  await api?.kill();
  rmSync(dir, { recursive: true, force: true });
});

async function ran(tool: Tool, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await tool.run(args, input === undefined ? {} : { input });
  assert.equal(code, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
}

/** The account and its rights as the chart has them; the Deployment of the chart is what this test plays. */
async function installRights(): Promise<void> {
  for (const part of ['serviceaccount', 'rbac']) {
    const text = await ran(helm, ['template', 'sluice', CHART, '-n', HOME, '--set', 'image.repository=x', '-s', `templates/${part}.yaml`]);
    await ran(kubectl, ['apply', '-f', '-'], text);
  }
}

async function kubeconfigOf(account: string, namespace: string): Promise<string> {
  const token = await ran(kubectl, ['create', 'token', account, '-n', namespace]);
  const path = join(dir, `${account}.kubeconfig`);
  writeKubeconfig(path, { name: account, server: `https://127.0.0.1:${api.port}`, caCert: api.ca, token: token.trim() });
  return path;
}

async function start(kubeconfig: string, ...more: string[]): Promise<DeliveryProcess> {
  const args = ['--kubeconfig', kubeconfig, '--metrics-server', prometheus.url, '--lease-namespace', HOME, '--port', '0', ...more];
  const one = startDeliveryProcess(args);
  running.push(one);
  return one;
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>, limitMs = 60_000): Promise<T> {
  for (const end = Date.now() + limitMs; Date.now() < end; await sleep(systemClock, 100)) {
    const found = await look();
    if (found) return found;
  }
  const canary = await client.get(Canaries, { namespace: NS, name: 'podinfo' });
  assert.fail(
    `not within ${limitMs} ms: ${what}\n${JSON.stringify(canary?.status, null, 1)}\n${lines().slice(-30).join('\n')}\n${running.map((r) => r.said).join('\n')}`,
  );
}

const canary = async (): Promise<Canary> => (await client.get(Canaries, { namespace: NS, name: 'podinfo' }))!;
const phase = (name: string) => async (): Promise<boolean> => (await canary()).status?.phase === name;
const holder = async (): Promise<string> =>
  (await client.get(Leases, { namespace: HOME, name: 'sluice-leader-election' }))?.spec?.holderIdentity ?? '';
const weight = async (): Promise<number> =>
  (await client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec.http?.[0]?.route?.find(
    (r) => r.destination.host === 'podinfo-canary',
  )?.weight ?? -1;
const leads = (one: DeliveryProcess): boolean => one.lines.some((l) => l.msg === 'became leader');

function deployment(version: string): Deployment {
  const labels = { app: 'podinfo' };
  return {
    metadata: { name: 'podinfo', namespace: NS },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: `podinfo:${version}` }] } },
    },
  };
}

async function setImage(version: string): Promise<void> {
  const body = { spec: { template: { spec: { containers: [{ name: 'app', image: `podinfo:${version}` }] } } } };
  await client.patch(Deployments, { namespace: NS, name: 'podinfo' }, { type: 'strategic', body });
}

test('the leader is killed in the middle of a release: the other goes on from where it was, and at no time do two act', async (t) => {
  const kubeconfig = await kubeconfigOf('sluice', HOME);
  const first = await start(kubeconfig);
  await until('a leader', async () => leads(first));
  const second = await start(kubeconfig);
  await client.create(Deployments, deployment('1'));
  await client.create(Canaries, {
    metadata: { name: 'podinfo', namespace: NS },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
      service: { port: 9898 },
      analysis: {
        interval: '2s',
        threshold: 3,
        stepWeight: 20,
        maxWeight: 80,
        metrics: [
          { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' },
          { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
        ],
      },
    },
  });
  await until('Initialized', phase('Initialized'));
  await setImage('2');
  await until('half of the way', async () => (await weight()) >= 40);
  assert.equal(leads(second), false);
  const before = { weight: await weight(), began: (await canary()).status?.history?.at(-1)?.startedAt };
  first.signal('SIGKILL');
  const killed = Date.now();
  assert.equal(await first.ended, null);

  await until('the other leads', async () => leads(second), 30_000);
  const tookMs = Date.now() - killed;
  // Nobody takes over before the lease of the dead has run out.
  assert.ok(tookMs > 10_000, `after ${tookMs} ms`);
  assert.equal((await canary()).status?.phase, 'Progressing');
  assert.ok((await weight()) >= before.weight);
  await until('Succeeded', phase('Succeeded'), 90_000);
  const { status } = await canary();
  assert.deepEqual(
    status?.history?.map((r) => r.outcome),
    ['Promoted'],
    'one release, not begun anew',
  );
  assert.equal(status?.history?.at(-1)?.startedAt, before.began);
  assert.equal(
    (await client.get(Deployments, { namespace: NS, name: 'podinfo-primary' }))?.spec?.template.spec?.containers[0]?.image,
    'podinfo:2',
  );
  t.diagnostic(JSON.stringify({ takeOverMs: tookMs, weightWhenKilled: before.weight }));

  // What each has written falls into its own time.
  const advances = (await client.list(Events, { namespace: NS })).items.filter((e) => /Advance .* weight/.test(e.message ?? ''));
  assert.equal(new Set(advances.map((e) => e.message)).size, advances.length);
  assert.ok(
    advances.every((e) => (e.count ?? 1) === 1),
    'no step was taken twice',
  );
  assert.equal(status?.judge?.verdict ?? 'silent', 'silent');
});

test('nothing that it does is refused to it', () => {
  assert.deepEqual(
    lines().filter((l) => /forbidden|cannot (get|list|watch|create|update|patch)/i.test(l)),
    [],
  );
});

test('it says what it does as Flagger does, and counts it', async () => {
  const leader = running.at(-1)!;
  const flagger = leader.lines.filter((l) => l['component'] === 'flagger');
  assert.ok(
    flagger.some((l) => l.level === 'info' && l.msg === 'Promotion completed! Scaling down podinfo.test' && l['canary'] === 'podinfo.test'),
  );
  const base = `http://127.0.0.1:${await leader.port}`;
  const page = await (await fetch(`${base}/metrics`)).text();
  for (const line of [
    /^flagger_info\{version="[^"]+",mesh_provider="istio"\} 1$/m,
    /^flagger_canary_total\{namespace="test"\} 1$/m,
    /^flagger_canary_status\{name="podinfo",namespace="test"\} 1$/m,
    /^flagger_canary_weight\{workload="podinfo-primary",namespace="test"\} 100$/m,
    /^flagger_canary_successes_total\{name="podinfo",namespace="test",deployment_strategy="canary",analysis_status="completed"\} 1$/m,
    /^flagger_canary_metric_analysis\{name="podinfo",namespace="test",metric="request-success-rate"\} 100$/m,
    /^leader_election_master_status\{name="sluice-leader-election"\} 1$/m,
  ])
    assert.match(page, line);
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
});

test('people take a hand in its releases by the words that instances know', async () => {
  const rollout = (...words: string[]) => runSluice(['rollout', ...words, '--kubeconfig', join(dir, 'admin.kubeconfig'), '-n', NS]);
  const table: [words: string[], code: number, says: RegExp][] = [
    [['list'], 0, /podinfo.*Succeeded/],
    [
      ['abort', 'podinfo'],
      1,
      /^error: podinfo: no release is under way\n.*"sluice rollout why podinfo -n test --kubeconfig \S+admin\.kubeconfig"/,
    ],
    [['pause', 'podinfo'], 0, /^test\/podinfo: Paused/],
    [['resume', 'podinfo'], 0, /^test\/podinfo: Resumed\.\n$/],
    [['why', 'podinfo'], 0, /The last request, abort by \S+ at \S+ was refused: no release is under way/],
    [['get', 'nobody'], 1, /there is no Canary nobody in namespace test/],
    [['list', '--context', 'nope'], 1, /has no context "nope"/],
  ];
  for (const [words, code, says] of table) {
    const done = await rollout(...words);
    assert.equal(done.code, code, `${words.join(' ')}\n${done.stdout}\n${done.stderr}`);
    assert.match(done.stdout + done.stderr, says);
  }
});

test('told to end, it lets the lease go, and another acts at once', async (t) => {
  const leader = running.at(-1)!;
  const next = await start(await kubeconfigOf('sluice', HOME));
  await until('it waits', async () => next.lines.some((l) => l.msg === 'delivery waits to lead'));
  const began = Date.now();
  leader.signal('SIGTERM');
  assert.equal(await leader.ended, 0, leader.said);
  await until('the next leads', async () => leads(next), 10_000);
  t.diagnostic(JSON.stringify({ handOverMs: Date.now() - began }));
  assert.notEqual(await holder(), '');
  next.signal('SIGTERM');
  assert.equal(await next.ended, 0);
  assert.equal(await holder(), '');
});

const WRONG: Record<string, { args: (dir: string) => string[]; says: readonly RegExp[] }> = {
  'no cluster is named': { args: () => [], says: [/it is not said which cluster/, /Give --kubeconfig FILE/] },
  'the file is not there': { args: () => ['--kubeconfig', '/nonexistent/config'], says: [/the kubeconfig cannot be read: ENOENT/] },
  'the context is not there': {
    args: (d) => ['--kubeconfig', join(d, 'admin.kubeconfig'), '--context', 'nope'],
    says: [/has no context "nope"/, /It has: other\./],
  },
  'nobody listens': {
    args: (d) => ['--kubeconfig', join(d, 'dead.kubeconfig')],
    says: [/the API at https:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/],
  },
  'the authority is another': { args: (d) => ['--kubeconfig', join(d, 'stranger.kubeconfig')], says: [/cannot be reached: .*certificate/] },
  'the token is refused': {
    args: (d) => ['--kubeconfig', join(d, 'refused.kubeconfig')],
    says: [/does not take the credentials/, /kubectl auth whoami/],
  },
  'the account may nothing': {
    args: (d) => ['--kubeconfig', join(d, 'nobody.kubeconfig')],
    says: [
      /may not: get, list, watch, patch canaries\.flagger\.app; /,
      /- apiGroups: \["flagger.app"\]\n {4}resources: \["canaries"\]\n {4}verbs: \["get", "list", "watch", "patch"\]/,
    ],
  },
  'what routes requests is not there': {
    args: (d) => ['--kubeconfig', join(d, 'admin.kubeconfig'), '--mesh-provider', 'linkerd'],
    says: [/--mesh-provider linkerd is not known/, /Use one of istio/],
  },
  'the Prometheus is no address': {
    args: (d) => ['--kubeconfig', join(d, 'admin.kubeconfig'), '--metrics-server', 'prometheus:9090'],
    says: [/--metrics-server prometheus:9090 is not a URL/],
  },
};

async function standStill(): Promise<void> {
  const kubeconfig = await kubeconfigOf('sluice', HOME);
  const first = await start(kubeconfig);
  await until('a leader', async () => leads(first));
  const second = await start(kubeconfig);
  first.signal('SIGSTOP');
  await until('the other leads', async () => leads(second), 30_000);
  const held = await holder();
  first.signal('SIGCONT');
  await until('it knows', async () => first.lines.some((l) => l.msg.startsWith('the lease is lost')));
  assert.equal(await holder(), held);
  for (const one of [first, second]) one.signal('SIGTERM');
  assert.deepEqual(await Promise.all([first.ended, second.ended]), [0, 0]);
}

async function sayWhatIsWrong(t: TestContext): Promise<void> {
  const server = `https://127.0.0.1:${api.port}`;
  writeKubeconfig(join(dir, 'dead.kubeconfig'), { name: 'x', server: 'https://127.0.0.1:1', caCert: api.ca, token: api.token });
  writeKubeconfig(join(dir, 'refused.kubeconfig'), { name: 'x', server, caCert: api.ca, token: 'wrong' });
  const text = `{clusters: [{name: x, cluster: {server: '${server}'}}], users: [], contexts: [{name: x, context: {cluster: x}}], current-context: x}`;
  writeFileSync(join(dir, 'stranger.kubeconfig'), text);
  await client.create(ServiceAccounts, { metadata: { name: 'nobody', namespace: HOME } });
  await kubeconfigOf('nobody', HOME);
  for (const [name, { args, says }] of Object.entries(WRONG))
    await t.test(name, async () => {
      const one = startDeliveryProcess([...args(dir), '--port', '0']);
      assert.equal(await one.ended, 1);
      for (const what of says) assert.match(one.said, what);
      assert.doesNotMatch(one.said, /\n {4}at /);
    });
}

// The lease takes its time to run out, and the others do not come as far as asking for it.
test('at the same time', { concurrency: true }, async (t) => {
  const stood = t.test('a leader that stood still while its lease ran out writes nothing afterwards', standStill);
  await t.test('what is wrong is said in a sentence, with what to do', sayWhatIsWrong);
  await stood;
});
