import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../api/index.ts';
import { createModeler, injectSidecar, ingressGateway, snapshotOf } from '../mesh/index.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explain-types.ts';

const NETWORKING = 'networking.istio.io/v1';
const SECURITY = 'security.istio.io/v1';

function pod(name: string, labels: Record<string, string>, ip: string, injected = true): Pod {
  const plain: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { serviceAccountName: labels['app']!, containers: [{ name: 'app', image: 'x' }] },
    status: { podIP: ip },
  };
  return injected ? injectSidecar(plain, { 'istio-injection': 'enabled' }) : plain;
}

const object = (apiVersion: string, kind: string, name: string, spec: unknown, day = 1): KubeObject =>
  ({ apiVersion, kind, metadata: { name, namespace: 'default', creationTimestamp: `2026-01-0${day}T00:00:00Z` }, spec }) as KubeObject;
const rules = (name: string, spec: object, day?: number): KubeObject =>
  object(NETWORKING, 'VirtualService', name, { hosts: ['reviews'], ...spec }, day);
const to = (subset: string, weight?: number): object => ({
  destination: { host: 'reviews', subset },
  ...(weight === undefined ? {} : { weight }),
});

const gatewayPod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'gw', namespace: 'istio-system', labels: { istio: 'ingressgateway' } },
  spec: ingressGateway()[1].spec!.template.spec!,
  status: { podIP: '10.244.0.2' },
};
const web = pod('web', { app: 'web' }, '10.244.0.5');
const plain = pod('plain', { app: 'plain' }, '10.244.0.6', false);

const mesh: KubeObject[] = [
  object('v1', 'Service', 'reviews', {
    clusterIP: '10.96.0.7',
    selector: { app: 'reviews' },
    ports: [{ name: 'http', port: 9080 }],
  }),
  object('v1', 'Service', 'db', { clusterIP: '10.96.0.8', selector: { app: 'db' }, ports: [{ name: 'tcp', port: 5432 }] }),
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'reviews-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'reviews' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 9080 }],
    endpoints: ['v1', 'v2'].map((v, i) => ({
      addresses: [`10.244.0.1${i}`],
      targetRef: { kind: 'Pod', name: `reviews-${v}`, namespace: 'default' },
    })),
  } as KubeObject,
  web,
  plain,
  gatewayPod,
  pod('reviews-v1', { app: 'reviews', version: 'v1' }, '10.244.0.10'),
  pod('reviews-v2', { app: 'reviews', version: 'v2' }, '10.244.0.11'),
  object(NETWORKING, 'DestinationRule', 'reviews', {
    host: 'reviews',
    subsets: ['v1', 'v2', 'v3'].map((version) => ({ name: version, labels: { version } })),
  }),
];

interface Ask {
  readonly objects?: KubeObject[];
  readonly from?: Pod;
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

function ask({ objects = [], from = web, url = 'http://reviews:9080/', method = 'GET', headers = {} }: Ask): Explanation {
  const parsed = new URL(url);
  const model = createModeler()(snapshotOf([...mesh, ...objects]));
  const request = { method, scheme: parsed.protocol.slice(0, -1) as 'http', authority: parsed.host, path: parsed.pathname, headers };
  return explain({ model, from, request, port: Number(parsed.port || 80), now: 0 });
}

const said = (e: Explanation): string => e.expected.map((o) => `${o.percent}% ${o.status ?? 'app'}: ${o.why}`).join('; ');
const tried = (e: Explanation): string => e.steps.map((s) => `${s.matched ? '+' : '-'} ${s.object} ${s.path}: ${s.why}`).join('\n');

test('what becomes of a request', () => {
  const jason = rules('reviews', {
    http: [
      { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('v2')] },
      { route: [to('v1', 80), to('v2', 20)], timeout: '3s', retries: { attempts: 3, retryOn: '5xx' } },
    ],
  });
  const policy = (spec: object): KubeObject => object(SECURITY, 'AuthorizationPolicy', 'guard', spec);
  const peer = (mode: string): KubeObject => object(SECURITY, 'PeerAuthentication', 'default', { mtls: { mode } });
  const share = (host: string, weight?: number): object => ({
    destination: { host, port: { number: 9080 } },
    ...(weight ? { weight } : {}),
  });
  const halves = object(NETWORKING, 'VirtualService', 'db', {
    hosts: ['db'],
    tcp: [{ route: [share('db', 75), share('reviews', 25)] }],
  });
  const parts = (e: Explanation): string[] => e.targets.map((t) => `${t.host.split('.')[0]} ${t.share}`);
  const cases: [string, Ask, RegExp, RegExp, ((e: Explanation) => void)?][] = [
    ['no rule', {}, /^100% app: the application answers$/, /^$/, (e) => assert.equal(e.targets[0]!.endpoints.length, 2)],
    [
      'a header that fits',
      { objects: [jason], headers: { 'end-user': 'jason' } },
      /^100% app/,
      /\+ .* spec\.http\[0\]\.match\[0\]: headers\[end-user\] exact "jason"/,
    ],
    [
      'a header that is missing',
      { objects: [jason] },
      /^100% app/,
      /- VirtualService default\/reviews spec\.http\[0\]\.match\[0\]: headers\[end-user\].*the request has none\n\+ .* spec\.http\[1\]/,
      (e) => {
        assert.deepEqual(
          e.targets.map((t) => [t.subset, t.share, t.endpoints.length]),
          [
            ['v1', 80, 1],
            ['v2', 20, 1],
          ],
        );
        assert.equal(e.route.timeout, '3s');
        assert.deepEqual(e.route.retries, { attempts: 3, on: '5xx' });
        assert.equal(e.targets[0]!.destinationRule, 'DestinationRule default/reviews');
        assert.equal(e.targets[0]!.endpoints[0]!.sends, 'mTLS');
      },
    ],
    [
      'nothing takes it',
      { objects: [rules('r', { http: [{ match: [{ uri: { exact: '/x' } }], route: [to('v1')] }] })] },
      /^100% 404: no rule/,
      /- .*uri exact "\/x"/,
    ],
    [
      'a rule that is younger',
      { objects: [jason, rules('late', { http: [{ directResponse: { status: 418 } }] }, 2)] },
      /^100% app/,
      /- VirtualService default\/late spec\.hosts\[0\]: VirtualService default\/reviews has the host/,
    ],
    [
      'rules for a gateway',
      { objects: [rules('door', { gateways: ['door'], http: [{ route: [to('v1')] }] })] },
      /^100% app/,
      /- VirtualService default\/door spec\.gateways: is for default\/door only/,
    ],
    [
      'other clients',
      { objects: [rules('r', { http: [{ match: [{ sourceLabels: { app: 'other' } }], route: [to('v3')] }, { route: [to('v1')] }] })] },
      /^100% app/,
      /- .*match\[0\]: sourceLabels app=other: the client has web/,
    ],
    [
      'a fault',
      { objects: [rules('r', { http: [{ fault: { abort: { httpStatus: 555, percentage: { value: 25 } } }, route: [to('v1')] }] })] },
      /^25% 555: .*; 75% app/,
      /\+/,
    ],
    [
      'no pods in the subset',
      { objects: [rules('r', { http: [{ route: [to('v3')] }] })] },
      /^100% 503: subset v3 of reviews.* has no ready endpoint/,
      /\+/,
    ],
    [
      'no such subset',
      { objects: [rules('r', { http: [{ route: [to('v9')] }] })] },
      /^100% 503: no DestinationRule names a subset v9/,
      /\+/,
    ],
    ['a redirect', { objects: [rules('r', { http: [{ redirect: { uri: '/new', redirectCode: 302 } }] })] }, /^100% 302: redirects/, /\+/],
    [
      'refused by no allowance',
      { objects: [policy({ rules: [{ to: [{ operation: { methods: ['POST'] } }] }] })] },
      /^100% 403: there are ALLOW policies/,
      /- AuthorizationPolicy default\/guard spec\.rules\[0\]: ALLOW: operation: method exact "POST"/,
    ],
    [
      'let in by name',
      { objects: [policy({ rules: [{ from: [{ source: { principals: ['cluster.local/ns/default/sa/web'] } }] }] })] },
      /^100% app/,
      /\+ AuthorizationPolicy/,
    ],
    [
      'a policy sees the path as rewritten',
      {
        objects: [
          rules('r', { http: [{ rewrite: { uri: '/secret' }, route: [to('v1')] }] }),
          policy({ action: 'DENY', rules: [{ to: [{ operation: { paths: ['/secret'] } }] }] }),
        ],
      },
      /^100% 403: AuthorizationPolicy default\/guard spec\.rules\[0\] refuses it/,
      /\+/,
    ],
    ['strict, from a pod without a sidecar', { objects: [peer('STRICT')], from: plain }, /^100% 503: the server takes mTLS only/, /^$/],
    [
      'strict, with DISABLE at the client',
      {
        objects: [
          peer('STRICT'),
          object(NETWORKING, 'DestinationRule', 'a', { host: 'reviews', trafficPolicy: { tls: { mode: 'DISABLE' } } }, 1),
        ],
      },
      /^100% 503: the server takes mTLS only/,
      /^$/,
    ],
    [
      'a token of nobody',
      {
        objects: [object(SECURITY, 'RequestAuthentication', 'j', { jwtRules: [{ issuer: 'me' }] })],
        headers: { authorization: 'Bearer nonsense' },
      },
      /^100% 401/,
      /- RequestAuthentication/,
    ],
    ['bytes', { url: 'http://db:5432/' }, /503: db.* has no ready endpoint/, /^$/, (e) => assert.equal(e.route.does, 'bytes')],
    [
      'bytes by weight',
      { objects: [halves], url: 'http://db:5432/' },
      /./,
      /^$/,
      (e) => assert.deepEqual(parts(e), ['db 75', 'reviews 25']),
    ],
    ['a host of nobody', { url: 'http://nobody.example:9080/' }, /100% app: whatever is there/, /^$/],
    ['a port of nobody', { url: 'http://reviews:1234/' }, /100% app: whatever is there/, /^$/],
    ['no gateway', { from: gatewayPod, url: 'http://shop.example/' }, /503: no Gateway, Ingress or listener has a server/, /^$/],
  ];
  for (const [name, question, answers, steps, check] of cases) {
    const found = ask(question);
    assert.match(said(found), answers, name);
    assert.match(tried(found), steps, name);
    check?.(found);
  }
});

test('at the gateway: which rules have the host, and who else names it', () => {
  const gateway = object(NETWORKING, 'Gateway', 'door', {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example'] }],
  });
  const shop = (gateways: string[], name = 'shop'): KubeObject =>
    object(NETWORKING, 'VirtualService', name, {
      hosts: ['shop.example'],
      gateways,
      http: [{ match: [{ uri: { prefix: '/a' } }], route: [to('v1')] }],
    });
  const from = gatewayPod;
  const url = 'http://shop.example/abc';
  assert.equal(said(ask({ from, url, objects: [gateway, shop(['door'])] })), '100% app: the application answers');
  assert.match(said(ask({ from, url, objects: [gateway] })), /404: nothing that is bound to default\/door has the host/);
  assert.match(said(ask({ from, url: 'http://shop.example/b', objects: [gateway, shop(['door'])] })), /404: no rule of the host/);
  assert.match(
    tried(ask({ from, url, objects: [gateway, shop(['other'])] })),
    /- VirtualService default\/shop spec\.gateways: is for default\/other/,
  );
});
