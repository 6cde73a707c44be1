/** A mesh of one proxy, as istiod sees it. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../../api/index.ts';
import { createTranslator } from '../../envoy/index.ts';
import { injectSidecar, proxyOf, snapshotOf } from '../../mesh/index.ts';
import type { ProxyState } from '../../xds/index.ts';
import type { Istiod, KnownProxy } from './istiod.ts';

const plain: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image: 'x' }] },
  status: { podIP: '10.244.0.5' },
};
const pod = injectSidecar(plain, { 'istio-injection': 'enabled' });
const objects = [
  pod,
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.7', selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'web', namespace: 'default' },
    spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] },
  },
] as KubeObject[];

export function istiod(change: Partial<ProxyState> = {}): Istiod {
  const snapshot = snapshotOf(objects);
  const translator = createTranslator();
  translator.update(snapshot);
  const proxy = proxyOf(pod)!;
  const sync = {
    cluster: 'synced',
    endpoint: 'synced',
    listener: 'synced',
    route: 'synced',
    virtualHost: 'notSent',
    secret: 'synced',
  } as const;
  const state: ProxyState = { connected: true, published: 4, acked: 4, sync, rejections: [], ...change };
  const known: KnownProxy = { proxy, state, resources: translator.resources(proxy) };
  return {
    version: '1.2.3',
    proxyVersion: '1.40.0',
    snapshot: () => snapshot,
    proxies: () => [known],
    problems: () => [],
    metrics: () => 'pilot_xds 1\n',
  };
}
