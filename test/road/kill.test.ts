/** What is killed at the worst moment: requests go on, pods stay as they are, and work in progress is taken up again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { eventually, kubectl, newInstance, pidOf, ROOT, sample, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('kill');
  await it.up();
  await kubectl(it, ['apply', '-f', sample('podinfo/podinfo.yaml')]);
  const canary = readFileSync(sample('podinfo/canary.yaml'), 'utf8')
    .replace('targetPort: 9898', 'targetPort: 9898\n    gateways: [test/door, mesh]\n    hosts: [podinfo.example.com]')
    .replace('stepWeight: 20', 'stepWeight: 10')
    .replace('interval: 2s', 'interval: 1s');
  await kubectl(it, 'apply -f -', `${GATEWAY}\n---\n${canary}`);
  await kubectl(it, ['-n', 'test', 'wait', '--for=jsonpath={.status.phase}=Initialized', 'canary/podinfo', '--timeout=18s']);
  await kubectl(it, '-n test rollout status deployment/flagger-loadtester --timeout=15s');
  await eventually('the gateway serves podinfo', 10, async () => (await ask()).status === 200);
});
after(() => it.close());

const HOST = 'podinfo.example.com';
const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: door, namespace: test }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['${HOST}'] }]
`;

const ask = () => it.get('/version', { host: HOST });

/** hey against the gateway; `stop` resolves with its report. */
function load(): { stop(): Promise<string> } {
  const hey = spawn(
    process.execPath,
    [
      join(ROOT, 'samples/loadtester/hey.ts'),
      '-z',
      '120s',
      '-q',
      '20',
      '-c',
      '4',
      '-t',
      '10',
      '-host',
      HOST,
      `http://127.0.0.1:${it.ports.http}/`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const report = text(hey.stdout);
  return {
    stop() {
      hey.kill('SIGTERM');
      return report;
    },
  };
}

function allServed(report: string): void {
  assert.doesNotMatch(report, /Error distribution/, report);
  assert.match(report, /Status code distribution:\n {2}\[200\]\t\d+ responses\n\n$/, report);
}

interface Pod {
  readonly kind: 'Pod';
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly state: Readonly<Record<string, unknown>> }[];
  };
}
interface Deployment {
  readonly kind: 'Deployment';
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas?: number };
}

async function listed<T>(kinds: string): Promise<readonly T[]> {
  return (JSON.parse(await kubectl(it, `get ${kinds} -A -o json`)) as { items: readonly T[] }).items;
}

/** The pods that are to stay, by name: which each is, and since when and how often restarted its containers run. */
async function pods(): Promise<Map<string, unknown>> {
  const staying = (await listed<Pod>('pods')).filter((p) => !p.metadata.deletionTimestamp);
  return new Map(
    staying.map((p) => [
      p.metadata.name,
      { uid: p.metadata.uid, containers: p.status.containerStatuses?.map((c) => [c.restartCount, c.state]) },
    ]),
  );
}

/** The same, once all of them run: after a release some still come up, and some go. */
const settled = (): Promise<Map<string, unknown>> =>
  eventually('all pods run', 30, async () => {
    const all = await listed<Pod | Deployment>('deployments,pods');
    const done = all.every((o) =>
      o.kind === 'Deployment'
        ? (o.status.replicas ?? 0) === o.spec.replicas
        : !o.metadata.deletionTimestamp && o.status.containerStatuses?.every((c) => c.state['running']),
    );
    return done && pods();
  });

const field = (path: string): Promise<string> => kubectl(it, ['-n', 'test', 'get', 'canary', 'podinfo', '-o', `jsonpath={${path}}`]);

test('the control plane is killed under load, with a canary in progress', async () => {
  const requests = load();
  try {
    await kubectl(it, '-n test set image deployment/podinfo podinfod=ghcr.io/stefanprodan/podinfo:6.14.1');
    await eventually('the canary has a share of the traffic', 30, async () => Number(await field('.status.canaryWeight')) >= 20);
    const before = await pods();

    process.kill(await pidOf(it, 'control plane'), 'SIGKILL');
    const status = await it.sluice(['status']);
    assert.equal(status.code, 1);
    assert.match(status.stdout, /degraded[^]*control plane does not run: run "sluice up"/);
    assert.notEqual((await it.kubectl.run(['get', 'pods'])).code, 0);
    for (let i = 0; i < 20; i++) assert.equal((await ask()).status, 200, 'requests are served without a control plane');

    await it.up();
    const now = await pods();
    for (const [name, pod] of before) if (now.has(name)) assert.deepEqual(now.get(name), pod, `${name} is not restarted`);
    for (const name of before.keys()) if (!name.startsWith('podinfo')) assert.ok(now.has(name), `${name} is still there`);
    const phase = await eventually('the canary goes on to its end', 40, async () => {
      const said = await field('.status.phase');
      return (said === 'Succeeded' || said === 'Failed') && said;
    });
    assert.equal(phase, 'Succeeded', await kubectl(it, '-n test describe canary podinfo'));
    assert.match((await ask()).body, /6\.14\.1/);
    // What was shown before is kept, and what comes after is shown.
    await eventually('the log of Flagger tells the whole release', 10, async () =>
      /Starting flagger[^]*New revision detected[^]*Starting flagger[^]*Promotion completed/.test(
        await kubectl(it, '-n istio-system logs deploy/flagger'),
      ),
    );
  } finally {
    allServed(await requests.stop());
  }
});

test('the agent of the node is killed: it comes back, and the pods do not notice', async () => {
  const before = await settled();
  const agent = await pidOf(it, 'node agent');
  process.kill(agent, 'SIGKILL');
  await eventually('another agent', 10, async () => (await pidOf(it, 'node agent')) !== agent);
  await kubectl(it, ['run', 'after', '--image=docker.io/mccutchen/go-httpbin:v2.15.0']);
  await kubectl(it, 'wait --for=condition=Ready pod/after --timeout=15s');
  const now = await pods();
  now.delete('after');
  assert.deepEqual(now, before);
  assert.equal(await kubectl(it, '-n test exec deploy/flagger-loadtester -c loadtester -- echo again'), 'again\n');
});

test('the proxy that holds the host ports is killed: it comes back', async () => {
  const edge = await pidOf(it, 'edge (outside)');
  process.kill(edge, 'SIGKILL');
  await eventually('another edge', 10, async () => (await pidOf(it, 'edge (outside)')) !== edge);
  await eventually('requests come through', 10, async () => (await ask()).status === 200);
  const requests = load();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  allServed(await requests.stop());
});

test('the node is killed: another takes its place, and the same pods run again', async () => {
  const before = [...(await settled()).keys()];
  const node = await pidOf(it, 'node');
  process.kill(node, 'SIGKILL');
  await eventually('another node', 10, async () => (await pidOf(it, 'node')) !== node);
  await eventually('podinfo serves again', 30, async () => (await ask()).status === 200);
  assert.deepEqual([...(await pods()).keys()], before);
});

test('all of it is killed: up brings the same objects back, and the pods run again', async () => {
  const objects = await kubectl(it, 'get deployments,services,canaries,virtualservices -A -o name');
  for (const component of ['control plane', 'edge (outside)', 'node']) process.kill(await pidOf(it, component), 'SIGKILL');
  await it.up();
  assert.equal(await kubectl(it, 'get deployments,services,canaries,virtualservices -A -o name'), objects);
  const answer = await eventually('podinfo serves again', 30, async () => {
    const said = await ask();
    return said.status === 200 && said;
  });
  assert.match(answer.body, /6\.14\.1/);
});
