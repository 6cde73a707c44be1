/** What enters by Ingress objects: real requests through the gateway's host ports. */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { selfSigned } from '../support/certificate.ts';
import { eventually, kubectl, newInstance, type Answer, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('ingress');
  await it.up();
});
after(() => it.close());

const NGINX = 'nginx.ingress.kubernetes.io/';
const apply = (...objects: unknown[]): Promise<string> => kubectl(it, 'apply -f -', objects.map((o) => JSON.stringify(o)).join('\n---\n'));
const json = async <T>(args: string): Promise<T> => JSON.parse(await kubectl(it, `${args} -o json`)) as T;

function app(name: string, image: string, port: number, namespace = 'default'): unknown[] {
  const labels = { app: name };
  const container = { name: 'app', image, readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { selector: { matchLabels: labels }, template } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: port }] },
    },
  ];
}

interface Path {
  readonly path: string;
  readonly type?: string;
  readonly to: string;
}

const ingress = (
  name: string,
  host: string,
  paths: readonly Path[],
  annotations: Record<string, string> = {},
  more: object = {},
): unknown => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`${NGINX}${k}`, v])) },
  spec: {
    ingressClassName: 'nginx',
    ...more,
    rules: [
      {
        host,
        http: {
          paths: paths.map(({ path, type = 'Prefix', to }) => ({
            path,
            pathType: type,
            backend: { service: { name: to, port: { name: 'http' } } },
          })),
        },
      },
    ],
  },
});

const get = (host: string, path: string, headers: Record<string, string> = {}): Promise<Answer> => it.get(path, { host, ...headers });
const post = (host: string, path: string, bytes: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const r = http.request(
      { host: '127.0.0.1', port: it.ports.http, path, method: 'POST', headers: { host }, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    r.on('error', reject);
    r.end('x'.repeat(bytes));
  });
const served = (host: string, path = '/hello'): Promise<Answer> =>
  eventually(`${host}${path} is served`, 15, async () => {
    const answer = await get(host, path);
    return answer.status === 200 && answer;
  });

test('classes are there, and apps', async () => {
  assert.match(await kubectl(it, 'get ingressclass'), /istio +istio.io\/ingress-controller[^]*nginx +k8s.io\/ingress-nginx/);
  await apply(
    ...app('v1', 'docker.io/istio/examples-helloworld-v1:1.0', 5000),
    ...app('v2', 'docker.io/istio/examples-helloworld-v2:1.0', 5000),
    ...app('httpbin', 'docker.io/mccutchen/go-httpbin:v2.15.0', 8080),
  );
  await kubectl(it, 'wait --for=condition=Available deployment --all --timeout=30s');
});

test('paths: exact, by segments, by text, the longest first; the address is told', async () => {
  await apply(
    ingress('paths', 'paths.example.com', [
      { path: '/', to: 'httpbin' },
      { path: '/hello', type: 'Exact', to: 'v1' },
      { path: '/anything/text', type: 'ImplementationSpecific', to: 'v1' },
      { path: '/status', to: 'v1' },
    ]),
  );
  assert.match((await served('paths.example.com')).body, /version: v1/);
  const status = async (path: string): Promise<number> => (await get('paths.example.com', path)).status;
  assert.equal(await status('/hello/there'), 404, 'exact: what is below goes to httpbin, which does not have it');
  assert.equal(await status('/anything'), 200);
  assert.equal(await status('/anything/textual'), 404, 'a prefix of the text');
  assert.equal(await status('/status/204'), 404, 'a prefix by segments');
  assert.equal((await get('paths.example.com', '/statuses')).headers['server'], 'istio-envoy');
  assert.equal((await get('unknown.example.com', '/hello')).status, 404);
  await eventually('kubectl shows the address', 10, async () =>
    /paths +nginx +paths.example.com +127.0.0.1 +80/.test(await kubectl(it, 'get ingress paths')),
  );
});

test('canary: by header, then by weight; promoted by taking it all', async () => {
  await apply(ingress('main', 'canary.example.com', [{ path: '/', to: 'v1' }]));
  const canary = (annotations: Record<string, string>): Promise<string> =>
    apply(ingress('canary', 'canary.example.com', [{ path: '/', to: 'v2' }], { canary: 'true', ...annotations }));
  await canary({ 'canary-by-header': 'X-Canary', 'canary-weight': '30' });
  await served('canary.example.com');
  await eventually('the header decides', 10, async () =>
    (await get('canary.example.com', '/hello', { 'x-canary': 'always' })).body.includes('v2'),
  );
  const n = 400;
  let second = 0;
  for (let i = 0; i < n; i++) if ((await get('canary.example.com', '/hello')).body.includes('version: v2')) second++;
  assert.ok(
    Math.abs(second - 0.3 * n) <= 4 * Math.sqrt(n * 0.3 * 0.7),
    `${second} of ${n} went to the canary, of which 30 % were asked for`,
  );
  for (let i = 0; i < 20; i++) {
    assert.match((await get('canary.example.com', '/hello', { 'x-canary': 'never' })).body, /version: v1/);
    assert.match((await get('canary.example.com', '/hello', { 'x-canary': 'always' })).body, /version: v2/);
  }
  await canary({ 'canary-weight': '100' });
  await eventually('all goes to the canary', 10, async () => {
    for (let i = 0; i < 10; i++) if (!(await get('canary.example.com', '/hello')).body.includes('v2')) return false;
    return true;
  });
});

test('rewrite-target with groups; upstream-vhost; body size; what has no effect is an event', async () => {
  await apply(
    ingress('rewrite', 'rewrite.example.com', [{ path: '/api(/|$)(.*)', type: 'ImplementationSpecific', to: 'httpbin' }], {
      'rewrite-target': '/anything/$2',
      'upstream-vhost': 'inner.example.com',
      'proxy-body-size': '1k',
      'server-snippet': 'return 200;',
    }),
  );
  const { body } = await served('rewrite.example.com', '/api/a/b?c=d');
  assert.match(body, /"url": "http:\/\/inner.example.com\/anything\/a\/b\?c=d"/);
  assert.deepEqual([await post('rewrite.example.com', '/api/x', 1000), await post('rewrite.example.com', '/api/x', 2000)], [200, 413]);
  await eventually('the event is there', 10, async () => /server-snippet.*no effect/.test(await kubectl(it, 'describe ingress rewrite')));
});

test('TLS by a Secret of the namespace; plain HTTP is redirected to it', async () => {
  const { cert, key } = await selfSigned('secure.example.com');
  const data = { 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') };
  await apply(
    { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'secure-tls' }, data },
    ingress(
      'secure',
      'secure.example.com',
      [{ path: '/', to: 'v1' }],
      {},
      { tls: [{ hosts: ['secure.example.com'], secretName: 'secure-tls' }] },
    ),
  );
  const ask = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: it.ports.https, servername: 'secure.example.com', ca: cert, path: '/hello', agent: false };
      const r = request({ ...options, headers: { host: 'secure.example.com' } }, (response) => void text(response).then(resolve, reject));
      r.on('error', reject);
      r.end();
    });
  assert.match(await eventually('HTTPS answers', 15, ask), /version: v1/);
  const bare = await get('secure.example.com', '/hello');
  assert.deepEqual([bare.status, bare.headers['location']], [308, 'https://secure.example.com/hello']);
  const withPort = await get(`secure.example.com:${it.ports.http}`, '/hello?a=b');
  assert.equal(withPort.headers['location'], `https://secure.example.com:${it.ports.https}/hello?a=b`);
});

const gatewayApi = (kind: string, name: string, spec: object, namespace = 'default', version = 'v1'): unknown => ({
  apiVersion: `gateway.networking.k8s.io/${version}`,
  kind,
  metadata: { name, namespace },
  spec,
});
const condition = (args: string, path: string, type: string): Promise<string> =>
  kubectl(it, [...args.split(' '), '-o', `jsonpath={${path}.conditions[?(@.type=="${type}")].status}`]);

test('HTTPRoute: match, weights and filters; conditions say what became of it', async () => {
  await apply(
    gatewayApi('Gateway', 'door', {
      gatewayClassName: 'istio',
      listeners: [
        { name: 'http', port: 80, protocol: 'HTTP', hostname: '*.example.net', allowedRoutes: { namespaces: { from: 'All' } } },
        { name: 'odd', port: 9999, protocol: 'HTTP' },
      ],
    }),
    gatewayApi('HTTPRoute', 'shop', {
      parentRefs: [{ name: 'door', sectionName: 'http' }],
      hostnames: ['shop.example.net'],
      rules: [
        {
          backendRefs: [
            { name: 'v1', port: 80, weight: 70 },
            { name: 'v2', port: 80, weight: 30 },
          ],
        },
        { matches: [{ headers: [{ name: 'x-user', value: 'tester' }] }], backendRefs: [{ name: 'v2', port: 80 }] },
        {
          matches: [{ path: { type: 'PathPrefix', value: '/bin' } }],
          filters: [
            { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/anything' } } },
            { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'X-Said', value: '50%' }] } },
          ],
          backendRefs: [{ name: 'httpbin', port: 80 }],
        },
        {
          matches: [{ path: { type: 'Exact', value: '/old' } }],
          filters: [{ type: 'RequestRedirect', requestRedirect: { path: { type: 'ReplaceFullPath', replaceFullPath: '/new' } } }],
        },
      ],
    }),
  );
  await served('shop.example.net');
  const n = 300;
  let second = 0;
  for (let i = 0; i < n; i++) if ((await get('shop.example.net', '/hello')).body.includes('version: v2')) second++;
  assert.ok(Math.abs(second - 0.3 * n) <= 4 * Math.sqrt(n * 0.3 * 0.7), `${second} of ${n} went to v2, of which 30 % were asked for`);
  for (let i = 0; i < 10; i++) assert.match((await get('shop.example.net', '/hello', { 'x-user': 'tester' })).body, /version: v2/);
  const { body } = await get('shop.example.net', '/bin/x');
  assert.match(body, /anything\/x/);
  assert.match(body, /50%/);
  const moved = await get('shop.example.net', '/old');
  assert.deepEqual([moved.status, moved.headers['location']], [302, 'http://shop.example.net/new']);
  await eventually(
    'the route hears of it',
    10,
    async () => (await condition('get httproute shop', '.status.parents[0]', 'Accepted')) === 'True',
  );
  assert.equal(await condition('get httproute shop', '.status.parents[0]', 'ResolvedRefs'), 'True');
  assert.match(await kubectl(it, 'get gtw door'), /door +istio +127.0.0.1 +True/);
  assert.equal(await condition('get gtw door', '.status.listeners[1]', 'Accepted'), 'False', 'a port that is not served');
  assert.equal(await condition('get gatewayclass sluice', '.status', 'Accepted'), 'True');
});

test('HTTPRoute: a service of another namespace needs a ReferenceGrant there', async () => {
  await kubectl(it, 'create namespace friends');
  await apply(
    gatewayApi(
      'HTTPRoute',
      'across',
      {
        parentRefs: [{ name: 'door', namespace: 'default' }],
        hostnames: ['across.example.net'],
        rules: [{ backendRefs: [{ name: 'v1', namespace: 'default', port: 80 }] }],
      },
      'friends',
    ),
  );
  await eventually('500 without a grant', 10, async () => (await get('across.example.net', '/hello')).status === 500);
  await eventually(
    'it is said',
    10,
    async () => (await condition('-n friends get httproute across', '.status.parents[0]', 'ResolvedRefs')) === 'False',
  );
  const from = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'friends' }];
  await apply(gatewayApi('ReferenceGrant', 'friends', { from, to: [{ group: '', kind: 'Service' }] }, 'default', 'v1beta1'));
  assert.match((await served('across.example.net')).body, /version: v1/);
  await eventually(
    'it is said',
    10,
    async () => (await condition('-n friends get httproute across', '.status.parents[0]', 'ResolvedRefs')) === 'True',
  );
});

test('explain says which path or rule takes a request, and what the gateway makes of it is the same', async () => {
  const cases: [url: string, from: RegExp | undefined, expected: number | undefined, status: number, flags?: string][] = [
    ['http://paths.example.com/hello', /^Ingress default\/paths spec\.rules\[0\]\.http\.paths\[1\]$/, undefined, 200],
    ['http://unknown.example.com/hello', undefined, 404, 404, 'NR'],
    ['http://secure.example.com/hello', /^Ingress default\/secure /, 308, 308],
    ['https://secure.example.com/hello', /^Ingress default\/secure spec\.rules\[0\]\.http\.paths\[0\]$/, undefined, 200],
    ['http://shop.example.net/old', /^HTTPRoute default\/shop spec\.rules\[3\]\.matches\[0\]$/, 302, 302],
    ['http://across.example.net/hello', /^HTTPRoute friends\/across spec\.rules\[0\]\.matches\[0\]$/, undefined, 200],
  ];
  for (const [url, from, expected, status, flags] of cases) {
    const done = await it.sluice(['explain', '-o', 'json', 'GET', url, '--from', 'ingress', '--fire']);
    assert.equal(done.code, 0, done.stderr);
    const said = JSON.parse(done.stdout) as {
      explanation: { route: { from?: string }; expected: { status?: number }[] };
      fired: { status?: number; counted: { reporter: string; flags?: string; says?: string }[] };
    };
    const { explanation, fired } = said;
    if (from) assert.match(explanation.route.from ?? '', from, url);
    assert.deepEqual([explanation.expected.map((o) => o.status), fired.status], [[expected], status], url);
    if (flags)
      assert.ok(
        fired.counted.some((c) => c.flags === flags && c.says?.startsWith(`${flags}: `)),
        done.stdout,
      );
  }
});

test('a deleted Ingress serves no more', async () => {
  await kubectl(it, 'delete ingress main canary');
  await eventually('404', 10, async () => (await get('canary.example.com', '/hello')).status === 404);
  assert.deepEqual(
    (await json<{ items: { metadata: { name: string } }[] }>('get ingress')).items.map((i) => i.metadata.name),
    ['paths', 'rewrite', 'secure'],
  );
});
