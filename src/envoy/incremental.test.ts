/** What one change costs, in counts: of a mesh that is eight times as large, it reads and makes no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/index.ts';
import { below, seededRng, type Rng } from '../base/index.ts';
import { proxyOf, snapshotOf, Table, type Proxy, type Snapshot } from '../mesh/index.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { versionsOf } from './golden.fixture.ts';
import { createTranslator } from './translator.ts';

/** Counts what is read of objects. */
let reads = 0;
const watched = new WeakMap<object, object>();
function watch<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  let seen = watched.get(value);
  if (!seen) {
    seen = new globalThis.Proxy(value, {
      get(target, key, receiver) {
        reads++;
        return watch(Reflect.get(target, key, receiver) as unknown);
      },
    });
    watched.set(value, seen);
  }
  return seen as T;
}

const NAMESPACE = 'default';
const meta = (name: string, labels: Record<string, string> = {}): KubeObject['metadata'] => ({ name, namespace: NAMESPACE, labels });

const podOf = (i: number, ready: boolean): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(`pod-${i}`, { app: `svc-${i}`, version: 'v1', 'security.istio.io/tlsMode': 'istio' }),
    spec: { containers: [{ name: 'istio-proxy', image: 'x', args: ['proxy', 'sidecar'] }] },
    status: { podIP: `10.244.${i >> 8}.${i & 255}`, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as KubeObject;
const sliceOf = (i: number, ready: boolean): KubeObject =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta(`svc-${i}`, { 'kubernetes.io/service-name': `svc-${i}` }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: [`10.244.${i >> 8}.${i & 255}`],
        conditions: { ready },
        targetRef: { kind: 'Pod', namespace: NAMESPACE, name: `pod-${i}` },
      },
    ],
  }) as KubeObject;
const serviceOf = (i: number): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(`svc-${i}`),
    spec: { clusterIP: `10.96.${i >> 8}.${i & 255}`, selector: { app: `svc-${i}` }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  }) as KubeObject;
const rulesOf = (i: number, v1: number): KubeObject =>
  ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: meta(`svc-${i}`),
    spec: {
      hosts: [`svc-${i}`],
      http: [
        {
          route: [
            { destination: { host: `svc-${i}`, subset: 'v1' }, weight: v1 },
            { destination: { host: `svc-${i}`, subset: 'v2' }, weight: 100 - v1 },
          ],
        },
      ],
    },
  }) as KubeObject;
const policyOf = (i: number, maxConnections: number): KubeObject =>
  ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: meta(`svc-${i}`),
    spec: {
      host: `svc-${i}`,
      trafficPolicy: { connectionPool: { tcp: { maxConnections } } },
      subsets: ['v1', 'v2'].map((name) => ({ name, labels: { version: name } })),
    },
  }) as KubeObject;

const PROXIES = 10;
const ASKED: ReadonlySet<string> = new Set(Array.from({ length: 5 }, (_, i) => `80/svc-${i}`));

/** The snapshot with the object under that key, or with none. */
function changed(snapshot: Snapshot, field: keyof Snapshot, key: string, object: KubeObject | undefined): Snapshot {
  return { ...snapshot, [field]: (snapshot[field] as unknown as Table<KubeObject>).with([[key, object]]) };
}

/** A mesh of that many services, each with a pod and rules, of which some proxies use five; and what one change reads and makes. */
function mesh(size: number): (field: keyof Snapshot, object: KubeObject) => { reads: number; made: number } {
  const all = Array.from({ length: size }, (_, i) => [podOf(i, true), sliceOf(i, true), serviceOf(i), rulesOf(i, 50), policyOf(i, 10)]);
  const proxies = all.slice(0, PROXIES).map(([pod]) => proxyOf(pod as Pod) as Proxy);
  const translator = createTranslator();
  let snapshot = snapshotOf(all.flat());
  snapshot = Object.fromEntries(
    Object.entries(snapshot).map(([field, held]: [string, unknown]) => [
      field,
      held instanceof Map ? new Table([...(held as Map<string, KubeObject>)].map(([key, o]) => [key, watch(o)])) : held,
    ]),
  ) as unknown as Snapshot;
  const held = (): Set<unknown> =>
    new Set(proxies.flatMap((p) => Object.values(translator.resources(p, ASKED)).flatMap((m) => [...m.values()])));
  translator.update(snapshot);
  let before = held();
  return (field, object) => {
    const key = `${NAMESPACE}/${object.metadata?.name}`;
    snapshot = changed(snapshot, field, key, watch(object));
    reads = 0;
    translator.update(snapshot);
    const after = held();
    const made = [...after].filter((r) => !before.has(r)).length;
    before = after;
    return { reads, made };
  };
}

/** Of a policy the clusters of two subsets are made, and the routes that lead there. */
const CHANGES: readonly [what: string, field: keyof Snapshot, object: KubeObject, made: number][] = [
  ['weights of a route', 'virtualServices', rulesOf(0, 40), 1],
  ['endpoints that are not ready', 'endpointSlices', sliceOf(1, false), 1],
  ['endpoints that are ready again', 'endpointSlices', sliceOf(1, true), 1],
  ['a pod that says something of itself', 'pods', podOf(2, false), 0],
  ['a policy', 'destinationRules', policyOf(3, 20), 3],
  ['rules of a host that nobody calls', 'virtualServices', rulesOf(30, 40), 0],
  ['endpoints of a host that nobody calls', 'endpointSlices', sliceOf(30, false), 0],
];

test('a change reads and makes as much in a large mesh as in a small one', () => {
  const [small, large] = [mesh(60), mesh(480)];
  for (const [what, field, object, made] of CHANGES) {
    const [before, now] = [small(field, object), large(field, object)];
    assert.deepEqual([before.made, now.made], [made, made], what);
    // Its place among those as old is found by halves.
    assert.ok(now.reads <= before.reads + 30, `${what}: ${before.reads} reads of 60 services, ${now.reads} of 480`);
  }
});

/** What may stand in the mesh under the name `svc-<i>`, in one of its forms. */
const FORMS: Readonly<Partial<Record<keyof Snapshot, (i: number, rng: Rng) => KubeObject>>> = {
  services: (i, rng) => ({ ...serviceOf(i), spec: { ...(serviceOf(i) as { spec: object }).spec, ports: ports(rng) } }) as KubeObject,
  endpointSlices: (i, rng) => sliceOf(i, rng.next() < 0.7),
  pods: (i, rng) => podOf(i, rng.next() < 0.5),
  virtualServices: (i, rng) => {
    const target = below(rng, 6);
    const rules = rulesOf(target, below(rng, 101)) as KubeObject & { spec: object };
    const hosts = [rng.next() < 0.2 ? '*.example' : `svc-${rng.next() < 0.7 ? i : below(rng, 6)}`];
    return { ...rules, metadata: meta(`svc-${i}`), spec: { ...rules.spec, hosts } } as KubeObject;
  },
  destinationRules: (i, rng) => {
    const rule = policyOf(i, below(rng, 5)) as KubeObject & { spec: object };
    return rng.next() < 0.2 ? ({ ...rule, spec: { ...rule.spec, host: '*.default.svc.cluster.local' } } as KubeObject) : rule;
  },
  serviceEntries: (i, rng) =>
    ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: meta(`svc-${i}`),
      spec: {
        hosts: [rng.next() < 0.5 ? `svc-${i}.default.svc.cluster.local` : `e-${i}.example`],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        ports: [{ number: 90, name: 'http', protocol: 'HTTP' }],
        ...(rng.next() < 0.5 ? { workloadSelector: { labels: { app: `svc-${i}` } } } : { endpoints: [{ address: `10.9.0.${i}` }] }),
      },
    }) as KubeObject,
};
const ports = (rng: Rng): object[] => [{ name: rng.next() < 0.8 ? 'http' : 'tcp', port: 80 + below(rng, 2), targetPort: 8080 }];

test('after any changes in a row, what is held and said is what a translator says that saw the last state alone', () => {
  const rng = seededRng(11);
  const translators = [-1, Infinity].map((onDemandAbove) => ({ onDemandAbove, translator: createTranslator({ onDemandAbove }) }));
  const proxy = proxyOf(podOf(0, true) as Pod) as Proxy;
  let snapshot: Snapshot = Object.fromEntries(
    Object.entries(snapshotOf([])).map(([field, held]: [string, unknown]) => [field, held instanceof Map ? new Table() : held]),
  ) as unknown as Snapshot;
  const fields = Object.keys(FORMS) as (keyof typeof FORMS)[];
  for (let step = 0; step < 100; step++) {
    const field = fields[below(rng, fields.length)]!;
    const i = below(rng, 6);
    const object = rng.next() < 0.2 ? undefined : FORMS[field]!(i, rng);
    const key = `${NAMESPACE}/${field === 'pods' ? 'pod' : 'svc'}-${i}`;
    snapshot = changed(snapshot, field, key, object);
    for (const { onDemandAbove, translator } of translators) {
      const fresh = createTranslator({ onDemandAbove });
      assert.deepEqual(translator.update(snapshot), fresh.update(snapshot), `step ${step}: ${field} ${key}`);
      const [held, meant] = [translator, fresh].map((t) => versionsOf(t.resources(proxy, ASKED)));
      assert.deepEqual(held, meant, `step ${step}: ${field} ${key}`);
    }
  }
});
