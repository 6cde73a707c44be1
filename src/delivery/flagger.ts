import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ServiceAccount } from 'kubernetes-types/core/v1.js';

const NAME = 'flagger';
const NAMESPACE = 'istio-system';
/** Where Flagger tells whether it lives, and what it counts. */
export const FLAGGER_PORT = 8080;
export const FLAGGER_IMAGE = 'sluice/flagger:1.44.0';

/**
 * The pod under which people and tools look for Flagger. Delivery itself runs in the control plane: the pod shows its log, and hands what
 * it is asked to it. The selector is that of Flagger's manifests, which can be applied over it; labels are those of its chart, too.
 */
export function flagger(): [ServiceAccount, Deployment] {
  const selector = { app: NAME };
  const labels = { ...selector, 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/instance': NAME };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE, labels } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace: NAMESPACE, labels },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: selector },
        template: {
          metadata: {
            labels: { ...labels, 'sidecar.istio.io/inject': 'false' },
            annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(FLAGGER_PORT) },
          },
          spec: {
            serviceAccountName: NAME,
            containers: [
              {
                name: NAME,
                image: FLAGGER_IMAGE,
                ports: [{ name: 'http', containerPort: FLAGGER_PORT, protocol: 'TCP' }],
                // No probes: those of Flagger's manifests could not be applied over others.
                resources: { requests: { cpu: '10m', memory: '40Mi' } },
              },
            ],
          },
        },
      },
    },
  ];
}
