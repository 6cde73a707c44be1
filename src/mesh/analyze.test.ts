import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/index.ts';
import { analyze } from './analyze.ts';
import { snapshotOf } from './snapshot.ts';

type Meta = NonNullable<KubeObject['metadata']>;
const object = (apiVersion: string, kind: string, spec: unknown, metadata: Meta = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name: 'x', ...(kind === 'Namespace' ? {} : { namespace: 'shop' }), ...metadata }, spec }) as KubeObject;
const networking = (kind: string, spec: unknown, metadata?: Meta): KubeObject => object('networking.istio.io/v1', kind, spec, metadata);
const security = (kind: string, spec: unknown, metadata?: Meta): KubeObject => object('security.istio.io/v1', kind, spec, metadata);
const namespace = (labels?: Record<string, string>, annotations?: Record<string, string>): KubeObject =>
  object('v1', 'Namespace', {}, { name: 'shop', ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) });
const app = { containers: [{ name: 'app', image: 'x' }] };
const pod = (labels: Record<string, string> = {}, more: object = {}): KubeObject => object('v1', 'Pod', { ...app, ...more }, { labels });
/** A pod with a sidecar and words about its traffic. */
const meshed = (traffic: Record<string, string>, config?: string): KubeObject => {
  const annotations = Object.fromEntries(Object.entries(traffic).map(([k, v]) => [`traffic.sidecar.istio.io/${k}`, v]));
  const more: Record<string, string> = config === undefined ? {} : { 'proxy.istio.io/config': config };
  return object('v1', 'Pod', app, { labels: { 'security.istio.io/tlsMode': 'istio' }, annotations: { ...annotations, ...more } });
};
const service = (port: object, metadata?: Meta): KubeObject =>
  object('v1', 'Service', { clusterIP: '10.96.0.9', ports: [{ port: 80, ...port }] }, metadata);
const forWeb = { selector: { matchLabels: { app: 'web' } } };
const https = { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*'], tls: { mode: 'SIMPLE', credentialName: 'cert' } };
const secret = (fields: Record<string, string>): KubeObject =>
  ({
    ...object('v1', 'Secret', {}, { name: 'cert' }),
    data: Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  }) as KubeObject;
const byClaim = networking('VirtualService', {
  hosts: ['x'],
  gateways: ['x'],
  http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: 'a' } } }], route: [{ destination: { host: 'x' } }] }],
});
const entry = (protocol: string, age: number): KubeObject =>
  networking(
    'ServiceEntry',
    { hosts: ['db.example'], addresses: ['240.0.0.1'], ports: [{ number: 80, name: 'p', protocol }] },
    { name: `e${age}`, creationTimestamp: `2026-01-0${age}T00:00:00Z` },
  );
const gateway = networking('Gateway', { selector: { istio: 'gw' }, servers: [https] });

test('each analyzer finds what it looks for, and nothing in what is well', () => {
  const cases: [string, KubeObject[], string[], string[]?][] = [
    ['a namespace that says nothing', [namespace(), pod()], ['IST0102 metadata.labels']],
    ['one that says no', [namespace({ 'istio-injection': 'disabled' }), pod()], []],
    ['one without pods', [namespace()], []],
    ['a pod from before', [namespace({ 'istio-injection': 'enabled' }), pod()], ['IST0103 spec.containers']],
    ['one with its sidecar', [namespace({ 'istio-injection': 'enabled' }), pod({ 'security.istio.io/tlsMode': 'istio' })], []],
    ['one that wants none', [namespace({ 'istio-injection': 'enabled' }), pod({ 'sidecar.istio.io/inject': 'false' })], []],
    ['a port that says nothing', [service({ name: 'web' })], ['IST0118 spec.ports[0].name']],
    ['ports that say what they speak', [service({ name: 'http-web' }), service({ appProtocol: 'grpc' }, { name: 'y' })], []],
    [
      'an annotation of pods',
      [service({ name: 'http' }, { annotations: { 'sidecar.istio.io/inject': 'true' } })],
      ['IST0107 metadata.annotations.sidecar.istio.io/inject'],
    ],
    ['the same on a namespace', [namespace({}, { 'proxy.istio.io/config': '{}' })], ['IST0107 metadata.annotations.proxy.istio.io/config']],
    [
      'ports and blocks that are none',
      [meshed({ excludeInboundPorts: '80,http', includeOutboundIPRanges: '10.0.0.0/8,::1' })],
      [
        'IST0125 metadata.annotations["traffic.sidecar.istio.io/excludeInboundPorts"]',
        'IST0125 metadata.annotations["traffic.sidecar.istio.io/includeOutboundIPRanges"]',
      ],
    ],
    ['those that are', [meshed({ excludeInboundPorts: '80', includeOutboundIPRanges: '*', includeInboundPorts: '' })], []],
    [
      'a word about traffic that nobody knows',
      [meshed({ excludeInterfaces: 'eth1' })],
      ['IST0108 metadata.annotations["traffic.sidecar.istio.io/excludeInterfaces"]'],
    ],
    ['settings of a proxy without effect', [meshed({}, 'drainDuration: 2s')], ['SLU0010 metadata.annotations["proxy.istio.io/config"]']],
    ['those with effect', [meshed({}, '{holdApplicationUntilProxyStarts: false, concurrency: 2, proxyMetadata: {A: b}}')], []],
    ['a policy for nobody', [security('AuthorizationPolicy', forWeb)], ['IST0127 spec.selector.matchLabels']],
    ['tokens for nobody', [security('RequestAuthentication', forWeb)], ['IST0127 spec.selector.matchLabels']],
    ['mTLS for nobody', [security('PeerAuthentication', forWeb)], ['IST0127 spec.selector.matchLabels']],
    ['a policy for somebody', [security('AuthorizationPolicy', forWeb), pod({ app: 'web' })], []],
    ['a policy of the whole mesh', [security('AuthorizationPolicy', forWeb, { namespace: 'istio-system' }), pod({ app: 'web' })], []],
    ['a gateway of nobody', [gateway], ['IST0101 spec.selector']],
    ['a certificate that is not there', [gateway, pod({ istio: 'gw' })], ['IST0101 spec.servers[0].tls.credentialName'], []],
    ['one that is', [gateway, pod({ istio: 'gw' })], [], ['shop/cert']],
    ['one of which nothing is known', [gateway, pod({ istio: 'gw' })], []],
    [
      'TLS without an authority',
      [service({ name: 'http' }), networking('DestinationRule', { host: 'x', trafficPolicy: { tls: { mode: 'SIMPLE' } } })],
      ['IST0128 spec.trafficPolicy.tls'],
    ],
    [
      'the same at a port',
      [
        service({ name: 'http' }),
        networking('DestinationRule', {
          host: 'x',
          trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE' } }] },
        }),
      ],
      ['IST0129 spec.trafficPolicy.portLevelSettings[0].tls'],
    ],
    [
      'bytes without an address',
      [networking('ServiceEntry', { hosts: ['db.example'], ports: [{ number: 5432, name: 'tcp', protocol: 'TCP' }] })],
      ['IST0134 spec.ports[0]'],
    ],
    [
      'bytes with one',
      [
        networking('ServiceEntry', {
          hosts: ['db.example'],
          addresses: ['240.0.0.1'],
          ports: [{ number: 5432, name: 'tcp', protocol: 'TCP' }],
        }),
      ],
      [],
    ],
    [
      'a match that another takes, and matches that none does',
      [
        service({ name: 'http' }),
        networking('VirtualService', {
          hosts: ['x'],
          http: [
            { match: [{ uri: { prefix: '/a' } }, { headers: { v: { exact: '1' } } }], route: [{ destination: { host: 'x' } }] },
            {
              match: [
                { uri: { exact: '/ab' }, method: { exact: 'GET' } },
                { uri: { exact: '/b' } },
                { uri: { regex: '/a.*' } },
                { headers: { v: { exact: '1' }, w: {} } },
                { headers: { v: { exact: '2' } } },
                { uri: { exact: '/b' }, name: 'again' },
              ],
              route: [{ destination: { host: 'x' } }],
            },
          ],
        }),
      ],
      ['IST0131 spec.http[1].match[0]', 'IST0131 spec.http[1].match[3]', 'IST0131 spec.http[1].match[5]'],
    ],
    [
      'one certificate for two Gateways',
      [gateway, { ...gateway, metadata: { name: 'y', namespace: 'shop' } }, pod({ istio: 'gw' })],
      ['IST0138 spec.servers[0].tls', 'IST0138 spec.servers[0].tls'],
    ],
    [
      'a Secret that is no certificate',
      [gateway, pod({ istio: 'gw' }), secret({ 'tls.crt': 'x' })],
      ['IST0161 spec.servers[0].tls.credentialName'],
      ['shop/cert'],
    ],
    [
      'one that is one',
      [gateway, pod({ istio: 'gw' }), secret({ 'tls.crt': '-----BEGIN C', 'tls.key': '-----BEGIN K' })],
      [],
      ['shop/cert'],
    ],
    [
      'a port that the Service of the gateway does not have',
      [gateway, pod({ istio: 'gw' }), object('v1', 'Service', { selector: { istio: 'gw' }, ports: [{ name: 'http', port: 80 }] })],
      ['IST0162 spec.servers[0].port.number'],
    ],
    [
      'claims of nobody',
      [gateway, pod({ istio: 'gw' }), service({ name: 'http' }), byClaim],
      ['IST0149 spec.http[0].match[0].headers.@request.auth.claims.group'],
    ],
    [
      'claims that are read',
      [
        gateway,
        pod({ istio: 'gw' }),
        service({ name: 'http' }),
        byClaim,
        security('RequestAuthentication', { selector: { matchLabels: { istio: 'gw' } }, jwtRules: [{ issuer: 'i', jwks: '{}' }] }),
      ],
      [],
    ],
    ...(
      [
        ['HTTP_FILTER', 'INSERT_BEFORE', {}, ['IST0151']],
        ['HTTP_FILTER', 'INSERT_BEFORE', { priority: 1 }, []],
        ['HTTP_FILTER', 'INSERT_FIRST', {}, []],
        ['CLUSTER', 'REPLACE', {}, ['IST0152']],
        ['HTTP_ROUTE', 'ADD', {}, ['IST0153']],
        ['ROUTE_CONFIGURATION', 'REMOVE', {}, ['IST0154']],
      ] as const
    ).map(([applyTo, operation, more, codes]): [string, KubeObject[], string[]] => [
      `a patch: ${operation} of ${applyTo}`,
      [networking('EnvoyFilter', { configPatches: [{ applyTo, patch: { operation } }], ...more }, {})].map((o) => ({
        ...o,
        apiVersion: 'networking.istio.io/v1alpha3',
      })),
      codes.map((code) => `${code} spec.configPatches[0].patch.operation`),
    ]),
    [
      'a patch for a version',
      [
        {
          ...networking('EnvoyFilter', {
            configPatches: [{ applyTo: 'CLUSTER', match: { proxy: { proxyVersion: '^1' } }, patch: { operation: 'MERGE' } }],
          }),
          apiVersion: 'networking.istio.io/v1alpha3',
        },
      ],
      ['IST0155 spec.configPatches[0].patch.operation'],
    ],
    [
      'a selector where none is read',
      [
        security('PeerAuthentication', forWeb, { namespace: 'istio-system' }),
        object('v1', 'Pod', app, { namespace: 'istio-system', labels: { app: 'web' } }),
      ],
      ['IST0167 spec.selector'],
    ],
    [
      'a policy of a waypoint',
      [security('AuthorizationPolicy', { targetRefs: [{ kind: 'Service', name: 'x' }] })],
      ['IST0167 spec.targetRefs'],
    ],
    ['two words about a port', [entry('HTTP', 1), entry('TCP', 2)], ['IST0177 spec.ports[0].protocol']],
    ['the same word', [entry('HTTP', 1), entry('http', 2)], []],
    [
      'annotations that are given up',
      [
        object('v1', 'Pod', app, { annotations: { 'sidecar.istio.io/inject': 'false', 'sidecar.istio.io/discoveryAddress': 'x' } }),
        service({ name: 'http' }, { annotations: { 'alpha.istio.io/kubernetes-serviceaccounts': 'x' } }),
      ],
      [
        'IST0135 metadata.annotations.sidecar.istio.io/discoveryAddress',
        'IST0135 metadata.annotations.sidecar.istio.io/inject',
        'IST0135 metadata.annotations.alpha.istio.io/kubernetes-serviceaccounts',
      ],
    ],
    [
      'errors before remarks, and what stands on objects anyway',
      [service({ name: 'web' }), networking('VirtualService', { hosts: ['x'], http: [{ route: [{ destination: { host: 'nobody' } }] }] })],
      ['IST0101 spec.http[0].route[0].destination.host', 'IST0118 spec.ports[0].name'],
    ],
  ];
  for (const [name, objects, expected, secrets] of cases) {
    const found = analyze({ snapshot: snapshotOf(objects), ...(secrets ? { secrets: new Set(secrets) } : {}) });
    assert.deepEqual(
      found.map((p) => `${p.code} ${p.path}`),
      expected,
      name,
    );
  }
});
