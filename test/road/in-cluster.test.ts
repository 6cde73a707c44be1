/** The API server as programs in pods see it: by its Service, with the token of their account, beside a sidecar and without one. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { kubectl, newInstance, ROOT, type Instance } from '../support/instance.ts';
import { toolPath, type Result } from '../support/kubectl.ts';

let it: Instance;
before(async () => {
  it = await newInstance('in-cluster');
  await it.up();
});
after(() => it.close());

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The first container is ready at once, the sidecar when it is. */
const NAMESPACES = [
  { name: 'plain', labels: {} },
  { name: 'meshed', labels: { 'istio-injection': 'enabled' } },
];

function objects(namespace: (typeof NAMESPACES)[number]): unknown[] {
  const metadata = { name: 'robot', namespace: namespace.name };
  const client = {
    name: 'app',
    image: 'host',
    command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'],
    volumeMounts: [
      { name: 'modules', mountPath: '/app/node_modules', readOnly: true },
      { name: 'tools', mountPath: '/tools', readOnly: true },
    ],
  };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace.name, labels: namespace.labels } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'robot' },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: 'client' },
      spec: {
        serviceAccountName: 'robot',
        terminationGracePeriodSeconds: 1,
        containers: [client],
        volumes: [
          { name: 'modules', hostPath: { path: join(ROOT, 'node_modules') } },
          { name: 'tools', hostPath: { path: dirname(toolPath('kubectl')) } },
        ],
      },
    },
  ];
}

const inside = (namespace: string, script: string): Promise<Result> =>
  it.kubectl.run(['exec', '-n', namespace, 'client', '-c', 'app', '--', 'sh', '-c', script]);

/** The status code, by curl. */
async function curl(namespace: string, url: string, ...more: string[]): Promise<string> {
  const { stdout, stderr } = await inside(
    namespace,
    `curl -sS -o /dev/null -w '%{http_code}' --cacert ${ACCOUNT}/ca.crt ${more.join(' ')} ${url}`,
  );
  return stdout + stderr;
}

test('pods come up with an account of their own', async () => {
  for (const namespace of NAMESPACES) {
    await kubectl(it, ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects(namespace) }));
  }
  for (const { name } of NAMESPACES) await kubectl(it, ['wait', '-n', name, 'pod/client', '--for=condition=Ready', '--timeout=20s']);
});

for (const { name } of NAMESPACES) {
  test(`${name}: kubectl finds the server, and is the account`, async () => {
    const who = await inside(name, '/tools/kubectl auth whoami -o jsonpath={.status.userInfo.username}');
    assert.equal(who.stdout, `system:serviceaccount:${name}:robot`, who.stderr);
    const listed = await inside(name, '/tools/kubectl get pods -o name');
    assert.equal(listed.stdout, 'pod/client\n', listed.stderr);
    const refused = await inside(name, '/tools/kubectl get secrets');
    assert.match(refused.stderr, new RegExp(`"system:serviceaccount:${name}:robot" cannot list resource "secrets"`));
  });

  test(`${name}: curl is taken for what it sends, by each of the server's names`, async () => {
    const pods = `/api/v1/namespaces/${name}/pods`;
    const token = `-H "Authorization: Bearer $(cat ${ACCOUNT}/token)"`;
    assert.equal(await curl(name, `https://kubernetes.default.svc${pods}`, token), '200');
    assert.equal(await curl(name, `https://kubernetes.default.svc.cluster.local${pods}`, token), '200');
    assert.equal(await curl(name, `https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT${pods}`, token), '200');
    assert.equal(await curl(name, `https://kubernetes.default.svc${pods}`), '403', 'without a token: anonymous');
    assert.equal(await curl(name, `https://kubernetes.default.svc${pods}`, '-H "Authorization: Bearer made.up.token"'), '401');
    assert.equal(await curl(name, 'https://kubernetes.default.svc/readyz'), '200');
  });

  test(`${name}: the official JavaScript client, configured from what the pod holds`, async () => {
    const script = `
      const { KubeConfig, CoreV1Api } = require('@kubernetes/client-node');
      const config = new KubeConfig();
      config.loadFromCluster();
      config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: '${name}' }).then(
        ({ items }) => console.log(items.map((p) => p.metadata.name).join()),
        (error) => console.log(String(error)),
      );`;
    const { stdout, stderr } = await inside(name, `cd /app && node -e '${script.replaceAll("'", `'\\''`)}'`);
    assert.equal(stdout, 'client\n', stderr);
  });
}

test('the token follows its pod: it is nobody once the pod is gone', async () => {
  const token = (await inside('plain', `cat ${ACCOUNT}/token`)).stdout;
  const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } });
  const authenticated = async (): Promise<boolean> =>
    (JSON.parse(await kubectl(it, ['create', '-o', 'json', '-f', '-'], review)) as { status: { authenticated?: boolean } }).status
      .authenticated === true;
  assert.equal(await authenticated(), true);
  await kubectl(it, ['delete', 'pod', '-n', 'plain', 'client']);
  assert.equal(await authenticated(), false);
});

test('an account that does not exist is refused', async () => {
  const { stderr, code } = await it.kubectl.run([
    'run',
    'lost',
    '-n',
    'plain',
    '--image=curl',
    '--overrides={"spec":{"serviceAccountName":"nobody"}}',
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /pods "lost" is forbidden: error looking up service account plain\/nobody: serviceaccount "nobody" not found/);
});

test('the Service has its Endpoints and its slice', async () => {
  const addresses = await kubectl(it, [
    'get',
    'endpoints',
    'kubernetes',
    '-o',
    'jsonpath={.subsets[0].addresses[0].ip}:{.subsets[0].ports[0].port}',
  ]);
  assert.equal(addresses, '10.244.0.1:6443');
  const slice = [
    'get',
    'endpointslice',
    '-l',
    'kubernetes.io/service-name=kubernetes',
    '-o',
    'jsonpath={.items[*].endpoints[*].addresses[*]}',
  ];
  assert.equal(await kubectl(it, slice), '10.244.0.1');
});
