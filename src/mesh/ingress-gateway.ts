import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Service, ServiceAccount } from 'kubernetes-types/core/v1.js';
import { defaultInjection, proxyContainer } from './inject.ts';

const NAME = 'istio-ingressgateway';
const NAMESPACE = 'istio-system';

/** The objects of the ingress gateway that every mesh starts with. */
export function ingressGateway(image: string = defaultInjection.image): [ServiceAccount, Deployment, Service] {
  const labels = { app: NAME, istio: 'ingressgateway' };
  const container = proxyContainer('router', image);
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: `${NAME}-service-account`, namespace: NAMESPACE, labels } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace: NAMESPACE, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels: {
              ...labels,
              'service.istio.io/canonical-name': NAME,
              'service.istio.io/canonical-revision': 'latest',
              'sidecar.istio.io/inject': 'false',
            },
          },
          spec: {
            serviceAccountName: `${NAME}-service-account`,
            containers: [
              {
                ...container,
                ports: [
                  { name: 'http2', containerPort: 8080, protocol: 'TCP' },
                  { name: 'https', containerPort: 8443, protocol: 'TCP' },
                  { name: 'status-port', containerPort: 15021, protocol: 'TCP' },
                  ...(container.ports ?? []),
                ],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace: NAMESPACE, labels },
      spec: {
        type: 'LoadBalancer',
        selector: labels,
        ports: [
          { name: 'status-port', port: 15021, targetPort: 15021, protocol: 'TCP' },
          { name: 'http2', port: 80, targetPort: 8080, protocol: 'TCP' },
          { name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' },
        ],
      },
    },
  ];
}
