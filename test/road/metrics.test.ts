/** What pods use, as `kubectl top` prints it and as autoscalers take it: from one source. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('metrics');
  await it.up();
});
after(() => it.close());

const busy = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'busy' },
  spec: {
    selector: { matchLabels: { app: 'busy' } },
    template: {
      metadata: { labels: { app: 'busy' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'app',
            image: 'host',
            // About a quarter of a core.
            command: ['node', '-e', 'setInterval(() => { const end = Date.now() + 25; while (Date.now() < end); }, 100)'],
            resources: { requests: { cpu: '50m' } },
          },
          {
            name: 'idle',
            image: 'host',
            command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'],
            resources: { requests: { cpu: '1m' } },
          },
        ],
      },
    },
  },
};

const rows = async (args: string): Promise<string[][]> =>
  (await kubectl(it, args))
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));

test('kubectl top: nodes, pods, containers, by label', async () => {
  await kubectl(it, 'apply -f -', JSON.stringify(busy));
  await kubectl(it, 'rollout status deployment/busy --timeout=20s');
  const [node] = await rows('top nodes --no-headers');
  assert.match(node!.join(' '), /^sluice \d+m \d+% \d+Mi \d+%$/);
  const [pod] = await eventually('the pod is measured', 10, async () => {
    const found = await rows('top pods -l app=busy --no-headers');
    return found[0]?.[0]?.startsWith('busy-') ? found : undefined;
  });
  assert.match(pod!.join(' '), /^busy-\S+ \d+m \d+Mi$/);
  assert.ok(Number.parseInt(pod![1]!) >= 50, pod![1]);
  const containers = await rows('top pods --containers -l app=busy --no-headers');
  assert.deepEqual(new Set(containers.map(([, name]) => name)), new Set(['app', 'idle']));
  const none = await it.kubectl.run(['top', 'pod', 'nobody']);
  assert.match(none.stderr, /NotFound/);
});

test('the group as any other: discovery, Table, raw', async () => {
  assert.match(
    await kubectl(it, 'api-resources --api-group=metrics.k8s.io'),
    /nodes\s+metrics.k8s.io\/v1beta1\s+false\s+NodeMetrics\n[^]*PodMetrics/,
  );
  assert.match(await kubectl(it, 'get nodes.metrics.k8s.io'), /^NAME\s+CPU\s+MEMORY\s+WINDOW\nsluice\s+\d+n\s+\d+Ki/);
  const raw = JSON.parse(await kubectl(it, 'get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods')) as {
    kind: string;
    items: unknown[];
  };
  assert.equal(raw.kind, 'PodMetricsList');
  assert.equal(raw.items.length, 1);
});

test('an autoscaler scales on it', async () => {
  await kubectl(it, 'autoscale deployment busy --cpu=50% --min=1 --max=3');
  await eventually('the deployment has grown', 40, async () => {
    const status = JSON.parse(await kubectl(it, 'get hpa busy -o json')) as { status?: { desiredReplicas?: number } };
    return (status.status?.desiredReplicas ?? 0) > 1;
  });
});
