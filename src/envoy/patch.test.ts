/** EnvoyFilters over time: what Envoy refuses gives way to what was there before. What patches do is in the golden cases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnvoyFilter } from '../api/index.ts';
import { snapshotOf, type Proxy } from '../mesh/index.ts';
import { decode } from './encode.ts';
import { canonical, merged } from './patch-message.ts';
import { TypeUrl } from './resource.ts';
import { createTranslator } from './translator.ts';

const proxy: Proxy = {
  id: 'web.default',
  kind: 'sidecar',
  namespace: 'default',
  pod: 'web',
  ip: '10.244.0.9',
  labels: { app: 'web' },
  serviceAccount: 'default',
  workload: 'web',
};
const NAME = 'outbound|80||web.default.svc.cluster.local';
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80 }] },
};

function filter(name: string, version: number, connectTimeout: string): EnvoyFilter {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: 'default', resourceVersion: String(version) },
    spec: {
      configPatches: [
        {
          applyTo: 'CLUSTER',
          match: { cluster: { name: NAME } },
          patch: { operation: 'MERGE', value: { connect_timeout: connectTimeout } },
        },
      ],
    },
  };
}

function world(...filters: EnvoyFilter[]) {
  const translator = createTranslator();
  const write = (...objects: EnvoyFilter[]): void => void translator.update(snapshotOf([service, ...objects]));
  const cluster = () => translator.resources(proxy).clusters.get(NAME)!;
  write(...filters);
  return {
    translator,
    write,
    cluster,
    timeout: () => decode(TypeUrl.cluster, cluster().bytes)['connect_timeout'],
    refuse: (version = cluster().version) =>
      translator.refused(proxy, new Set(), { typeUrl: TypeUrl.cluster, name: NAME, version, message: 'no such thing' }),
    said: () => translator.patchProblems().map((p) => `${p.code} ${p.object.name} ${p.message}`),
  };
}

test('a refused EnvoyFilter gives way to what it said before, until it changes again', () => {
  const w = world(filter('a', 1, '1s'));
  assert.equal(w.timeout(), '1s');
  w.write(filter('a', 2, '2s'));
  assert.equal(w.timeout(), '2s');
  const refused = w.cluster().version;
  assert.equal(w.refuse(), true);
  assert.equal(w.timeout(), '1s');
  assert.match(w.said().join(), /^SLU0012 a Envoy refuses .*: no such thing\. What they were before stays in force\.$/);
  assert.equal(w.refuse(refused), false, "the same refusal, told again, is nobody else's");
  w.write(filter('a', 3, '3s'));
  assert.equal(w.timeout(), '3s');
  assert.deepEqual(w.said(), []);
});

test('what is written of its status is no change, and two bad forms in a row do not lose the good one', () => {
  const w = world(filter('a', 1, '1s'));
  w.write(filter('a', 2, '2s'));
  assert.equal(w.refuse(), true);
  // The condition that says so, written twice.
  for (const version of [3, 4]) {
    w.write(filter('a', version, '2s'));
    assert.equal(w.timeout(), '1s');
  }
  w.write(filter('a', 5, '3s'));
  const third = w.cluster().version;
  w.write(filter('a', 6, '4s'));
  assert.notEqual(w.cluster().version, third);
  assert.equal(w.refuse(), true);
  assert.equal(w.timeout(), '3s');
  assert.equal(w.refuse(third), true);
  assert.equal(w.timeout(), '1s');
  assert.match(w.said().join(), /before stays in force/);
});

test('one that was never good is left out; of several the last changed is given up first', () => {
  const w = world(filter('good', 5, '1s'), filter('new', 9, '2s'));
  assert.equal(w.timeout(), '2s');
  assert.equal(w.refuse(), true);
  assert.equal(w.timeout(), '1s');
  assert.match(w.said().join(), /^SLU0012 new .* They are left out\.$/);
});

test('a filter configuration in which nothing is configured is left out, and said', () => {
  const empty: EnvoyFilter = {
    ...filter('empty', 1, '2s'),
    spec: { configPatches: [{ applyTo: 'EXTENSION_CONFIG', patch: { operation: 'ADD', value: { name: 'first' } } }] },
  };
  const w = world(empty);
  assert.deepEqual(w.said(), ['IST0106 empty there is no typed_config. The patch is left out.']);
});

test('a refusal of what no EnvoyFilter touched is none of ours; resources that patches leave alone stay the same objects', () => {
  const w = world(filter('a', 1, '1s'));
  const before = w.translator.resources(proxy);
  assert.equal(
    w.translator.refused(proxy, new Set(), { typeUrl: TypeUrl.listener, name: 'virtualInbound', version: 'x', message: '' }),
    false,
  );
  w.write(filter('a', 2, '2s'));
  const after = w.translator.resources(proxy);
  assert.equal(after.listeners, before.listeners);
  assert.notEqual(after.clusters, before.clusters);
});

test('merging: lists are added to, maps by key, one of several alternatives, messages field by field', () => {
  const type = 'envoy.config.cluster.v3.Cluster';
  const base = canonical(type, {
    name: 'a',
    type: 'STATIC',
    connectTimeout: '1s',
    preconnect_policy: { per_upstream_preconnect_ratio: 2 },
  });
  const over = canonical(type, { cluster_type: { name: 'x' }, preconnectPolicy: { predictive_preconnect_ratio: 3 } });
  assert.deepEqual(merged(type, base, over, { replaceLists: false }), {
    name: 'a',
    cluster_type: { name: 'x' },
    connect_timeout: '1s',
    preconnect_policy: { per_upstream_preconnect_ratio: 2, predictive_preconnect_ratio: 3 },
  });
  const listed = (...names: string[]) => ({ filters: names.map((name) => ({ name })) });
  assert.deepEqual(merged(type, listed('a'), listed('b'), { replaceLists: false }), listed('a', 'b'));
  assert.deepEqual(merged(type, listed('a'), listed('b'), { replaceLists: true }), listed('b'));
});
