import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { apiVersionOf, createCatalog, isApiError, type AnyObject, type Served } from '../api/index.ts';
import { minimalOf } from '../api/kinds/minimal.fixture.ts';
import { parseYaml } from '../base/index.ts';
import { GUIDES } from './guides.fixture.ts';
import type { Registry, Target } from './registry.ts';
import { NS, world } from './testing.ts';

const USER = { name: 'tester', groups: [] };
const custom = createCatalog()
  .all()
  .filter((def) => def.definition);
const versions = custom.map((def) => [def, [apiVersionOf(def.resource), ...def.legacy.map(apiVersionOf)]] as const);

function served(registry: Registry, apiVersion: string, kind: string): Served {
  const [group, version] = apiVersion.split('/') as [string, string];
  const found = registry.catalog.findKind(group, version, kind);
  assert.ok(found, `${apiVersion} ${kind}`);
  return found;
}

function target(registry: Registry, object: AnyObject): Target {
  const found = served(registry, object.apiVersion!, object.kind!);
  return { served: found, namespace: found.def.resource.namespaced ? NS : undefined, name: object.metadata!.name, user: USER };
}

/** Creates an object as a user who wants to hear of every unknown field. */
async function create(registry: Registry, object: AnyObject): Promise<{ object: AnyObject; warnings: readonly string[] }> {
  const { name: _, ...at } = target(registry, object);
  return registry.create(
    at,
    { value: { ...object, metadata: { ...object.metadata, namespace: at.namespace } } },
    { fieldValidation: 'Strict' },
  );
}

const specOf = (object: AnyObject): unknown => object['spec'];

describe('custom kinds that are built in', () => {
  for (const [def, all] of versions) {
    for (const apiVersion of all) {
      test(`${apiVersion} ${def.resource.kind} makes the way through all its versions`, async () => {
        const { registry } = await world();
        const { kind } = def.resource;
        const older = def.legacy.find((v) => apiVersionOf(v) === apiVersion);
        const stored: AnyObject = { apiVersion: all[0], kind, metadata: { name: 'a' }, ...minimalOf(def.resource) };
        const sent = { ...(older?.downgrade ? older.downgrade(structuredClone(stored)) : stored), apiVersion };
        const { object, warnings } = await create(registry, sent);
        assert.equal(object.apiVersion, apiVersion);
        assert.deepEqual(warnings, older?.warning ? [older.warning] : []);
        for (const shown of all) {
          const { served: at, ...rest } = target(registry, { ...sent, apiVersion: shown });
          const got = (await registry.get({ served: at, ...rest })).object;
          assert.equal(got.apiVersion, shown);
          // What one version shows, sent back to it, changes nothing.
          const again = await registry.update({ served: at, ...rest }, { value: structuredClone(got) }, { fieldValidation: 'Strict' });
          assert.deepEqual(again.object, got);
        }
        const back = (await registry.get(target(registry, sent))).object;
        assert.deepEqual(specOf(back), specOf(object));
      });
    }
  }

  test('Flagger of 2019 is understood, and shown in its own words', async () => {
    const { registry } = await world();
    const canaryAnalysis = {
      interval: '1m',
      threshold: 5,
      maxWeight: 50,
      stepWeight: 10,
      metrics: [{ name: 'request-success-rate', threshold: 99 }],
    };
    const old = {
      apiVersion: 'flagger.app/v1alpha3',
      kind: 'Canary',
      metadata: { name: 'podinfo' },
      spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' }, service: { port: 9898 }, canaryAnalysis },
    };
    const { object, warnings } = await create(registry, old);
    assert.deepEqual(specOf(object), old.spec);
    assert.match(warnings.join(), /v1alpha3 is deprecated/);
    const now = (await registry.get(target(registry, { ...old, apiVersion: 'flagger.app/v1beta1' }))).object;
    assert.deepEqual((specOf(now) as { analysis: unknown }).analysis, canaryAnalysis);
  });
});

/** kind, changes to the minimal object, what is filled in: path and value */
const DEFAULTS: readonly [string, string, string, unknown][] = [
  ['flagger.app/v1beta1', 'Canary', 'spec.analysis.sessionAffinity', { cookieName: 'c', maxAge: 86400 }],
  ['source.toolkit.fluxcd.io/v1', 'GitRepository', 'spec.timeout', '60s'],
  ['source.toolkit.fluxcd.io/v1', 'HelmRepository', 'spec.provider', 'generic'],
  ['source.toolkit.fluxcd.io/v1', 'HelmChart', 'spec.version', '*'],
  ['helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'spec.chart.spec.reconcileStrategy', 'ChartVersion'],
  ['gateway.networking.k8s.io/v1', 'Gateway', 'spec.listeners.0.allowedRoutes.namespaces.from', 'Same'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'spec.rules.0.matches', [{ path: { type: 'PathPrefix', value: '/' } }]],
  [
    'gateway.networking.k8s.io/v1',
    'HTTPRoute',
    'spec.rules.0.backendRefs.0',
    { group: '', kind: 'Service', name: 'a', port: 80, weight: 1 },
  ],
];

for (const [apiVersion, kind, path, value] of DEFAULTS) {
  test(`${kind}: ${path} is filled in`, async () => {
    const { registry } = await world();
    const { def } = served(registry, apiVersion, kind);
    const minimal = structuredClone(minimalOf(def.resource)) as AnyObject;
    if (kind === 'Canary') Object.assign((minimal['spec'] as { analysis: object }).analysis, { sessionAffinity: { cookieName: 'c' } });
    const { object } = await create(registry, { apiVersion, kind, metadata: { name: 'a' }, ...minimal });
    let at: unknown = object;
    for (const step of path.split('.')) at = (at as Record<string, unknown>)[step];
    assert.deepEqual(at, value);
  });
}

function put(object: AnyObject, path: string, value: unknown): void {
  const steps = path.split('.');
  let at = object as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete at[steps.at(-1)!];
  else at[steps.at(-1)!] = value;
}

const [NETWORKING, SECURITY, SOURCE, GATEWAY] = [
  'networking.istio.io/v1',
  'security.istio.io/v1',
  'source.toolkit.fluxcd.io/v1',
  'gateway.networking.k8s.io/v1',
];

/** apiVersion, kind, path in the minimal object, value there, what the refusal says */
const ERRORS: readonly [string, string, string, unknown, RegExp][] = [
  [NETWORKING, 'VirtualService', 'spec.http.0.timeut', '1s', /unknown field "spec\.http\[0\]\.timeut"/],
  [NETWORKING, 'VirtualService', 'spec.http.0.timeout', 5, /spec\.http\[0\]\.timeout in body must be of type string: "integer"/],
  [
    NETWORKING,
    'VirtualService',
    'spec.http.0.retries',
    { attempts: 1, retryOn: '5xx,sometimes' },
    /"sometimes" is not a valid retryOn policy/,
  ],
  [NETWORKING, 'VirtualService', 'spec.http.0.fault', { delay: { exponentialDelay: '1s' } }, /exponentialDelay not supported yet/],
  [NETWORKING, 'VirtualService', 'spec.http.0.match', [{ uri: { exact: '/a', prefix: '/b' } }], /one and only one schema \(oneOf\)/],
  [NETWORKING, 'VirtualService', 'spec.http.0.headers', { request: { set: { 'a b': 'c' } } }, /a b is not a valid header name/],
  [
    NETWORKING,
    'VirtualService',
    'spec',
    { hosts: ['a.example.com'], tls: [{ match: [{ sniHosts: ['b.example.com'] }], route: [{ destination: { host: 'a' } }] }] },
    /SNI host is not a compatible subset of any of the virtual service hosts: \[a\.example\.com\]/,
  ],
  [NETWORKING, 'DestinationRule', 'spec.trafficPolicy', { loadBalancer: { simple: 'ROUND_ROBBIN' } }, /Unsupported value: "ROUND_ROBBIN"/],
  [NETWORKING, 'DestinationRule', 'spec.trafficPolicy', {}, /traffic policy must have at least one field/],
  [NETWORKING, 'DestinationRule', 'spec.trafficPolicy', { connectionPool: {} }, /connection pool must have at least one/],
  [
    NETWORKING,
    'DestinationRule',
    'spec.trafficPolicy',
    { loadBalancer: { localityLbSetting: { distribute: [{ from: 'a', to: { a: 50 } }] } } },
    /total locality weight 50 != 100/,
  ],
  [NETWORKING, 'DestinationRule', 'spec.trafficPolicy', { tls: { mode: 'MUTUAL' } }, /client certificate required for mutual tls/],
  [
    NETWORKING,
    'Gateway',
    'spec.servers.0.tls',
    { mode: 'SIMPLE', credentialName: 'c' },
    /cannot have TLS settings for non HTTPS\/TLS ports/,
  ],
  [NETWORKING, 'Gateway', 'spec.servers.0.port.number', 70000, /70000/],
  [NETWORKING, 'ServiceEntry', 'spec.hosts', [], /spec\.hosts/],
  [NETWORKING, 'ServiceEntry', 'spec.endpoints', [{ address: '10.0.0.1', ports: { nope: 80 } }], /endpoint port nope is not defined/],
  [NETWORKING, 'Sidecar', 'spec.egress', [{ hosts: ['reviews'] }], /namespace\/dnsName/],
  [NETWORKING, 'Sidecar', 'spec.egress', [{ hosts: ['./*'] }, { port: { number: 80 }, hosts: ['./*'] }], /should be the last listener/],
  [NETWORKING, 'WorkloadEntry', 'spec.address', 'unix://relative', /unix address must be an absolute path|UDS must be an absolute path/],
  ['networking.istio.io/v1alpha3', 'EnvoyFilter', 'spec.configPatches', [{ applyTo: 'CLUSTER' }], /missing patch/],
  [SECURITY, 'AuthorizationPolicy', 'spec.rules', [{ from: [{ source: {} }] }], /source: Required value: cannot be empty/],
  [
    SECURITY,
    'AuthorizationPolicy',
    'spec.rules',
    [{ to: [{ operation: { ports: ['http'] } }] }],
    /must be a number in the range 1\.\.65535/,
  ],
  [
    SECURITY,
    'AuthorizationPolicy',
    'spec.rules',
    [{ from: [{ source: { ipBlocks: ['10.0.0.0/33'] } }] }],
    /not a valid IP address or CIDR/,
  ],
  [SECURITY, 'AuthorizationPolicy', 'spec.action', 'REFUSE', /Unsupported value: "REFUSE"/],
  [SECURITY, 'RequestAuthentication', 'spec.jwtRules', [{ issuer: 'a', jwksUri: 'ftp://a' }], /http:\/\/ or https:\/\//],
  ['telemetry.istio.io/v1', 'Telemetry', 'spec.metrics', [{ reportingInterval: 'often' }], /not a duration|reportingInterval/],
  ['extensions.istio.io/v1alpha1', 'WasmPlugin', 'spec.url', undefined, /spec\.url: Required value/],
  ['flagger.app/v1beta1', 'Canary', 'spec.analysis.interval', '1h', /spec\.analysis\.interval in body should match '\^\[0-9\]\+\(m\|s\)'/],
  ['flagger.app/v1beta1', 'Canary', 'spec.analysis.iterations', 5, /both iterations and stepWeight are set/],
  ['flagger.app/v1beta1', 'Canary', 'spec.targetRef.kind', 'StatefulSet', /supported values: "DaemonSet", "Deployment", "Service"/],
  ['flagger.app/v1beta1', 'MetricTemplate', 'spec.query', undefined, /spec\.query: Required value/],
  [
    'flagger.app/v1beta1',
    'AlertProvider',
    'spec.address',
    undefined,
    /"spec" must validate one and only one schema \(oneOf\)\. Found none valid/,
  ],
  [SOURCE, 'GitRepository', 'spec.url', 'example.com/a', /should match '\^\(http\|https\|ssh\)/],
  [SOURCE, 'GitRepository', 'spec.interval', '1d', /spec\.interval in body should match/],
  [SOURCE, 'OCIRepository', 'spec.url', 'https://example.com', /should match '\^oci/],
  ['kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'spec.prune', undefined, /spec\.prune: Required value/],
  ['kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'spec.deletionPolicy', 'Keep', /Unsupported value: "Keep"/],
  ['helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'spec.releaseName', 'a'.repeat(54), /Too long: may not be more than 53 bytes/],
  ['notification.toolkit.fluxcd.io/v1beta3', 'Provider', 'spec.type', 'pigeon', /Unsupported value: "pigeon"/],
  ['image.toolkit.fluxcd.io/v1', 'ImagePolicy', 'spec.policy', undefined, /spec\.policy: Required value/],
  [GATEWAY, 'Gateway', 'spec.listeners', [], /spec\.listeners in body should have at least 1 items/],
  [GATEWAY, 'Gateway', 'spec.listeners.0.port', 0, /should be greater than or equal to 1/],
  [GATEWAY, 'HTTPRoute', 'spec.hostnames', ['UPPER'], /spec\.hostnames\[0\] in body should match/],
  [GATEWAY, 'HTTPRoute', 'spec.rules.0.matches', [{ method: 'FETCH' }], /Unsupported value: "FETCH"/],
  [GATEWAY, 'ReferenceGrant', 'spec.from', undefined, /spec\.from: Required value/],
  [GATEWAY, 'BackendTLSPolicy', 'spec.targetRefs', [], /should have at least 1 items/],
];

for (const [apiVersion, kind, path, value, message] of ERRORS) {
  test(`${kind} with ${path} ${JSON.stringify(value)?.slice(0, 80)} is refused`, async () => {
    const { registry } = await world();
    const { def } = served(registry, apiVersion, kind);
    const object: AnyObject = { apiVersion, kind, metadata: { name: 'a' }, ...structuredClone(minimalOf(def.resource)) };
    put(object, path, value);
    await assert.rejects(create(registry, object), (error: unknown) => {
      assert.ok(isApiError(error, 'Invalid') || isApiError(error, 'BadRequest'), String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

test('what guides write is taken, every field of it', async () => {
  const { registry } = await world();
  for (const [i, [apiVersion, kind, spec]] of GUIDES.entries()) {
    const object: AnyObject = { apiVersion, kind, metadata: { name: `g${i}` }, spec };
    const made = await create(registry, object).catch((error: unknown) =>
      assert.fail(`${object.kind} ${object.metadata?.name}: ${String(error)}`),
    );
    const got = (await registry.get(target(registry, object))).object;
    assert.partialDeepStrictEqual(got, { ...object, metadata: {} }, `${object.kind} ${object.metadata?.name}`);
    assert.equal(made.object.apiVersion, object.apiVersion);
  }
});

test('every custom object of the samples is taken, every field of it', async () => {
  const { registry } = await world();
  const root = new URL('../../samples/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  let taken = 0;
  for (const file of files) {
    for (const object of parseYaml(readFileSync(new URL(file, root), 'utf8'), file) as AnyObject[]) {
      const [group = '', version = ''] = object.apiVersion?.split('/') ?? [];
      const found = registry.catalog.findKind(group, version, object.kind!);
      if (!found?.def.custom) continue;
      const at = { served: found, namespace: found.def.resource.namespaced ? NS : undefined, user: USER };
      const metadata = { ...object.metadata, name: `${object.metadata!.name}-${taken++}`, namespace: at.namespace };
      const made = registry.create(at, { value: { ...object, metadata } }, { fieldValidation: 'Strict' });
      await made.catch((error: unknown) => assert.fail(`${file}: ${String(error)}`));
    }
  }
  assert.ok(taken > 10, `${taken} objects`);
});
