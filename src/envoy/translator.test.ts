import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject, VirtualService } from '../api/index.ts';
import { parseYaml } from '../base/index.ts';
import { proxyOf, snapshotOf, type Proxy, type Snapshot } from '../mesh/index.ts';
import { bootstrap } from './bootstrap.ts';
import { decode, encode } from './encode.ts';
import type { ProxyResources } from './resource.ts';
import { createTranslator } from './translator.ts';

function objects(...names: string[]): KubeObject[] {
  return names.flatMap((n) => parseYaml(readFileSync(join(import.meta.dirname, 'golden/base', `${n}.yaml`), 'utf8'))) as KubeObject[];
}

function weights(v1: number): VirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'reviews', namespace: 'default' },
    spec: {
      hosts: ['reviews'],
      http: [
        {
          route: [
            { destination: { host: 'reviews', subset: 'v1' }, weight: v1 },
            { destination: { host: 'reviews', subset: 'v2' }, weight: 100 - v1 },
          ],
        },
      ],
    },
  };
}

const all = [...objects('bookinfo', 'subsets'), weights(100)];
const proxies = all.filter((o) => o.kind === 'Pod').flatMap((p) => proxyOf(p as Pod) ?? []);
const [reviews, productpage] = proxies as [Proxy, Proxy];

/** The snapshot with one object in the place of its namesake. */
function withObject(snapshot: Snapshot, field: keyof Omit<Snapshot, 'config'>, object: KubeObject): Snapshot {
  const key = `${object.metadata?.namespace}/${object.metadata?.name}`;
  return { ...snapshot, [field]: new Map([...(snapshot[field] as ReadonlyMap<string, KubeObject>), [key, object]]) };
}

function changed(before: ProxyResources, now: ProxyResources): string[] {
  return (Object.keys(now) as (keyof ProxyResources)[]).flatMap((kind) =>
    [...now[kind]].flatMap(([name, r]) => (before[kind].get(name) === r ? [] : [`${kind} ${name}`])),
  );
}

test('before the first snapshot a proxy holds nothing', () => {
  assert.equal(createTranslator().resources(reviews).listeners.size, 0);
});

test('nothing changed: everything is the same object, though every object was read again', () => {
  const translator = createTranslator();
  const snapshot = snapshotOf(all);
  const problems = translator.update(snapshot);
  const before = proxies.map((p) => translator.resources(p));
  assert.equal(translator.update({ ...snapshot, pods: new Map(snapshot.pods) }), problems);
  assert.deepEqual(
    proxies.map((p) => translator.resources(p)).map((r, i) => r === before[i]),
    [true, true],
  );
  assert.equal(translator.update(snapshotOf(structuredClone(all))), problems);
  for (const [i, p] of proxies.entries()) assert.equal(translator.resources(p), before[i]);
});

test('a new weight changes the one route table, for every proxy', () => {
  const translator = createTranslator();
  const snapshot = snapshotOf(all);
  translator.update(snapshot);
  const before = translator.resources(productpage);
  translator.update(withObject(snapshot, 'virtualServices', weights(50)));
  const now = translator.resources(productpage);
  assert.deepEqual(changed(before, now), ['routes 9080']);
  assert.equal(now.clusters, before.clusters);
  assert.equal(now.listeners, before.listeners);
  assert.equal(now.endpoints, before.endpoints);
  assert.notEqual(now.routes.get('9080')?.version, before.routes.get('9080')?.version);
  assert.equal(translator.resources(reviews).routes.get('9080'), now.routes.get('9080'));
});

test('a pod that becomes ready changes endpoints only', () => {
  const translator = createTranslator();
  const snapshot = snapshotOf(all);
  translator.update(snapshot);
  const before = translator.resources(productpage);
  const slice = structuredClone([...snapshot.endpointSlices.values()][0]!);
  slice.endpoints[2]!.conditions!.ready = true;
  translator.update(withObject(snapshot, 'endpointSlices', slice));
  assert.deepEqual(changed(before, translator.resources(productpage)), [
    'endpoints outbound|9080||reviews.default.svc.cluster.local',
    'endpoints outbound|9080|v2|reviews.default.svc.cluster.local',
  ]);
});

test('a number that protobuf has no place for makes its own table unfit, and says whose it is', () => {
  const translator = createTranslator();
  const object = weights(50);
  object.spec.http![0]!.retries = { attempts: 2 ** 53 };
  translator.update(withObject(snapshotOf(all), 'virtualServices', object));
  const { routes, clusters } = translator.resources(productpage);
  const unfit = [...routes.values(), ...clusters.values()].filter((r) => r.unfit);
  assert.deepEqual(
    unfit.map((r) => [r.name, r.from]),
    [['9080', ['VirtualService default/reviews']]],
  );
  assert.match(unfit[0]!.unfit!, /9007199254740992 out of range/);
});

test('an address that is written twice is one domain: Envoy refuses a table with two', () => {
  const translator = createTranslator();
  const entry = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'a', namespace: 'default' },
    spec: {
      hosts: ['a.example'],
      addresses: ['10.7.7.8', '10.7.7.8'],
      ports: [{ number: 81, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  };
  translator.update(snapshotOf([...all, entry]));
  const { typeUrl, bytes } = translator.resources(productpage).routes.get('81')!;
  const domains = (decode(typeUrl, bytes)['virtual_hosts'] as { domains: string[] }[]).flatMap((h) => h.domains);
  assert.deepEqual(
    domains.filter((d) => d === '10.7.7.8'),
    ['10.7.7.8'],
  );
});

test('a DestinationRule that hashes has a say in routes, and is named there', () => {
  const translator = createTranslator();
  const hashing = all.map((o) =>
    o.kind === 'DestinationRule'
      ? { ...o, spec: { ...(o as { spec: object }).spec, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: 'x' } } } } }
      : o,
  );
  const named = (objects: KubeObject[]): readonly string[] => {
    translator.update(snapshotOf(objects));
    return [...translator.resources(productpage).routes.values()].flatMap((r) => r.from ?? []);
  };
  assert.ok(!named(all).includes('DestinationRule default/reviews'));
  assert.ok(named(hashing).includes('DestinationRule default/reviews'));
  assert.ok(named(hashing.filter((o) => o.kind !== 'VirtualService')).includes('DestinationRule default/reviews'));
});

test('a proxy that nobody asks for in one turn finds its resources again in the next', () => {
  const translator = createTranslator();
  const snapshot = snapshotOf(all);
  translator.update(snapshot);
  const before = translator.resources(reviews);
  translator.update(withObject(snapshot, 'virtualServices', weights(50)));
  translator.update(withObject(snapshot, 'virtualServices', weights(100)));
  const again = translator.resources(reviews);
  assert.deepEqual(again.routes.get('9080')?.version, before.routes.get('9080')?.version);
  assert.equal(again.listeners, before.listeners);
});

test('replicas of one workload share everything', () => {
  const translator = createTranslator();
  translator.update(snapshotOf(all));
  const twin: Proxy = { ...reviews, id: 'twin.default', pod: 'twin', ip: '10.244.0.99' };
  assert.equal(translator.resources(twin), translator.resources(reviews));
});

test('a snapshot without a thing in it still makes a proxy that lets traffic through', () => {
  const translator = createTranslator();
  assert.deepEqual(translator.update(snapshotOf([])), []);
  assert.deepEqual([...translator.resources(reviews).listeners.keys()], ['virtualOutbound', 'virtualInbound']);
});

/** What a user can write past a schema, or before one exists. */
const ODD: [string, KubeObject][] = [
  ['no spec at all', { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'odd', namespace: 'default' } }],
  ['a rule without hosts', { ...weights(1), metadata: { name: 'odd', namespace: 'default' }, spec: { http: [{}] } } as KubeObject],
  [
    'a destination rule without spec',
    { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'odd', namespace: 'default' } },
  ],
  ['a gateway without servers', { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name: 'odd', namespace: 'default' } }],
  ['a service without ports', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'odd', namespace: 'default' } }],
  [
    'an entry without spec',
    { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name: 'odd', namespace: 'default' } },
  ],
  [
    'a policy without spec',
    { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: { name: 'odd', namespace: 'default' } },
  ],
  [
    'a slice without endpoints',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'odd', namespace: 'default', labels: { 'kubernetes.io/service-name': 'reviews' } },
    },
  ],
  [
    'numbers Envoy cannot hold',
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'a-odd', namespace: 'default', creationTimestamp: '2020-01-01T00:00:00Z' },
      spec: {
        host: 'reviews',
        trafficPolicy: { connectionPool: { tcp: { maxConnections: -1 } }, outlierDetection: { maxEjectionPercent: 1e12 } },
      },
    } as KubeObject,
  ],
];

for (const [what, object] of ODD) {
  test(`total: ${what} disturbs nobody else`, () => {
    const translator = createTranslator();
    translator.update(snapshotOf([...all, object]));
    const made = translator.resources(productpage);
    assert.ok(made.clusters.has('outbound|9080||productpage.default.svc.cluster.local'));
    assert.ok(made.clusters.has('outbound|9080||reviews.default.svc.cluster.local'));
    assert.ok(made.routes.has('9080'));
  });
}

test('bytes of a route table are those of the whole message', () => {
  const translator = createTranslator();
  translator.update(snapshotOf(all));
  const table = translator.resources(productpage).routes.get('9080')!;
  const json = decode(table.typeUrl, table.bytes);
  assert.deepEqual(decode(table.typeUrl, encode(table.typeUrl, json)), json);
  assert.equal((json['virtual_hosts'] as unknown[]).length, 3);
});

test('the bootstrap says who the proxy is, in the form that tools parse', () => {
  const options = { adminSocket: '/run/admin.sock', xdsSocket: '/run/xds.sock', domain: 'cluster.local' };
  const sidecar = bootstrap({ ...options, proxy: productpage });
  assert.equal((sidecar['node'] as { id: string }).id, 'sidecar~10.244.0.10~productpage-v1-5f6b-ddddd.default~default.svc.cluster.local');
  assert.equal(
    (bootstrap({ ...options, proxy: { ...productpage, kind: 'gateway' } })['node'] as { id: string }).id.split('~')[0],
    'router',
  );
  assert.ok(encode('envoy.config.bootstrap.v3.Bootstrap', sidecar).length > 0);
});
