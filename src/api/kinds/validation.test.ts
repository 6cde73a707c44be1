import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyObject, apiVersionOf, createCatalog } from '../index.ts';
import { MINIMAL } from './minimal.fixture.ts';

const catalog = createCatalog();
const kinds = new Map(
  catalog
    .all()
    .toReversed()
    .map((def) => [def.resource.plural, def]),
);

/** Sets a value at a path of names and numbers; `undefined` takes it away. */
function put(object: AnyObject, path: string, value: unknown): void {
  const steps = path.split('.');
  let at = object as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete at[steps.at(-1)!];
  else at[steps.at(-1)!] = value;
}

function make(plural: string, changes: Record<string, unknown>): AnyObject {
  const def = kinds.get(plural)!;
  const { metadata, ...rest } = structuredClone(MINIMAL[plural]!) as AnyObject;
  const object: AnyObject = {
    apiVersion: apiVersionOf(def.resource),
    kind: def.resource.kind,
    metadata: { name: 'a', ...(def.resource.namespaced ? { namespace: 'default' } : {}), ...metadata },
    ...rest,
  };
  for (const [path, value] of Object.entries(changes)) put(object, path, value);
  def.default?.(object);
  return object;
}

/** plural, changes to the minimal object, field that is wrong (undefined: none), part of the message */
const CASES: readonly [string, Record<string, unknown>, string?, string?][] = [
  ['configmaps', { 'metadata.name': 'UPPER' }, 'metadata.name', 'Invalid value: "UPPER": a lowercase RFC 1123 subdomain'],
  ['configmaps', { 'metadata.name': undefined }, 'metadata.name', 'Required value: name or generateName is required'],
  ['configmaps', { 'metadata.labels': { 'a b': 'c' } }, 'metadata.labels', 'name part must consist of'],
  ['configmaps', { 'metadata.labels': { a: 'c!' } }, 'metadata.labels', 'a valid label must be'],
  ['configmaps', { data: { 'a/b': 'c' } }, 'data[a/b]', 'a valid config key'],
  ['configmaps', { binaryData: { k: '%' } }, 'binaryData[k]', 'must be base64'],
  ['secrets', { type: 'kubernetes.io/tls' }, 'data[tls.crt]', 'Required value'],
  ['secrets', { type: 'hasOwnProperty' }],
  [
    'networkpolicies',
    { 'spec.podSelector.matchExpressions': [{ operator: 'Exists' }] },
    'spec.podSelector.matchExpressions[0].key',
    'non-empty',
  ],
  [
    'customresourcedefinitions',
    { 'spec.versions.0.schema.openAPIV3Schema.properties': { a: null } },
    'spec.validation.openAPIV3Schema.properties[a]',
    'must be an object',
  ],
  [
    'customresourcedefinitions',
    { 'spec.versions.0.schema.openAPIV3Schema.required': 'a' },
    'spec.validation.openAPIV3Schema.required',
    'must be a list of strings',
  ],
  [
    'customresourcedefinitions',
    { 'spec.versions.0.schema.openAPIV3Schema.oneOf': [{ enum: 1 }] },
    'spec.validation.openAPIV3Schema.oneOf[0].enum',
    'must be a list',
  ],
  ['customresourcedefinitions', { 'spec.versions.0.schema.openAPIV3Schema.oneOf': [{ required: ['a'] }] }],
  ['services', { 'metadata.name': '1a' }, 'metadata.name', 'a DNS-1035 label'],
  ['services', { 'spec.ports': [] }, 'spec.ports', 'Required value'],
  ['services', { 'spec.clusterIP': 'None', 'spec.ports': [] }],
  ['services', { 'spec.ports': [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name', 'Required value'],
  ['services', { 'spec.ports': [{ port: 0 }] }, 'spec.ports[0].port', 'must be between 1 and 65535, inclusive'],
  ['services', { 'spec.type': 'Cluster' }, 'spec.type', 'Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName"'],
  ['services', { 'spec.type': 'ExternalName', 'spec.ports': undefined }, 'spec.externalName', 'Required value'],
  ['pods', { 'spec.containers': [] }, 'spec.containers', 'Required value'],
  ['pods', { 'spec.containers.0.image': undefined }, 'spec.containers[0].image', 'Required value'],
  ['pods', { 'spec.containers.0.name': 'A' }, 'spec.containers[0].name', 'a lowercase RFC 1123 label'],
  ['pods', { 'spec.containers.1': { name: 'a', image: 'b' } }, 'spec.containers[1].name', 'Duplicate value: "a"'],
  ['pods', { 'spec.containers.0.ports': [{ containerPort: 70000 }] }, 'spec.containers[0].ports[0].containerPort', 'must be between'],
  ['pods', { 'spec.containers.0.ports': [{ containerPort: 1, name: 'much-too-long-name' }] }, 'spec.containers[0].ports[0].name', '15'],
  [
    'pods',
    { 'spec.containers.0.volumeMounts': [{ name: 'v', mountPath: '/v' }] },
    'spec.containers[0].volumeMounts[0].name',
    'Not found: "v"',
  ],
  ['pods', { 'spec.containers.0.livenessProbe': {} }, 'spec.containers[0].livenessProbe', 'must specify a handler type'],
  ['pods', { 'spec.containers.0.env': [{ name: 'A=B' }] }, 'spec.containers[0].env[0].name', 'environment variable name'],
  [
    'pods',
    { 'spec.containers.0.resources': { requests: { cpu: '2' }, limits: { cpu: '1' } } },
    'spec.containers[0].resources.requests',
    'must be less than or equal to cpu limit of 1',
  ],
  [
    'pods',
    { 'spec.initContainers': [{ name: 'i', image: 'i', readinessProbe: { tcpSocket: { port: 1 } } }] },
    'spec.initContainers[0].readinessProbe',
    'Forbidden',
  ],
  ['pods', { 'spec.restartPolicy': 'Sometimes' }, 'spec.restartPolicy', 'Unsupported value'],
  [
    'statefulsets',
    {
      'spec.template.spec.containers.0.volumeMounts': [{ name: 'data', mountPath: '/v' }],
      'spec.volumeClaimTemplates': [{ metadata: { name: 'data' } }],
    },
  ],
  ['deployments', { 'spec.selector': undefined }, 'spec.selector', 'Required value'],
  ['deployments', { 'spec.selector': {} }, 'spec.selector', 'empty selector is invalid'],
  [
    'deployments',
    { 'spec.template.metadata.labels': { app: 'other' } },
    'spec.template.metadata.labels',
    '`selector` does not match template `labels`',
  ],
  ['deployments', { 'spec.template.spec.restartPolicy': 'Never' }, 'spec.template.spec.restartPolicy', 'Unsupported value: "Never"'],
  ['deployments', { 'spec.replicas': -1 }, 'spec.replicas', 'must be greater than or equal to 0'],
  [
    'deployments',
    { 'spec.strategy': { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    'spec.strategy.rollingUpdate.maxUnavailable',
    'may not be 0 when `maxSurge` is 0',
  ],
  ['jobs', { 'spec.template.spec.restartPolicy': 'Always' }, 'spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"'],
  ['horizontalpodautoscalers', { 'spec.minReplicas': 3 }, 'spec.maxReplicas', 'greater than or equal to `minReplicas`'],
  ['ingresses', { spec: {} }, 'spec', 'either `defaultBackend` or `rules` must be specified'],
  ['roles', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: [] }] }, 'rules[0].verbs', 'Required value'],
  ['customresourcedefinitions', { 'metadata.name': 'widgets.example.org' }, 'metadata.name', 'must be spec.names.plural'],
  ['customresourcedefinitions', { 'spec.versions.0.storage': false }, 'spec.versions', 'exactly one version marked as storage'],
  ['customresourcedefinitions', { 'spec.versions.0.schema': undefined }, 'spec.versions[0].schema.openAPIV3Schema', 'Required value'],
  [
    'customresourcedefinitions',
    { 'spec.versions.0.schema.openAPIV3Schema.properties': { spec: {} } },
    'spec.validation.openAPIV3Schema.properties[spec].type',
    'Required value',
  ],
  ['virtualservices', { 'spec.http': undefined }, 'spec', 'http, tcp or tls must be provided'],
  ['virtualservices', { 'spec.hosts': undefined }],
  ['virtualservices', { 'spec.hosts': ['*'] }, 'spec.hosts[0]', 'wildcard host * is not allowed'],
  ['virtualservices', { 'spec.hosts': ['*'], 'spec.gateways': ['g'] }],
  ['virtualservices', { 'spec.hosts': ['a.*.b'] }, 'spec.hosts[0]', 'may only be the first label'],
  ['virtualservices', { 'spec.http.0.match': [{ uri: { regex: '(' } }] }, 'spec.http[0].match[0].uri.regex', 'not a valid RE2 expression'],
  [
    'virtualservices',
    { 'spec.http.0.match': [{ uri: { regex: '(?=a)' } }] },
    'spec.http[0].match[0].uri.regex',
    'not a valid RE2 expression',
  ],
  ['virtualservices', { 'spec.http.0.timeout': '5' }, 'spec.http[0].timeout', 'not a duration'],
  ['virtualservices', { 'spec.http.0.route.0.weight': -1 }, 'spec.http[0].route[0].weight', 'weight -1 < 0'],
  [
    'virtualservices',
    { 'spec.http.0.route': [{ destination: { host: 'a' }, weight: 0 }, { destination: { host: 'b' } }] },
    'spec.http[0].route',
    'total destination weight = 0',
  ],
  ['virtualservices', { 'spec.http.0.route': undefined }, 'spec.http[0]', 'HTTP route, redirect or direct_response is required'],
  [
    'virtualservices',
    { 'spec.http.0.fault': { delay: { fixedDelay: '7s', percentage: { value: 101 } } } },
    'spec.http[0].fault.delay.percentage.value',
    'between 0 and 100',
  ],
  ['destinationrules', { 'spec.subsets': [{ name: 'v1' }, { name: 'v1' }] }, 'spec.subsets[1].name', 'Duplicate value'],
  [
    'destinationrules',
    { 'spec.trafficPolicy': { loadBalancer: { consistentHash: {} } } },
    'spec.trafficPolicy.loadBalancer.consistentHash',
    'exactly one of',
  ],
  [
    'destinationrules',
    { 'spec.trafficPolicy': { outlierDetection: { interval: 'x' } } },
    'spec.trafficPolicy.outlierDetection.interval',
    'not a duration',
  ],
  ['gateways', { 'spec.servers': [] }, 'spec.servers', 'gateway must have at least one server'],
  ['gateways', { 'spec.servers.0.hosts': [] }, 'spec.servers[0].hosts', 'at least one host'],
  ['gateways', { 'spec.servers.0.port.protocol': 'HTTPS' }, 'spec.servers[0].tls', 'server must have TLS settings'],
  ['gateways', { 'spec.servers.0.port.protocol': 'QUIC' }, 'spec.servers[0].port.protocol', 'Unsupported value'],
  ['serviceentries', { 'spec.resolution': 'STATIC' }, 'spec.endpoints', 'endpoints must be provided'],
  ['peerauthentications', { 'spec.portLevelMtls': { 80: { mode: 'DISABLE' } } }, 'spec.portLevelMtls', 'needs a selector'],
  ['canaries', { 'spec.analysis.interval': '500ms' }],
  ['canaries', { 'spec.analysis.interval': '1h' }, 'spec.analysis.interval', "should match '^[0-9]+(m|s)'"],
  ['canaries', { 'spec.analysis.iterations': 5 }, 'spec.analysis.stepWeight', 'both iterations and stepWeight are set'],
  ['canaries', { 'spec.analysis.stepWeight': undefined }, 'spec.analysis.stepWeight', 'none is set'],
  ['canaries', { 'spec.analysis.stepWeight': 10.5 }, 'spec.analysis.stepWeight', 'must be a whole number'],
  ['canaries', { 'spec.analysis.webhooks': [{ name: 'a', url: 'nowhere' }] }, 'spec.analysis.webhooks[0].url', 'not a URL'],
  [
    'destinationrules',
    { 'spec.trafficPolicy.loadBalancer.consistentHash': { httpCookie: { name: 'u', ttl: '315576000001s' } } },
    'spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl',
    'duration out of range',
  ],
  [
    'destinationrules',
    { 'spec.trafficPolicy.loadBalancer.consistentHash': { httpCookie: { name: 'u', ttl: '0s', attributes: [{ name: '\r\nX: y' }] } } },
    'spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[0].name',
    'is not a valid header name',
  ],
  [
    'destinationrules',
    {
      'spec.trafficPolicy.loadBalancer.consistentHash': {
        httpCookie: { name: 'u', ttl: '0s', attributes: [{ name: 'SameSite', value: 'Lax\n' }] },
      },
    },
    'spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[0].value',
    'must be one line',
  ],
  [
    'destinationrules',
    { 'spec.trafficPolicy.loadBalancer.consistentHash': { httpHeaderName: 'a b' } },
    'spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName',
    'is not a valid header name',
  ],
  ['virtualservices', { 'spec.http': [{ route: [{ destination: { host: 'a' } }], mirror_percent: null }] }],
];

for (const [plural, changes, field, message] of CASES) {
  test(`${plural} ${JSON.stringify(changes, (_, v: unknown) => v ?? null)}: ${field ?? 'valid'}`, () => {
    const causes = kinds.get(plural)!.validate!(make(plural, changes), undefined);
    if (!field) return assert.deepEqual(causes, []);
    const cause = causes.find((c) => c.field === field);
    assert.ok(cause, JSON.stringify(causes));
    assert.ok(cause.message!.includes(message!), cause.message);
  });
}

/** plural, changes that an update makes, field that may not change */
const UPDATES: readonly [string, Record<string, unknown>, string][] = [
  ['deployments', { 'spec.selector': { matchLabels: { app: 'b' } }, 'spec.template.metadata.labels': { app: 'b' } }, 'spec.selector'],
  ['statefulsets', { 'spec.serviceName': 'other' }, 'spec'],
  ['services', { 'spec.clusterIP': '10.96.0.8' }, 'spec.clusterIPs[0]'],
  ['pods', { 'spec.hostname': 'other' }, 'spec'],
  ['secrets', { type: 'other' }, 'type'],
  ['configmaps', { data: { k: 'new' } }, 'data'],
  ['rolebindings', { 'roleRef.name': 'edit' }, 'roleRef'],
  ['customresourcedefinitions', { 'spec.names.plural': 'gadgets' }, 'spec.names.plural'],
];
const BEFORE: Readonly<Record<string, Record<string, unknown>>> = {
  services: { 'spec.clusterIP': '10.96.0.7' },
  configmaps: { immutable: true, data: { k: 'old' } },
};

for (const [plural, changes, field] of UPDATES) {
  test(`${plural}: ${field} cannot change`, () => {
    const def = kinds.get(plural)!;
    const before = BEFORE[plural] ?? {};
    const old = make(plural, before);
    assert.deepEqual(def.validate!(make(plural, before), old), []);
    const causes = def.validate!(make(plural, { ...before, ...changes }), old);
    assert.ok(
      causes.some((c) => c.field === field),
      JSON.stringify(causes),
    );
  });
}
