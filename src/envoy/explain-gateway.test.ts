/** Every kind of object that can say what becomes of a request at the ingress gateway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../api/index.ts';
import { createModeler, gatewayClasses, ingressGateway, snapshotOf } from '../mesh/index.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explain-types.ts';

const object = (apiVersion: string, kind: string, name: string, spec: unknown, more: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name, namespace: 'default', ...more }, spec }) as KubeObject;
const ingress = (name: string, paths: object[], more: object = {}, spec: object = {}): KubeObject =>
  object(
    'networking.k8s.io/v1',
    'Ingress',
    name,
    { ingressClassName: 'nginx', rules: [{ host: 'shop.example', http: { paths } }], ...spec },
    more,
  );
const path = (at: string, service: string): object => ({
  path: at,
  pathType: 'Prefix',
  backend: { service: { name: service, port: { number: 80 } } },
});
const gateway = (listeners: object[]): KubeObject =>
  object('gateway.networking.k8s.io/v1', 'Gateway', 'door', { gatewayClassName: 'sluice', listeners });
const listener = { name: 'web', protocol: 'HTTP', port: 80 };
const route = (kind: string, name: string, spec: object): KubeObject =>
  object('gateway.networking.k8s.io/v1', kind, name, { parentRefs: [{ name: 'door' }], hostnames: ['shop.example'], ...spec });
const to = (name: string): object => ({ backendRefs: [{ name, port: 80 }] });
const istio = (kind: string, name: string, spec: object): KubeObject => object('networking.istio.io/v1', kind, name, spec);
const tls = (mode: string, hosts: string[], more: object = {}): object => ({
  port: { number: 443, name: `tls-${mode.toLowerCase()}`, protocol: mode === 'PASSTHROUGH' ? 'TLS' : 'HTTPS' },
  hosts,
  tls: { mode, ...more },
});

const from: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'gw', namespace: 'istio-system', labels: { istio: 'ingressgateway', app: 'istio-ingressgateway' } },
  spec: ingressGateway()[1].spec!.template.spec!,
  status: { podIP: '10.244.0.2' },
};

const mesh: KubeObject[] = [
  from,
  { ...ingressGateway()[2], metadata: { name: 'istio-ingressgateway', namespace: 'istio-system' } },
  ...gatewayClasses,
  ...['web', 'cart'].flatMap((name, i) => [
    object('v1', 'Service', name, { clusterIP: `10.96.0.${i + 7}`, selector: { app: name }, ports: [{ name: 'http', port: 80 }] }),
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8000 }],
      endpoints: [{ addresses: [`10.244.0.1${i}`] }],
    } as KubeObject,
  ]),
];

function ask(objects: KubeObject[], url: string, headers: Record<string, string> = {}, method = 'GET'): Explanation {
  const { protocol, host, pathname, port } = new URL(url);
  const model = createModeler()(snapshotOf([...mesh, ...objects]));
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const request = { method, scheme, authority: host, path: pathname, headers } as const;
  return explain({ model, from, request, port: Number(port) || (scheme === 'https' ? 443 : 80), now: 0 });
}

const answer = (e: Explanation): string =>
  [e.route.from, ...e.targets.map((t) => t.host.split('.')[0]), ...e.expected.map((o) => `${o.status ?? 'app'}`)].filter(Boolean).join(' ');
const tried = (e: Explanation): string => e.steps.map((s) => `${s.matched ? '+' : '-'} ${s.object} ${s.path}: ${s.why}`).join('\n');

const shop = ingress('shop', [path('/', 'web'), path('/cart', 'cart')]);
const canary = ingress('next', [path('/', 'cart')], {
  annotations: { 'nginx.ingress.kubernetes.io/canary': 'true', 'nginx.ingress.kubernetes.io/canary-by-header': 'x-next' },
});
const door = gateway([listener]);
const web = route('HTTPRoute', 'web', {
  rules: [
    { matches: [{ path: { value: '/' } }], ...to('web') },
    { matches: [{ headers: [{ name: 'x', value: '1' }] }, { path: { value: '/cart' } }], ...to('cart') },
  ],
});
const rpc = route('GRPCRoute', 'rpc', { rules: [{ matches: [{ method: { service: 'Cart', method: 'Add' } }], ...to('cart') }] });

const cases: [
  what: string,
  objects: KubeObject[],
  url: string,
  answer: RegExp,
  tried: RegExp,
  headers?: Record<string, string>,
  method?: string,
][] = [
  [
    'an Ingress',
    [shop],
    'http://shop.example/x',
    /^Ingress default\/shop spec\.rules\[0\]\.http\.paths\[0\] web app$/,
    /\+ Ingress default\/shop spec\.rules: has shop\.example at Ingress\n- Ingress default\/shop spec\.rules\[0\]\.http\.paths\[1\]: path prefix "\/cart": the path is "\/x"\n\+/,
  ],
  [
    'its other path',
    [shop],
    'http://shop.example/cart/1',
    /^Ingress default\/shop spec\.rules\[0\]\.http\.paths\[1\] cart app$/,
    /\+ .*path prefix "\/cart"/,
  ],
  ['a host of nobody', [shop], 'http://other.example/', /^404$/, /^$/],
  [
    'a canary that is not asked for',
    [shop, canary],
    'http://shop.example/',
    /paths\[0\] web app$/,
    /- Ingress default\/next spec\.rules\[0\]\.http\.paths\[0\]: headers\[x-next\] exact "always": the request has none/,
  ],
  [
    'a canary that is',
    [shop, canary],
    'http://shop.example/',
    /^Ingress default\/next spec\.rules\[0\]\.http\.paths\[0\] cart app$/,
    /\+ Ingress default\/next/,
    { 'x-next': 'always' },
  ],
  [
    'an app root',
    [ingress('shop', [path('/', 'web')], { annotations: { 'nginx.ingress.kubernetes.io/app-root': '/app' } })],
    'http://shop.example/',
    /metadata\.annotations\["nginx\.ingress\.kubernetes\.io\/app-root"\] 302/,
    /\+/,
  ],
  ['an Ingress of nobody', [ingress('shop', [path('/', 'gone')])], 'http://shop.example/', /paths\[0\] 503/, /\+/],
  [
    'an HTTPRoute',
    [door, web],
    'http://shop.example/x',
    /^HTTPRoute default\/web spec\.rules\[0\]\.matches\[0\] web app$/,
    /\+ HTTPRoute default\/web spec\.hostnames: has shop\.example at default\/door \(listener web\)\n- HTTPRoute default\/web spec\.rules\[1\]\.matches\[1\]: .*\n- HTTPRoute default\/web spec\.rules\[1\]\.matches\[0\]: headers\[x\]/,
  ],
  ['its header', [door, web], 'http://shop.example/', /^HTTPRoute default\/web spec\.rules\[1\]\.matches\[0\] cart app$/, /\+/, { x: '1' }],
  [
    'a GRPCRoute',
    [door, rpc],
    'http://shop.example/Cart/Add',
    /^GRPCRoute default\/rpc spec\.rules\[0\]\.matches\[0\] cart app$/,
    /\+/,
    {},
    'POST',
  ],
  [
    'another method',
    [door, rpc],
    'http://shop.example/Cart/Take',
    /^404$/,
    /- GRPCRoute default\/rpc spec\.rules\[0\]\.matches\[0\]: .*uri exact "\/Cart\/Add"/,
    {},
    'POST',
  ],
  [
    'a route that no listener takes',
    [gateway([{ ...listener, allowedRoutes: { kinds: [{ kind: 'GRPCRoute' }] } }]), web],
    'http://shop.example/',
    /^404$/,
    /- HTTPRoute default\/web spec\.parentRefs\[0\]: NotAllowedByListeners: /,
  ],
  [
    'a route beside an Ingress: the older Gateway’s host',
    [shop, door, web],
    'http://shop.example/cart',
    /cart app$/,
    /Ingress default\/shop[^]*HTTPRoute default\/web/,
  ],
  ['nothing for https', [shop], 'https://shop.example/', /^503$/, /^$/],
  [
    'TLS that is ended, by name',
    [
      istio('Gateway', 'g', {
        selector: { istio: 'ingressgateway' },
        servers: [tls('SIMPLE', ['*.example'], { credentialName: 'c' }), tls('SIMPLE', ['shop.example'], { credentialName: 'd' })],
      }),
      istio('VirtualService', 'v', { hosts: ['shop.example'], gateways: ['g'], http: [{ route: [{ destination: { host: 'web' } }] }] }),
    ],
    'https://shop.example/',
    /^VirtualService default\/v spec\.http\[0\] web app$/,
    /\+ VirtualService default\/v spec\.hosts\[0\]/,
  ],
  [
    'TLS without a certificate',
    [istio('Gateway', 'g', { selector: { istio: 'ingressgateway' }, servers: [tls('SIMPLE', ['*'])] })],
    'https://shop.example/',
    /^503$/,
    /^$/,
  ],
  [
    'TLS for other names',
    [istio('Gateway', 'g', { selector: { istio: 'ingressgateway' }, servers: [tls('SIMPLE', ['x.example'], { credentialName: 'c' })] })],
    'https://shop.example/',
    /^503$/,
    /^$/,
  ],
  [
    'TLS that is passed on',
    [
      istio('Gateway', 'g', { selector: { istio: 'ingressgateway' }, servers: [tls('PASSTHROUGH', ['*'])] }),
      istio('VirtualService', 'v', {
        hosts: ['shop.example'],
        gateways: ['g'],
        tls: [{ match: [{ sniHosts: ['shop.example'] }], route: [{ destination: { host: 'web', port: { number: 80 } } }] }],
      }),
    ],
    'https://shop.example/',
    /^web app$/,
    /^$/,
  ],
];

test('what is said of a request at the gateway, whichever kind of object decides', () => {
  for (const [what, objects, url, answers, steps, headers, method] of cases) {
    const found = ask(objects, url, headers, method);
    assert.match(answer(found), answers, what);
    assert.match(tried(found), steps, what);
  }
});
