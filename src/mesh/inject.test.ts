import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { injectSidecar } from './inject.ts';
import { ingressGateway } from './ingress-gateway.ts';
import { proxyOf, workloadName } from './workload.ts';

function pod(labels: Record<string, string> = {}, more: { annotations?: Record<string, string>; hostNetwork?: boolean } = {}): Pod {
  return {
    metadata: { name: 'web-5d-x', namespace: 'default', labels: { app: 'web', ...labels }, annotations: more.annotations ?? {} },
    spec: { containers: [{ name: 'web' }], ...(more.hostNetwork ? { hostNetwork: true } : {}) },
  };
}

const ENABLED = { 'istio-injection': 'enabled' };
const cases: [string, Pod, Record<string, string>, boolean][] = [
  ['a namespace that says nothing', pod(), {}, false],
  ['a namespace that is enabled', pod(), ENABLED, true],
  [
    'a namespace that is disabled, whatever the pod says',
    pod({ 'sidecar.istio.io/inject': 'true' }),
    { 'istio-injection': 'disabled' },
    false,
  ],
  ['a pod that opts in', pod({ 'sidecar.istio.io/inject': 'true' }), {}, true],
  ['a pod that opts out', pod({ 'sidecar.istio.io/inject': 'false' }), ENABLED, false],
  ['a pod that opts out by annotation', pod({}, { annotations: { 'sidecar.istio.io/inject': 'false' } }), ENABLED, false],
  [
    'the label beats the annotation',
    pod({ 'sidecar.istio.io/inject': 'true' }, { annotations: { 'sidecar.istio.io/inject': 'false' } }),
    {},
    true,
  ],
  ['our revision on the namespace', pod(), { 'istio.io/rev': 'default' }, true],
  ['another revision', pod(), { 'istio.io/rev': 'canary' }, false],
  ['a pod on the host network', pod({}, { hostNetwork: true }), ENABLED, false],
];

for (const [what, given, namespace, wanted] of cases) {
  test(`${what}: ${wanted ? 'a sidecar' : 'none'}`, () => {
    const made = injectSidecar(given, namespace);
    assert.equal(made.spec?.containers.length, wanted ? 2 : 1);
    if (!wanted) assert.equal(made, given);
  });
}

test('an injected pod says so, and is not injected again', () => {
  const made = injectSidecar(pod({ version: 'v2' }), ENABLED);
  assert.deepEqual(made.metadata?.labels, {
    app: 'web',
    version: 'v2',
    'security.istio.io/tlsMode': 'istio',
    'service.istio.io/canonical-name': 'web',
    'service.istio.io/canonical-revision': 'v2',
  });
  assert.ok(made.metadata?.annotations?.['sidecar.istio.io/status']);
  assert.equal(made.spec?.containers[1]?.readinessProbe?.httpGet?.port, 15021);
  assert.equal(injectSidecar(made, ENABLED), made);
});

test('the pod says what its proxy asks for and may use', () => {
  const said = { 'sidecar.istio.io/proxyCPU': '100m', 'sidecar.istio.io/proxyMemoryLimit': '1Gi' };
  const resources = (p: Pod): unknown => injectSidecar(p, ENABLED).spec?.containers[1]?.resources;
  assert.deepEqual(resources(pod()), { requests: { cpu: '10m', memory: '40Mi' } });
  assert.deepEqual(resources(pod({}, { annotations: said })), { requests: { cpu: '100m', memory: '40Mi' }, limits: { memory: '1Gi' } });
});

test('the proxy of a pod is known once the pod has an address', () => {
  const made = injectSidecar(pod(), ENABLED);
  assert.equal(proxyOf(made), undefined);
  assert.equal(proxyOf(pod()), undefined);
  assert.deepEqual(proxyOf({ ...made, status: { podIP: '10.244.0.2' } })?.kind, 'sidecar');
});

test('the workload is what made the pod', () => {
  const owned = (kind: string, name: string, hash?: string): Pod => ({
    metadata: {
      name: 'p',
      ...(hash ? { labels: { 'pod-template-hash': hash } } : {}),
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }],
    },
  });
  assert.equal(workloadName(owned('ReplicaSet', 'web-5d4', '5d4')), 'web');
  assert.equal(workloadName(owned('ReplicaSet', 'alone')), 'alone');
  assert.equal(workloadName(owned('StatefulSet', 'db')), 'db');
  assert.equal(workloadName(pod()), 'web-5d-x');
});

test('the ingress gateway listens where its service sends, and is no sidecar', () => {
  const [account, deployment, service] = ingressGateway();
  const template = deployment.spec!.template;
  assert.equal(template.spec?.serviceAccountName, account.metadata?.name);
  assert.deepEqual(service.spec?.selector, template.metadata?.labels && { app: 'istio-ingressgateway', istio: 'ingressgateway' });
  const ports = template.spec?.containers[0]?.ports?.map((p) => p.containerPort);
  for (const p of service.spec?.ports ?? []) assert.ok(ports?.includes(p.targetPort as number), String(p.targetPort));
  const running: Pod = {
    metadata: { ...template.metadata!, name: 'gw', namespace: 'istio-system' },
    spec: template.spec!,
    status: { podIP: '10.244.0.3' },
  };
  assert.equal(proxyOf(running)?.kind, 'gateway');
  assert.equal(injectSidecar(running, ENABLED), running);
});
