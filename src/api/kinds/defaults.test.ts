import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyObject, createCatalog } from '../index.ts';

const catalog = createCatalog();

function defaulted(group: string, plural: string, object: object, old?: object): AnyObject {
  const copy = structuredClone(object) as AnyObject;
  catalog.find(group, 'v1', plural)!.def.default!(copy, old as AnyObject | undefined);
  return copy;
}

const podDefaults = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  securityContext: {},
};
const containerDefaults = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', resources: {} };

test('a Deployment gets what the real server gives it', () => {
  const spec = { selector: { matchLabels: { a: 'b' } }, template: { spec: { containers: [{ name: 'c', image: 'nginx:1' }] } } };
  assert.deepEqual(defaulted('apps', 'deployments', { spec }).spec, {
    replicas: 1,
    selector: { matchLabels: { a: 'b' } },
    template: {
      spec: { ...podDefaults, containers: [{ name: 'c', image: 'nginx:1', imagePullPolicy: 'IfNotPresent', ...containerDefaults }] },
    },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
});

test('a Recreate Deployment gets no rolling update', () => {
  const { spec } = defaulted('apps', 'deployments', { spec: { strategy: { type: 'Recreate' } } });
  assert.deepEqual((spec as { strategy: unknown }).strategy, { type: 'Recreate' });
});

test('a Pod gets what the real server gives it', () => {
  const container = {
    name: 'c',
    image: 'app',
    ports: [{ containerPort: 80 }],
    env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    readinessProbe: { httpGet: { port: 80 } },
    resources: { limits: { cpu: '1', memory: '1Gi' } },
  };
  assert.deepEqual(
    defaulted('', 'pods', { spec: { containers: [container], volumes: [{ name: 'v' }, { name: 'w', configMap: { name: 'm' } }] } }),
    {
      spec: {
        ...podDefaults,
        enableServiceLinks: true,
        serviceAccountName: 'default',
        serviceAccount: 'default',
        tolerations: ['not-ready', 'unreachable'].map((what) => ({
          key: `node.kubernetes.io/${what}`,
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        })),
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'w', configMap: { name: 'm', defaultMode: 420 } },
        ],
        containers: [
          {
            ...containerDefaults,
            name: 'c',
            image: 'app',
            imagePullPolicy: 'Always',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            env: [{ name: 'IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } }],
            readinessProbe: {
              httpGet: { port: 80, path: '/', scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
          },
        ],
      },
      status: { phase: 'Pending', qosClass: 'Guaranteed' },
    },
  );
});

for (const [image, policy] of [
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1.27', 'IfNotPresent'],
  ['registry:5000/nginx', 'Always'],
  ['registry:5000/nginx:1', 'IfNotPresent'],
  ['nginx@sha256:0000', 'IfNotPresent'],
] as const) {
  test(`${image} is pulled ${policy}`, () => {
    const { spec } = defaulted('', 'pods', { spec: { containers: [{ name: 'c', image }] } });
    assert.equal((spec as { containers: { imagePullPolicy: string }[] }).containers[0]!.imagePullPolicy, policy);
  });
}

test('a Service gets what the real server gives it, and keeps its address when it is replaced', () => {
  const spec = { selector: { a: 'b' }, ports: [{ port: 80 }, { port: 53, protocol: 'UDP', targetPort: 'dns', name: 'dns' }] };
  const service = defaulted('', 'services', { spec });
  assert.deepEqual(service, {
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      selector: { a: 'b' },
      ports: [
        { port: 80, protocol: 'TCP', targetPort: 80 },
        { port: 53, protocol: 'UDP', targetPort: 'dns', name: 'dns' },
      ],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    },
    status: { loadBalancer: {} },
  });
  const replaced = defaulted('', 'services', { spec }, { spec: { ...spec, clusterIP: '10.96.0.7' } });
  assert.equal((replaced.spec as { clusterIP: string }).clusterIP, '10.96.0.7');
});

test('a container that admission adds counts for the class of service', () => {
  const plain = defaulted('', 'pods', { spec: { containers: [{ name: 'app' }] } }) as { spec: { containers: object[] }; status: object };
  assert.deepEqual(plain.status, { phase: 'Pending', qosClass: 'BestEffort' });
  plain.spec.containers.push({ name: 'proxy', resources: { requests: { cpu: '10m' } } });
  assert.deepEqual(defaulted('', 'pods', plain).status, { phase: 'Pending', qosClass: 'Burstable' });
});

test('text of a Secret becomes data', () => {
  assert.deepEqual(defaulted('', 'secrets', { stringData: { k: 'v' }, data: { l: 'dw==' } }), {
    type: 'Opaque',
    data: { k: 'dg==', l: 'dw==' },
  });
});

test('a Job selects its own pods, as what made it says', () => {
  const own = { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } };
  const selector = (object: object, old?: object): unknown =>
    (defaulted('batch', 'jobs', object, old).spec as { selector?: unknown }).selector;
  assert.deepEqual(selector({ metadata: { uid: 'u1' }, spec: {} }), own);
  assert.deepEqual(selector({ metadata: { uid: 'u1' }, spec: {} }, { spec: { selector: own } }), own);
  const theirs = { matchLabels: { a: 'b' } };
  assert.deepEqual(selector({ metadata: { uid: 'u1' }, spec: { manualSelector: true, selector: theirs } }), theirs);
});
