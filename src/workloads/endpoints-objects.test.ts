import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoints as EndpointsObject, Pod, Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import { Endpoints, EndpointSlices, Pods, Services } from '../api/index.ts';
import { endpointsMirror, isMirrored, mirrorOf } from './endpoints-mirror.ts';
import { endpointsController, endpointsOf } from './endpoints-objects.ts';
import { testWorld } from './testing.ts';

const service = (spec: Partial<ServiceSpec> = {}): Service => ({
  metadata: { namespace: 'a', name: 'web', uid: 's', labels: { team: 'x' } },
  spec: { clusterIP: '10.96.0.5', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
});

const pod = (name: string, ready = true, dying = false): Pod => ({
  metadata: {
    namespace: 'a',
    name,
    uid: `uid-${name}`,
    labels: { app: 'web' },
    ...(dying ? { deletionTimestamp: '2026-01-01T00:00:30Z' } : {}),
  },
  spec: { nodeName: 'sluice', containers: [] },
  status: { phase: 'Running', podIP: `10.244.0.${name.length}`, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test('Endpoints: ready and unready addresses of the same ports are one subset, and leaving ones are left out', () => {
  const made = endpointsOf(service(), [pod('bb', false), pod('a'), pod('ccc', true, true)]);
  assert.deepEqual(made.metadata?.labels, { team: 'x', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
  const address = (name: string, ip: string) => ({
    ip,
    nodeName: 'sluice',
    targetRef: { kind: 'Pod', namespace: 'a', name, uid: `uid-${name}` },
  });
  assert.deepEqual(made.subsets, [
    {
      addresses: [address('a', '10.244.0.1')],
      notReadyAddresses: [address('bb', '10.244.0.2')],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
  ]);
});

test('Endpoints of services of other shapes', () => {
  assert.equal(endpointsOf(service(), []).subsets, undefined);
  const { ports } = endpointsOf(service({ ports: [{ port: 80, targetPort: 8080 }] }), [pod('a')]).subsets![0]!;
  assert.deepEqual(ports, [{ port: 8080, protocol: 'TCP' }], 'a port without a name has none');
  const headless = endpointsOf(service({ clusterIP: 'None', ports: [] }), [pod('a')]);
  assert.equal(headless.metadata?.labels?.['service.kubernetes.io/headless'], '');
  assert.deepEqual(Object.keys(headless.subsets![0]!), ['addresses']);
  const eager = endpointsOf(service({ publishNotReadyAddresses: true }), [pod('a', false), pod('bb', true, true)]);
  assert.equal(eager.subsets![0]!.addresses?.length, 2);
  const many = Array.from({ length: 1001 }, (_, i) => pod(`p${String(i).padStart(4, '0')}`));
  const full = endpointsOf(service(), many);
  assert.equal(full.subsets![0]!.addresses?.length, 1000);
  assert.equal(full.metadata?.annotations?.['endpoints.kubernetes.io/over-capacity'], 'truncated');
});

test('Endpoints follow the pods, and go with their service', async () => {
  const w = testWorld();
  w.start(endpointsController(w.world));
  await w.api.create(Services, service());
  w.api.seed(Pods, pod('a'));
  await w.clock.advance(100);
  const key = { namespace: 'a', name: 'web' };
  const ips = async () => (await w.api.get(Endpoints, key))?.subsets?.flatMap((s) => (s.addresses ?? []).map((x) => x.ip));
  assert.deepEqual(await ips(), ['10.244.0.1']);
  w.api.seed(Pods, pod('bb'));
  await w.clock.advance(100);
  assert.deepEqual(await ips(), ['10.244.0.1', '10.244.0.2']);
  let writes = 0;
  w.api.hooks.before = () => writes++;
  await w.clock.advance(60_000);
  assert.equal(writes, 0);
  await w.api.delete(Services, key);
  await w.clock.advance(100);
  assert.equal(await w.api.get(Endpoints, key), undefined);
  await w.stop();
});

const own: EndpointsObject = {
  metadata: { namespace: 'a', name: 'web', uid: 'e', labels: { team: 'x' }, annotations: { note: 'kept' } },
  subsets: [
    {
      addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
      notReadyAddresses: [{ ip: '192.0.2.2', hostname: 'two' }],
      ports: [{ name: 'db', port: 5432 }],
    },
  ],
};

test('Endpoints of a user as slices: one a family of addresses', () => {
  assert.deepEqual(
    mirrorOf(own).map((s) => [s.addressType, s.endpoints, s.ports]),
    [
      [
        'IPv4',
        [
          { addresses: ['192.0.2.1'], conditions: { ready: true } },
          { addresses: ['192.0.2.2'], conditions: { ready: false }, hostname: 'two' },
        ],
        [{ name: 'db', port: 5432, protocol: 'TCP' }],
      ],
      ['IPv6', [{ addresses: ['2001:db8::1'], conditions: { ready: true } }], [{ name: 'db', port: 5432, protocol: 'TCP' }]],
    ],
  );
  assert.deepEqual(mirrorOf(own)[0]!.metadata!.labels, {
    team: 'x',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  });
});

test('which Endpoints are copied', () => {
  const free = service();
  delete free.spec!.selector;
  const marked = (metadata: object): EndpointsObject => ({ ...own, metadata: { ...own.metadata, ...metadata } });
  const table: [string, EndpointsObject, Service, boolean][] = [
    ["a user's", own, free, true],
    ['of a service with a selector', own, service(), false],
    ['that ask to be left alone', marked({ labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }), free, false],
    ['that are a lock', marked({ annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } }), free, false],
  ];
  for (const [what, endpoints, of, copied] of table) assert.equal(isMirrored(endpoints, of), copied, what);
});

test('slices follow the Endpoints of a user, and go when the service gets a selector', async () => {
  const w = testWorld();
  w.start(endpointsMirror(w.world), endpointsController(w.world));
  const free = service();
  delete free.spec!.selector;
  await w.api.create(Endpoints, own);
  await w.clock.advance(100);
  assert.equal((await w.api.list(EndpointSlices)).items.length, 0, 'not before there is a service');
  assert.ok(await w.api.get(Endpoints, { namespace: 'a', name: 'web' }));
  await w.api.create(Services, free);
  await w.clock.advance(100);
  assert.equal((await w.api.list(EndpointSlices)).items.length, 2);
  const subsets = [{ addresses: [{ ip: '192.0.2.9' }], ports: [{ name: 'db', port: 5432 }] }];
  await w.api.patch(Endpoints, { namespace: 'a', name: 'web' }, { type: 'merge', body: { subsets } });
  await w.clock.advance(100);
  const { items } = await w.api.list(EndpointSlices);
  assert.deepEqual(
    items.map((s) => s.endpoints.map((e) => e.addresses[0])),
    [['192.0.2.9']],
  );
  await w.api.patch(Services, { namespace: 'a', name: 'web' }, { type: 'merge', body: { spec: { selector: { app: 'web' } } } });
  await w.clock.advance(100);
  assert.equal((await w.api.list(EndpointSlices)).items.length, 0);
  await w.stop();
});
