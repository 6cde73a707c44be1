/** Releases of podinfo with requests that go on all the while: the objects, the traffic, and what is said of them. */
import assert from 'node:assert/strict';
import { eventually, kubectl, newInstance, watched, type Answer, type Instance } from './instance.ts';

export const NS = 'test';
const GATES = 'http://flagger-loadtester.test';

/** A namespace with sidecars, its load tester, and a gateway for every host of example.com. */
const STAGE: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS, labels: { 'istio-injection': 'enabled' } } },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'door', namespace: NS },
    spec: {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example.com'] }],
    },
  },
  // In the words of Flagger's own manifest.
  workload('flagger-loadtester', 'ghcr.io/fluxcd/flagger-loadtester:0.38.0', 8080, '/healthz', {
    command: ['./loadtester', '-port=8080', '-log-level=info', '-timeout=1h'],
    livenessProbe: {
      exec: { command: ['wget', '--quiet', '--tries=1', '--timeout=4', '--spider', 'http://localhost:8080/healthz'] },
      timeoutSeconds: 5,
    },
  }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'flagger-loadtester', namespace: NS },
    spec: { selector: { app: 'flagger-loadtester' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
];

function workload(name: string, image: string, port: number, probe: string, container: object = {}, more: object = {}): object {
  const labels = { app: name };
  const readinessProbe = { httpGet: { path: probe, port }, periodSeconds: 1 };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NS },
    spec: {
      replicas: 1,
      progressDeadlineSeconds: 90,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, ...more } },
        spec: { containers: [{ name: 'app', image, readinessProbe, ...container }] },
      },
    },
  };
}

/** podinfo at a version, as a Deployment; `container` says more about its one container, `labels` are more ones of its pods. */
export const app = (name: string, version: string, container: object = {}, labels: object = {}): object =>
  workload(name, image(version), 9898, '/readyz', container, labels);

const image = (version: string): string => `ghcr.io/stefanprodan/podinfo:${version}`;

/** Looks back over 10 s: longer than two readings of the proxies, shorter than a test. */
const METRICS = [
  { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '10s' },
  { name: 'request-duration', thresholdRange: { max: 500 }, interval: '10s' },
];

/** A Canary that steps every second; at the gateway it is `<name>.example.com`. */
export const canary = (
  name: string,
  analysis: object,
  { service = {}, ...spec }: { service?: object; [field: string]: unknown } = {},
): object => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name, namespace: NS },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    progressDeadlineSeconds: 90,
    service: { port: 9898, gateways: [`${NS}/door`, 'mesh'], hosts: [`${name}.example.com`], ...service },
    analysis: { interval: '1s', threshold: 2, metrics: METRICS, ...analysis },
    ...spec,
  },
});

/** A hook of the load tester's. */
export const hook = (type: string, path: string, metadata?: Record<string, string>): object => ({
  name: `${type}-hook`,
  type,
  url: `${GATES}${path}`,
  ...(metadata ? { metadata } : {}),
});

export interface Traffic {
  /** Requests by status; 0 for those without an answer. */
  readonly statuses: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

export interface Releases {
  apply(...objects: readonly object[]): Promise<void>;
  /** Lets the Deployment run another version. */
  setVersion(name: string, version: string): Promise<void>;
  /** Changes the one container of the Deployment. */
  change(name: string, container: object): Promise<void>;
  /** Waits for a phase of the Canary; fails with its events when another end comes first. */
  reach(name: string, phase: string, seconds?: number): Promise<void>;
  status(name: string): Promise<{ phase: string; canaryWeight: number; iterations: number; failedChecks: number }>;
  /** What the Canary has said since its last "New revision detected!". */
  said(name: string): Promise<string>;
  /** The version that answers at the gateway. */
  version(name: string, headers?: Record<string, string>): Promise<string>;
  ask(name: string, path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Requests until stopped, `rate` a second, to the paths in turn. */
  traffic(name: string, rate: number, paths?: readonly string[], headers?: Record<string, string>): Traffic;
  /** Opens or closes a gate of the load tester. */
  gate(name: string, path: string): Promise<void>;
}

export interface Stage {
  readonly it: Instance;
  readonly releases: Releases;
  /** Of the application, while tests run. */
  readonly users: Traffic;
  /** No request of a user has failed. */
  served(): void;
  close(): Promise<void>;
}

/** An instance of its own with the stage and `objects`, of which the Canary `name` is ready for its first release and has users. */
export async function openStage(purpose: string, name: string, ...objects: readonly object[]): Promise<Stage> {
  const it = await newInstance(purpose);
  try {
    await it.up();
    const releases = releasesIn(it);
    await releases.apply(...STAGE, ...objects);
    await releases.reach(name, 'Initialized');
    await kubectl(it, ['-n', NS, 'rollout', 'status', 'deployment/flagger-loadtester', '--timeout=20s']);
    await eventually('the gateway serves it', 10, async () => (await releases.ask(name, '/')).status === 200);
    const users = releases.traffic(name, 40);
    return {
      it,
      releases,
      users,
      served: () => assert.deepEqual([...users.statuses.keys()], [200], 'no request of a user has failed'),
      async close() {
        await users.stop();
        await it.close();
      },
    };
  } catch (error) {
    await it.close();
    throw error;
  }
}

const ENDS: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

export function releasesIn(it: Instance): Releases {
  const ask = (name: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    it.get(path, { host: `${name}.example.com`, ...headers });

  async function said(name: string): Promise<string> {
    const events = JSON.parse(
      await kubectl(it, ['-n', NS, 'get', 'events', '-o', 'json', `--field-selector=involvedObject.name=${name}`]),
    ) as {
      items: { message: string; lastTimestamp: string }[];
    };
    return events.items.map((e) => `${e.lastTimestamp} ${e.message}`).join('\n');
  }

  const status: Releases['status'] = async (name) =>
    JSON.parse(await kubectl(it, ['-n', NS, 'get', 'canary', name, '-o', 'jsonpath={.status}'])) as Awaited<ReturnType<Releases['status']>>;

  const change: Releases['change'] = async (name, container) => {
    const patch = { spec: { template: { spec: { containers: [{ name: 'app', ...container }] } } } };
    await kubectl(it, ['-n', NS, 'patch', 'deployment', name, '-p', JSON.stringify(patch)]);
    // What an earlier release ended as is not taken for the end of this one.
    await watched(it, ['-n', NS, 'canary', name], '.status.phase', 30, (now) => !ENDS.has(now));
  };

  return {
    ask,
    said,
    status,
    change,
    setVersion: (name, version) => change(name, { image: image(version) }),
    async apply(...objects) {
      await kubectl(it, 'apply -f -', objects.map((o) => JSON.stringify(o)).join('\n---\n'));
    },
    async reach(name, phase, seconds = 60) {
      const found = await watched(it, ['-n', NS, 'canary', name], '.status.phase', seconds, (now) => now === phase || ENDS.has(now));
      if (found !== phase) assert.fail(`${name} is ${found}, not ${phase}\n${await said(name)}`);
    },
    async version(name, headers = {}) {
      const answer = await ask(name, '/version', headers);
      assert.equal(answer.status, 200, answer.body);
      return (JSON.parse(answer.body) as { version: string }).version;
    },
    traffic(name, rate, paths = ['/'], headers = {}) {
      const statuses = new Map<number, number>();
      const open = new Set<Promise<void>>();
      const count = (s: number): void => void statuses.set(s, (statuses.get(s) ?? 0) + 1);
      let n = 0;
      const timer = setInterval(() => {
        const one = ask(name, paths[n++ % paths.length]!, headers).then(
          (answer) => count(answer.status),
          () => count(0),
        );
        open.add(one);
        void one.finally(() => open.delete(one));
      }, 1000 / rate);
      // A test that fails before it stops them does not keep its process, and with it the whole run.
      timer.unref();
      return {
        statuses,
        async stop() {
          clearInterval(timer);
          await Promise.all(open);
        },
      };
    },
    async gate(name, path) {
      const body = JSON.stringify({ name, namespace: NS });
      await kubectl(it, [
        '-n',
        NS,
        'exec',
        'deploy/flagger-loadtester',
        '-c',
        'app',
        '--',
        'curl',
        '-s',
        '-d',
        body,
        `localhost:8080${path}`,
      ]);
    },
  };
}
