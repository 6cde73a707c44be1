import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Service, ServiceAccount } from 'kubernetes-types/core/v1.js';

const NAME = 'istiod';
const NAMESPACE = 'istio-system';
/** Where it tells of itself: as people ask it in its pod, and as tools and Prometheus ask it from elsewhere. */
export const ISTIOD_PORTS = { debug: 8080, monitoring: 15014 } as const;
/** Where `istioctl proxy-status` asks, over xDS with TLS. */
export const ISTIOD_XDS_PORT = 15012;
/** Where PromQL is answered. */
export const PROMETHEUS_PORT = 9090;
export const ISTIOD_IMAGE = 'sluice/pilot:1.40.0';

/**
 * The pod under which tools look for the control plane. The control plane itself is no pod: this one hands what it is asked to it.
 * Its xDS is for istioctl: proxies come by a socket of their own.
 */
export function istiod(): [ServiceAccount, Deployment, Service] {
  const labels = { app: NAME, istio: 'pilot', 'istio.io/rev': 'default' };
  const selector = { app: NAME, 'istio.io/rev': 'default' };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE, labels: { app: NAME } } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace: NAMESPACE, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
          spec: {
            serviceAccountName: NAME,
            containers: [
              {
                name: 'discovery',
                image: ISTIOD_IMAGE,
                ports: [
                  { name: 'http-debug', containerPort: ISTIOD_PORTS.debug, protocol: 'TCP' },
                  { name: 'http-monitoring', containerPort: ISTIOD_PORTS.monitoring, protocol: 'TCP' },
                  { name: 'grpc-xds', containerPort: ISTIOD_XDS_PORT, protocol: 'TCP' },
                  { name: 'http-prometheus', containerPort: PROMETHEUS_PORT, protocol: 'TCP' },
                ],
                readinessProbe: { httpGet: { path: '/ready', port: ISTIOD_PORTS.debug }, periodSeconds: 3, timeoutSeconds: 5 },
                resources: { requests: { cpu: '10m', memory: '40Mi' } },
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
        selector,
        ports: [
          { name: 'http-monitoring', port: ISTIOD_PORTS.monitoring, targetPort: ISTIOD_PORTS.monitoring, protocol: 'TCP' },
          { name: 'https-dns', port: ISTIOD_XDS_PORT, targetPort: ISTIOD_XDS_PORT, protocol: 'TCP' },
        ],
      },
    },
  ];
}

/** PromQL under the name by which people look for it: the pod of istiod hands it to the instance's own. */
export const prometheusService: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'prometheus', namespace: NAMESPACE, labels: { app: 'prometheus' } },
  spec: {
    selector: { app: NAME, 'istio.io/rev': 'default' },
    ports: [{ name: 'http', port: PROMETHEUS_PORT, targetPort: PROMETHEUS_PORT, protocol: 'TCP' }],
  },
};

/** Users may have a Prometheus of their own there. */
export const leadsToIstiod = ({ spec }: Service): boolean => spec?.selector?.['app'] === NAME;
