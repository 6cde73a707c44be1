import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '../objects.ts';
import { parseImage, type ImageCatalog } from '../images.ts';
import { planContainer } from './container.ts';
import { ConfigProblem } from './env.ts';
import { expand } from './expand.ts';
import type { ContainerPlan, PlanInputs, Waiting } from './types.ts';
import { planVolumes } from './volumes.ts';

const catalog: ImageCatalog = {
  resolve: (image) =>
    image.startsWith('app')
      ? { kind: 'builtin', command: ['run'], args: ['fast'], env: { MODE: 'image' }, mounts: [], workingDir: '/w', note: 'app' }
      : { error: `no ${image}` },
};
const inputs: PlanInputs = {
  configMap: (name) => (name === 'cm' ? { data: { a: '1', 'x.y': 'odd' }, binaryData: { b: 'AAE=' } } : undefined),
  secret: (name) => (name === 'sec' ? { data: { s: Buffer.from('geheim').toString('base64') } } : undefined),
  volumeOf: (claim) =>
    claim === 'none' ? { problem: 'persistentvolumeclaim "none" not found' } : { path: `/v/${claim}`, own: claim === 'own' },
  token: ({ audience }) => (audience === 'late' ? undefined : `token for ${audience ?? 'the API'}`),
  services: [
    { metadata: { name: 'my-db', namespace: 'n' }, spec: { clusterIP: '10.96.0.7', ports: [{ port: 5432, name: 'pg' }] } },
    { metadata: { name: 'headless', namespace: 'n' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
  ],
  catalog,
  podIP: '10.244.0.9',
  node: { name: 'sluice', address: '10.244.0.1', cpus: 4, memoryBytes: 8 * 2 ** 30 },
};
const podOf = (container: Partial<Container>, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  metadata: { name: 'p-1', namespace: 'n', uid: 'u', labels: { app: 'x' } },
  spec: { ...spec, containers: [{ name: 'c', image: 'app:1', ...container }] },
});
const plan = (container: Partial<Container>, spec?: Partial<NonNullable<Pod['spec']>>): ContainerPlan | Waiting => {
  const pod = podOf(container, spec);
  const planned = planContainer(pod, pod.spec!.containers[0]!, inputs);
  return 'plan' in planned ? planned.plan : planned.waiting;
};
const planned = (container: Partial<Container>): ContainerPlan => {
  const p = plan(container);
  assert.ok('argv' in p, JSON.stringify(p));
  return p;
};
const env = (container: Partial<Container>): Record<string, string> => Object.fromEntries(planned(container).env);

test('expand', () => {
  const table: [string, string][] = [
    ['$(A)', '1'],
    ['x$(A)y$(A)', 'x1y1'],
    ['$(NO)', '$(NO)'],
    ['$$(A)', '$(A)'],
    ['$A $', '$A $'],
    ['$$$$(A)', '$$(A)'],
  ];
  for (const [text, expected] of table)
    assert.equal(
      expand(text, (n) => (n === 'A' ? '1' : undefined)),
      expected,
      text,
    );
});

test('command and args replace those of the image as Kubernetes says', () => {
  assert.deepEqual(planned({}).argv, ['run', 'fast']);
  assert.deepEqual(planned({ args: ['slow'] }).argv, ['run', 'slow']);
  assert.deepEqual(planned({ command: ['other'] }).argv, ['other']);
  assert.deepEqual(planned({ command: ['o', '$(MODE)'], args: ['$(K)'], env: [{ name: 'K', value: 'v' }] }).argv, ['o', 'image', 'v']);
});

test('environment', () => {
  assert.equal(env({})['MODE'], 'image');
  assert.equal(env({})['HOSTNAME'], 'p-1');
  assert.equal(env({})['MY_DB_SERVICE_HOST'], '10.96.0.7');
  assert.equal(env({})['MY_DB_SERVICE_PORT_PG'], '5432');
  assert.equal(env({})['MY_DB_PORT_5432_TCP'], 'tcp://10.96.0.7:5432');
  assert.equal(env({})['HEADLESS_SERVICE_HOST'], undefined);
  assert.equal(env({ envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }] })['P_a'], '1');
  assert.equal(env({ env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 'sec', key: 's' } } }] })['S'], 'geheim');
  const chained = env({
    env: [
      { name: 'A', value: 'x' },
      { name: 'B', value: '$(A)$(C)' },
      { name: 'C', value: 'z' },
    ],
  });
  assert.equal(chained['B'], 'x$(C)', 'only what stands before is known');
  const field = (fieldPath: string): string | undefined => env({ env: [{ name: 'F', valueFrom: { fieldRef: { fieldPath } } }] })['F'];
  assert.deepEqual(['metadata.name', 'status.podIP', 'status.hostIP', 'spec.nodeName', "metadata.labels['app']"].map(field), [
    'p-1',
    '10.244.0.9',
    '10.244.0.1',
    'sluice',
    'x',
  ]);
  const resources = { limits: { cpu: '500m', memory: '64Mi' } };
  const limit = (resource: string, divisor?: string): string | undefined =>
    env({ resources, env: [{ name: 'R', valueFrom: { resourceFieldRef: { resource, ...(divisor ? { divisor } : {}) } } }] })['R'];
  assert.deepEqual(
    [limit('limits.cpu'), limit('limits.cpu', '1m'), limit('limits.memory', '1Mi'), limit('requests.cpu', '1m')],
    ['1', '500', '64', '500'],
  );
});

test('what cannot run says why', () => {
  const missing = (container: Partial<Container>, spec?: Partial<NonNullable<Pod['spec']>>): string => {
    const p = plan(container, spec);
    assert.ok('reason' in p);
    return `${p.reason}: ${p.message}`;
  };
  const key = (name: string, k: string) => ({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name, key: k } } }] });
  assert.equal(missing(key('no', 'k')), 'CreateContainerConfigError: configmap "no" not found');
  assert.equal(missing(key('cm', 'k')), "CreateContainerConfigError: couldn't find key k in ConfigMap n/cm");
  assert.equal(missing({ envFrom: [{ secretRef: { name: 'no' } }] }), 'CreateContainerConfigError: secret "no" not found');
  assert.equal(missing({ image: 'other:1' }), 'ErrImagePull: no other:1');
  assert.match(missing({ image: 'UPPER CASE' }), /^InvalidImageName: /);
  assert.match(missing({ volumeMounts: [{ name: 'v', mountPath: '/x' }] }), /names a volume that the pod does not have/);
  const host = { volumes: [{ name: 'v', hostPath: { path: '/home' } }] };
  assert.match(missing({ volumeMounts: [{ name: 'v', mountPath: '/x' }] }, host), /only containers of image "host"/);
  assert.match(missing({ image: 'host' }), /name it in `command`/);
  const empty = { volumes: [{ name: 'v', emptyDir: {} }] };
  assert.match(missing({ volumeMounts: [{ name: 'v', mountPath: '/x', subPath: '../y' }] }, empty), /must be relative/);
  const optional = { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'no', key: 'k', optional: true } } }] };
  assert.equal(env(optional)['A'], undefined);
});

test('capabilities: no container gets the network, whatever it asks for', () => {
  const caps = (add: string[], drop: string[]): readonly string[] =>
    planned({ securityContext: { capabilities: { add, drop } } }).capabilities;
  assert.ok(!caps(['NET_ADMIN', 'SYS_ADMIN'], []).some((c) => c === 'net_admin' || c === 'sys_admin'));
  assert.deepEqual(caps(['NET_BIND_SERVICE'], ['ALL']), ['net_bind_service']);
});

test('volumes', () => {
  const files = (volume: object): Record<string, string> => {
    const [v] = planVolumes(podOf({}, { volumes: [{ name: 'v', ...volume }] }), inputs);
    assert.ok(v?.kind === 'files');
    return Object.fromEntries(
      Object.entries(v.files).map(([path, f]) => [path, `${Buffer.from(f.content).toString('latin1')} ${f.mode.toString(8)}`]),
    );
  };
  assert.deepEqual(files({ configMap: { name: 'cm' } }), { a: '1 644', 'x.y': 'odd 644', b: '\0\x01 644' });
  assert.deepEqual(files({ configMap: { name: 'cm', items: [{ key: 'a', path: 'd/e', mode: 0o600 }] } }), { 'd/e': '1 600' });
  assert.deepEqual(files({ configMap: { name: 'no', optional: true } }), {});
  assert.deepEqual(files({ secret: { secretName: 'sec', defaultMode: 0o400 } }), { s: 'geheim 400' });
  assert.deepEqual(files({ downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }), {
    labels: 'app="x" 644',
  });
  assert.deepEqual(
    files({ projected: { sources: [{ configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } }, { secret: { name: 'sec' } }] } }),
    {
      a: '1 644',
      s: 'geheim 644',
    },
  );
  const refused = (volume: object): void => assert.throws(() => files(volume), ConfigProblem);
  refused({ configMap: { name: 'no' } });
  refused({ configMap: { name: 'cm', items: [{ key: 'zz', path: 'a' }] } });
  refused({ configMap: { name: 'cm', items: [{ key: 'a', path: '../a' }] } });
  refused({ nfs: { server: 's', path: '/' } });
});

test('image names', () => {
  assert.deepEqual(parseImage('docker.io/istio/app-v1:1.20'), { repository: 'docker.io/istio/app-v1', tag: '1.20', digest: undefined });
  assert.equal(parseImage('localhost:5000/a')?.repository, 'localhost:5000/a');
  assert.equal(parseImage('a')?.tag, 'latest');
  for (const bad of ['', 'A', 'a:', 'a b', 'a//b', ':1']) assert.equal(parseImage(bad), undefined, bad);
});

test('a projected volume holds the token of the pod beside its other sources; without one it waits', () => {
  const volume = (audience?: string): Partial<NonNullable<Pod['spec']>> => ({
    volumes: [
      {
        name: 'v',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', ...(audience ? { audience } : {}) } },
            { configMap: { name: 'cm', items: [{ key: 'a', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ],
  });
  const [made] = planVolumes(podOf({}, volume()), inputs);
  assert.ok(made?.kind === 'files');
  const texts = Object.fromEntries(Object.entries(made.files).map(([path, f]) => [path, Buffer.from(f.content).toString()]));
  assert.deepEqual(texts, { token: 'token for the API', 'ca.crt': '1', namespace: 'n' });
  assert.throws(() => planVolumes(podOf({}, volume('late')), inputs), ConfigProblem);
});

test('a claim is mounted by its directory; one that leads to other places is only for programs of this machine', () => {
  const claimed = (claimName: string): Partial<NonNullable<Pod['spec']>> => ({
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
  });
  const mounts = [{ name: 'v', mountPath: '/data' }];
  assert.deepEqual(planVolumes(podOf({}, claimed('own')), inputs), [
    { kind: 'host', name: 'v', path: '/v/own', type: 'DirectoryOrCreate' },
  ]);
  assert.throws(() => planVolumes(podOf({}, claimed('none')), inputs), /persistentvolumeclaim "none" not found/);
  assert.ok('argv' in plan({ volumeMounts: mounts }, claimed('own')));
  assert.match(
    (plan({ volumeMounts: mounts }, claimed('other')) as Waiting).message,
    /is a hostPath, by its claim: only containers of image "host"/,
  );
  assert.ok('argv' in plan({ image: 'host', command: ['ls'], volumeMounts: mounts }, claimed('other')));
});
