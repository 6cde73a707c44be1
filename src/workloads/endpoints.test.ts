import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import { EndpointSlices, Pods, Services } from '../api/index.ts';
import { decideSlices, endpointOf } from './endpoints.ts';
import { endpointSliceController } from './endpointslices.ts';
import { testWorld } from './testing.ts';

const service = (spec: Partial<ServiceSpec> = {}): Service => ({
  metadata: { namespace: 'a', name: 'web', uid: 's', labels: { team: 'x' } },
  spec: { clusterIP: '10.96.0.5', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
});

function pod(name: string, over: { port?: number; ready?: boolean; ip?: string; phase?: string; dying?: boolean } = {}): Pod {
  const { port = 8080, ready = true, ip = `10.244.0.${name.length}`, phase = 'Running', dying = false } = over;
  return {
    metadata: {
      namespace: 'a',
      name,
      uid: `uid-${name}`,
      labels: { app: 'web' },
      ...(dying ? { deletionTimestamp: '2026-01-01T00:00:30Z' } : {}),
    },
    spec: { nodeName: 'sluice', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: port }] }] },
    status: { phase, ...(ip ? { podIP: ip } : {}), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

test('what a pod is as an endpoint', () => {
  const table: [string, Pod, Partial<ServiceSpec>, [ready: boolean, serving: boolean, terminating: boolean] | undefined][] = [
    ['ready', pod('p'), {}, [true, true, false]],
    ['not ready', pod('p', { ready: false }), {}, [false, false, false]],
    ['not ready but published', pod('p', { ready: false }), { publishNotReadyAddresses: true }, [true, false, false]],
    ['on its way out', pod('p', { dying: true }), {}, [false, true, true]],
    ['without an address', pod('p', { ip: '' }), {}, undefined],
    ['ended', pod('p', { phase: 'Succeeded' }), {}, undefined],
  ];
  for (const [name, p, spec, want] of table) {
    const c = endpointOf(service(spec), p)?.conditions;
    assert.deepEqual(c && [c.ready, c.serving, c.terminating], want, name);
  }
});

test('a named port is looked up pod by pod; those that differ are in slices of their own', () => {
  const { create } = decideSlices(service(), [pod('a'), pod('bb', { port: 9090 }), pod('ccc')], []);
  assert.deepEqual(
    create.map((s) => [s.ports?.[0]?.port, s.endpoints.map((e) => e.targetRef?.name)]),
    [
      [8080, ['a', 'ccc']],
      [9090, ['bb']],
    ],
  );
  assert.deepEqual(create[0]?.metadata?.labels, {
    team: 'x',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  assert.deepEqual(create[0]?.endpoints[0], {
    addresses: ['10.244.0.1'],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'sluice',
    targetRef: { kind: 'Pod', namespace: 'a', name: 'a', uid: 'uid-a' },
  });
});

test('no more than a hundred endpoints a slice, and none are written again for nothing', () => {
  const pods = Array.from({ length: 250 }, (_, i) => pod(`p${String(i).padStart(3, '0')}`, { ip: `10.244.1.${i}` }));
  const { create } = decideSlices(service(), pods, []);
  assert.deepEqual(
    create.map((s) => s.endpoints.length),
    [100, 100, 50],
  );
  const existing = create.map((s, i) => ({ ...s, metadata: { ...s.metadata, name: `web-${i}` } }));
  assert.deepEqual(decideSlices(service(), pods, existing), { create: [], update: [], remove: [] });
  const fewer = decideSlices(service(), pods.slice(0, 150), existing);
  assert.deepEqual([fewer.create.length, fewer.update.length, fewer.remove.map((s) => s.metadata?.name)], [0, 1, ['web-2']]);
});

test('a headless service is marked, one without pods keeps an empty slice', () => {
  const { create } = decideSlices(service({ clusterIP: 'None' }), [], []);
  assert.equal(create[0]?.metadata?.labels?.['service.kubernetes.io/headless'], '');
  assert.deepEqual([create[0]?.endpoints, create[0]?.ports], [[], []]);
});

test('the controller follows pods, and leaves slices of others alone', async () => {
  const w = testWorld();
  w.start(endpointSliceController(w.world));
  await w.api.create(Services, service());
  const foreign = {
    metadata: { namespace: 'a', name: 'mine', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [],
  };
  await w.api.create(EndpointSlices, foreign);
  w.api.seed(Pods, pod('one'));
  await w.clock.advance(100);
  const own = async () => (await w.api.list(EndpointSlices, { labelSelector: 'endpointslice.kubernetes.io/managed-by' })).items;
  assert.deepEqual(
    (await own()).map((s) => s.endpoints.map((e) => e.targetRef?.name)),
    [['one']],
  );
  w.api.seed(Pods, pod('two'));
  await w.clock.advance(100);
  assert.deepEqual(
    (await own()).map((s) => s.endpoints.map((e) => e.targetRef?.name)),
    [['one', 'two']],
  );
  await w.api.patch(Pods, { namespace: 'a', name: 'one' }, { type: 'merge', body: { metadata: { labels: { app: 'other' } } } });
  await w.clock.advance(100);
  assert.deepEqual(
    (await own()).map((s) => s.endpoints.map((e) => e.targetRef?.name)),
    [['two']],
  );
  await w.api.patch(Services, { namespace: 'a', name: 'web' }, { type: 'merge', body: { spec: { selector: null } } });
  await w.clock.advance(100);
  assert.deepEqual(
    (await w.api.list(EndpointSlices)).items.map((s) => s.metadata?.name),
    ['mine'],
  );
  await w.stop();
});
