/** Objects beside those of the samples that lead deep into the server when something in them is wrong. */
import type { AnyObject, Resource } from '../../src/api/index.ts';

/** A custom kind of which definitions, mostly damaged ones, come and go. */
export const WIDGETS: Resource = { group: 'fuzz.example', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };

export const WIDGETS_DEFINITION = 'widgets.fuzz.example';

export const DEFINITION: AnyObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: WIDGETS_DEFINITION },
  spec: {
    group: WIDGETS.group,
    scope: 'Namespaced',
    names: {
      kind: WIDGETS.kind,
      plural: WIDGETS.plural,
      singular: 'widget',
      listKind: 'WidgetList',
      shortNames: ['wd'],
      categories: ['all'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size', labelSelectorPath: '.status.selector' },
        },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Parts', type: 'string', jsonPath: '.spec.parts[?(@.name=="a")].value' },
        ],
        selectableFields: [{ jsonPath: '.spec.color' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 0, maximum: 9, default: 1 },
                  color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
                  code: { type: 'string', pattern: '^([a-z]+)*$', minLength: 1, maxLength: 20 },
                  port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, value: { type: 'string', nullable: true } },
                    },
                  },
                  tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  pod: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
                  numbers: { type: 'object', additionalProperties: { type: 'number', format: 'double' } },
                },
                oneOf: [{ required: ['code'] }, { required: ['port'] }],
                'x-kubernetes-validations': [{ rule: 'self.size < 9', message: 'too large' }],
              },
              status: { type: 'object', properties: { size: { type: 'integer' }, selector: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

export const WIDGET: AnyObject = {
  apiVersion: 'fuzz.example/v1',
  kind: 'Widget',
  metadata: { name: 'a' },
  spec: {
    size: 3,
    code: 'abc',
    parts: [
      { name: 'a', value: '1' },
      { name: 'b', value: null },
    ],
    tags: ['x', 'y'],
    free: { any: [{ thing: 1 }] },
    pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
    numbers: { pi: 3.14 },
  },
};

const labels = { app: 'web' };
const probe = { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 };
const template = {
  metadata: { labels },
  spec: {
    initContainers: [{ name: 'init', image: 'img', command: ['true'] }],
    containers: [
      {
        name: 'app',
        image: 'img',
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        env: [
          { name: 'A', value: '1' },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        ],
        envFrom: [{ configMapRef: { name: 'a' } }],
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '1Gi' } },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        readinessProbe: probe,
        livenessProbe: { tcpSocket: { port: 8080 } },
        lifecycle: { preStop: { exec: { command: ['sleep', '1'] } } },
        securityContext: { runAsUser: 1000 },
      },
    ],
    volumes: [
      { name: 'data', emptyDir: { sizeLimit: '1Gi' } },
      { name: 'all', projected: { sources: [{ configMap: { name: 'a', items: [{ key: 'k', path: 'p' }] } }] } },
    ],
    tolerations: [{ key: 'k', operator: 'Exists' }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'host', labelSelector: { matchLabels: labels } }],
      },
    },
  },
};
const selector = { matchLabels: labels };

const object = (apiVersion: string, kind: string, rest: Record<string, unknown>): AnyObject => ({
  apiVersion,
  kind,
  metadata: { name: 'a' },
  ...rest,
});

export const SEEDS: readonly AnyObject[] = [
  object('v1', 'ConfigMap', { data: { a: '1' }, binaryData: { b: 'AAEC' } }),
  object('v1', 'Secret', { type: 'Opaque', stringData: { a: '1' }, data: { b: 'AAEC' } }),
  object('v1', 'Pod', { spec: template.spec }),
  object('v1', 'Service', { spec: { type: 'NodePort', selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } }),
  object('apps/v1', 'Deployment', {
    spec: { replicas: 2, selector, template, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } },
  }),
  object('apps/v1', 'StatefulSet', { spec: { serviceName: 'a', selector, template, updateStrategy: { rollingUpdate: { partition: 1 } } } }),
  object('batch/v1', 'Job', { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } }, backoffLimit: 2 } }),
  object('batch/v1', 'CronJob', {
    spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } } },
  }),
  object('autoscaling/v2', 'HorizontalPodAutoscaler', {
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  }),
  object('networking.k8s.io/v1', 'Ingress', {
    spec: {
      rules: [
        {
          host: 'a.example',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 80 } } } }] },
        },
      ],
    },
  }),
  object('networking.k8s.io/v1', 'NetworkPolicy', {
    spec: { podSelector: selector, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }] },
  }),
  object('policy/v1', 'PodDisruptionBudget', { spec: { minAvailable: '50%', selector } }),
  object('rbac.authorization.k8s.io/v1', 'Role', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }),
  object('discovery.k8s.io/v1', 'EndpointSlice', {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'] }],
    ports: [{ name: 'http', port: 80 }],
  }),
  object('coordination.k8s.io/v1', 'Lease', {
    spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
  }),
  object('v1', 'Event', { involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' }, reason: 'X', message: 'y', type: 'Normal' }),
  DEFINITION,
  WIDGET,
];
