import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/index.ts';
import { injectInto } from './inject-manifest.ts';

const template = (annotations: Record<string, string> = {}, spec: object = {}): object => ({
  metadata: { labels: {}, annotations },
  spec: { containers: [{ name: 'app', image: 'x' }], ...spec },
});
const object = (kind: string, spec: unknown, more: object = {}): KubeObject =>
  ({ kind, metadata: { name: 'web' }, spec, ...more }) as KubeObject;
/** Names of the containers, wherever they are. */
const containers = (o: unknown): string[] => [...JSON.stringify(o).matchAll(/"name":"(app|istio-proxy)"/g)].map((m) => m[1]!);

test('pods get a sidecar wherever an object has them', () => {
  const cases: [KubeObject, string[]][] = [
    [object('Pod', { containers: [{ name: 'app' }] }), ['app', 'istio-proxy']],
    ...['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet'].map((kind): [KubeObject, string[]] => [
      object(kind, { template: template() }),
      ['app', 'istio-proxy'],
    ]),
    [object('CronJob', { jobTemplate: { spec: { template: template() } } }), ['app', 'istio-proxy']],
    [
      object('List', undefined, { items: [object('Deployment', { template: template() }), object('Service', { ports: [] })] }),
      ['app', 'istio-proxy'],
    ],
    [object('Deployment', { template: template({ 'sidecar.istio.io/inject': 'false' }) }), ['app']],
    [object('Deployment', { template: template({}, { hostNetwork: true }) }), ['app']],
    [object('ConfigMap', undefined), []],
  ];
  for (const [given, names] of cases) {
    const made = injectInto(given);
    assert.deepEqual(containers(made), names, given.kind);
    assert.equal(containers(injectInto(made)).length, names.length, 'a second time changes nothing');
  }
});

test('a template keeps having no name; its pods are called after their owner', () => {
  const made = injectInto(object('Deployment', { template: template() })) as KubeObject & {
    spec: { template: { metadata: { name?: string; labels: Record<string, string> } } };
  };
  assert.equal(made.spec.template.metadata.name, undefined);
  assert.equal(made.spec.template.metadata.labels['service.istio.io/canonical-name'], 'web');
});
