/** The least that users have to write of each kind, for tests; by plural, with the group where another kind has the same. */
const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'a:1' }] } };
const selector = { matchLabels: { app: 'a' } };
const jobTemplate = { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } };
const roleRef = { kind: 'ClusterRole', name: 'view', apiGroup: 'rbac.authorization.k8s.io' };

const webhook = {
  name: 'a.example.com',
  rules: [{ operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
  clientConfig: { service: { namespace: 'default', name: 'a' } },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};

export const MINIMAL: Readonly<Record<string, Record<string, unknown>>> = {
  componentstatuses: {},
  configmaps: {},
  limitranges: { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
  persistentvolumes: { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } } },
  podtemplates: { template },
  replicationcontrollers: { spec: { template } },
  resourcequotas: { spec: { hard: { pods: '1' } } },
  apiservices: {
    metadata: { name: 'v1.example.com' },
    spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100 },
  },
  certificatesigningrequests: {
    spec: {
      request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n').toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
    },
  },
  ipaddresses: { metadata: { name: '10.96.0.9' }, spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } } },
  servicecidrs: { spec: { cidrs: ['10.97.0.0/16'] } },
  csidrivers: { spec: {} },
  csinodes: { spec: { drivers: [{ name: 'example.com', nodeID: 'a', topologyKeys: [] }] } },
  csistoragecapacities: { storageClassName: 'a' },
  volumeattachments: { spec: { attacher: 'example.com', nodeName: 'a', source: { persistentVolumeName: 'a' } } },
  volumeattributesclasses: { driverName: 'example.com', parameters: { a: 'b' } },
  runtimeclasses: { handler: 'a' },
  flowschemas: { spec: { priorityLevelConfiguration: { name: 'a' } } },
  prioritylevelconfigurations: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } },
  endpoints: {},
  events: { involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' } },
  namespaces: {},
  nodes: {},
  persistentvolumeclaims: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  pods: { spec: template.spec },
  secrets: {},
  serviceaccounts: {},
  services: { spec: { ports: [{ port: 80 }] } },
  controllerrevisions: { revision: 1, data: { a: 1 } },
  daemonsets: { spec: { selector, template } },
  deployments: { spec: { selector, template } },
  replicasets: { spec: { selector, template } },
  statefulsets: { spec: { selector, template } },
  horizontalpodautoscalers: { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' }, maxReplicas: 2 } },
  cronjobs: { spec: { schedule: '* * * * *', jobTemplate } },
  jobs: jobTemplate,
  poddisruptionbudgets: { spec: { minAvailable: 1, selector } },
  ingressclasses: { spec: { controller: 'example.com/c' } },
  ingresses: { spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } } },
  networkpolicies: { spec: { podSelector: {} } },
  endpointslices: { addressType: 'IPv4', endpoints: [{ addresses: ['10.244.0.2'] }], ports: [{ port: 80 }] },
  leases: {},
  clusterrolebindings: { roleRef },
  clusterroles: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  rolebindings: { roleRef },
  roles: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  storageclasses: { provisioner: 'example.com/p' },
  priorityclasses: { value: 1 },
  customresourcedefinitions: {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  },
  'nodes.metrics.k8s.io': { timestamp: '2026-01-01T00:00:00Z', window: '15s', usage: { cpu: '1n', memory: '1Ki' } },
  'pods.metrics.k8s.io': {
    timestamp: '2026-01-01T00:00:00Z',
    window: '15s',
    containers: [{ name: 'a', usage: { cpu: '1n', memory: '1Ki' } }],
  },
  selfsubjectreviews: {},
  tokenreviews: { spec: { token: 'a' } },
  localsubjectaccessreviews: { spec: { user: 'a', resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } } },
  selfsubjectaccessreviews: { spec: { nonResourceAttributes: { verb: 'get', path: '/' } } },
  selfsubjectrulesreviews: { spec: { namespace: 'default' } },
  subjectaccessreviews: { spec: { user: 'a', resourceAttributes: { verb: 'get', resource: 'pods' } } },
  mutatingwebhookconfigurations: { webhooks: [webhook] },
  validatingwebhookconfigurations: { webhooks: [webhook] },
  validatingadmissionpolicies: {
    spec: { matchConstraints: { resourceRules: webhook.rules }, validations: [{ expression: 'object.spec.replicas < 6' }] },
  },
  validatingadmissionpolicybindings: { spec: { policyName: 'a', validationActions: ['Deny'] } },
  destinationrules: { spec: { host: 'reviews' } },
  envoyfilters: { spec: {} },
  gateways: { spec: { servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] } },
  serviceentries: { spec: { hosts: ['example.com'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'DNS' } },
  sidecars: { spec: {} },
  virtualservices: { spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews' } }] }] } },
  workloadentries: { spec: { address: '10.1.2.3' } },
  authorizationpolicies: { spec: {} },
  peerauthentications: { spec: { mtls: { mode: 'STRICT' } } },
  requestauthentications: { spec: {} },
  telemetries: { spec: {} },
  workloadgroups: { spec: { template: { serviceAccount: 'a' } } },
  proxyconfigs: { spec: { concurrency: 1 } },
  wasmplugins: { spec: { url: 'oci://example.com/plugin:1' } },
  trafficextensions: { spec: { lua: { inlineCode: 'function envoy_on_request(h) end' } } },
  alertproviders: { spec: { type: 'slack', address: 'https://example.com/hook' } },
  canaries: {
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
      service: { port: 9898 },
      analysis: { interval: '1s', threshold: 5, stepWeight: 10 },
    },
  },
  metrictemplates: { spec: { provider: { type: 'prometheus', address: 'http://127.0.0.1' }, query: '1' } },
  buckets: { spec: { bucketName: 'a', endpoint: 'minio.example.com', interval: '1m' } },
  externalartifacts: { spec: {} },
  gitrepositories: { spec: { url: 'https://example.com/a', interval: '1m' } },
  helmcharts: { spec: { chart: 'a', interval: '1m', sourceRef: { kind: 'HelmRepository', name: 'a' } } },
  helmrepositories: { spec: { url: 'https://example.com/charts', interval: '1m' } },
  ocirepositories: { spec: { url: 'oci://example.com/a', interval: '1m' } },
  kustomizations: { spec: { interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 'a' } } },
  'helmreleases.helm.toolkit.fluxcd.io': {
    spec: { interval: '1m', chart: { spec: { chart: 'a', sourceRef: { kind: 'HelmRepository', name: 'a' } } } },
  },
  'helmreleases.helm.fluxcd.io': { spec: { chart: { repository: 'https://example.com/charts', name: 'a', version: '1.0.0' } } },
  alerts: { spec: { providerRef: { name: 'a' }, eventSources: [{ kind: 'Kustomization', name: '*' }] } },
  providers: { spec: { type: 'slack' } },
  receivers: { spec: { type: 'github', secretRef: { name: 'a' }, resources: [{ kind: 'GitRepository', name: 'a' }] } },
  imagepolicies: { spec: { imageRepositoryRef: { name: 'a' }, policy: { semver: { range: '1.x' } } } },
  imagerepositories: { spec: { image: 'example.com/a', interval: '1m' } },
  imageupdateautomations: {
    spec: { interval: '1m', sourceRef: { kind: 'GitRepository', name: 'a' }, git: { commit: { author: { email: 'a@example.com' } } } },
  },
  gatewayclasses: { spec: { controllerName: 'example.com/controller' } },
  'gateways.gateway.networking.k8s.io': {
    spec: { gatewayClassName: 'a', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  },
  httproutes: { spec: { rules: [{ backendRefs: [{ name: 'a', port: 80 }] }] } },
  grpcroutes: { spec: { rules: [{ backendRefs: [{ name: 'a', port: 80 }] }] } },
  tlsroutes: { spec: { hostnames: ['a.example.com'], rules: [{ backendRefs: [{ name: 'a', port: 443 }] }] } },
  tcproutes: { spec: { rules: [{ backendRefs: [{ name: 'a', port: 5432 }] }] } },
  udproutes: { spec: { rules: [{ backendRefs: [{ name: 'a', port: 53 }] }] } },
  listenersets: { spec: { parentRef: { name: 'a' }, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] } },
  referencegrants: {
    spec: { from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'b' }], to: [{ group: '', kind: 'Service' }] },
  },
  backendtlspolicies: {
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'a' }],
      validation: { hostname: 'a.example.com', wellKnownCACertificates: 'System' },
    },
  },
};

/** The least object of a kind, without what all objects have. */
export function minimalOf({ plural, group }: { plural: string; group: string }): Record<string, unknown> {
  const found = MINIMAL[`${plural}.${group}`] ?? MINIMAL[plural];
  if (!found) throw new Error(`no minimal object of ${plural}.${group}`);
  return found;
}
