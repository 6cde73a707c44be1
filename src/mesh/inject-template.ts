import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { toYaml } from '../base/index.ts';
import { defaultInjection, proxyContainer } from './inject.ts';

// In the template language of Istio's injector: a label of the pod, and the first of several that is not empty.
const label = (name: string): string => `(index .ObjectMeta.Labels "${name}")`;
const firstOf = (first: string, ...others: readonly string[]): string =>
  `{{ ${[first, ...others.map((o) => `default ${o}`), 'quote'].join(' | ')} }}`;

const TLS = 'security.istio.io/tlsMode';
const NAME = 'service.istio.io/canonical-name';
const REVISION = 'service.istio.io/canonical-revision';
const LABELS = {
  [TLS]: firstOf(label(TLS), '"istio"'),
  [NAME]: firstOf(label(NAME), label('app.kubernetes.io/name'), label('app'), '.DeploymentMeta.Name'),
  [REVISION]: firstOf(label(REVISION), label('app.kubernetes.io/version'), label('version'), '"latest"'),
};

/**
 * Where `istioctl kube-inject` finds what a sidecar is: a template for the labels and the container that `injectSidecar` adds.
 * Settings of single pods (annotations, ProxyConfig) are left out.
 */
export function injectorConfigMap(): ConfigMap {
  const { image, proxies } = defaultInjection;
  const labels = Object.entries(LABELS).map(([name, value]) => `    ${name}: ${value}\n`);
  const sidecar = `metadata:\n  labels:\n${labels.join('')}${toYaml({ spec: { containers: [proxyContainer('sidecar', image)] } })}`;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio-sidecar-injector', namespace: proxies.rootNamespace },
    data: { config: toYaml({ policy: 'enabled', defaultTemplates: ['sidecar'], templates: { sidecar } }), values: '{}' },
  };
}
