/** VirtualServices at a sidecar, row by row: what the real Envoy makes of requests. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { ask, echo, envoyOf, serve, type Answered, type Ask, type EnvoyOf } from './envoy-of.edge.ts';
import { istio, podOf, subsets, versioned } from './mesh-objects.ts';
import { overWebSocket, repeater } from './web-socket.edge.ts';

const CLIENT = podOf('client', { tier: 'front' });

async function client(t: TestContext, objects: readonly KubeObject[]): Promise<EnvoyOf> {
  const [v1, v2] = [await serve(t, echo('v1')), await serve(t, echo('v2'))];
  const app = [...versioned('app', { versions: { v1, v2 }, ports: { http: 80, 'http-b': 81 }, clusterIP: '10.96.1.1' })];
  return envoyOf(t, {
    objects: [CLIENT, ...app, istio('DestinationRule', 'app', { host: 'app', subsets: subsets('v1', 'v2') }), ...objects],
    pod: 'default/client',
  });
}

/** A VirtualService for `<name>.example`. */
const rules = (name: string, http: readonly object[], more: object = {}): KubeObject =>
  istio('VirtualService', name, { hosts: [`${name}.example`], http, ...more });
const to = (subset: string, more: object = {}): object => ({ destination: { host: 'app', subset, port: { number: 80 } }, ...more });
const says = (text: string): object => ({ directResponse: { status: 200, body: { string: text } } });
const told = ({ status, body }: Answered): { name: string; url: string; headers: Record<string, string>; method: string } =>
  status === 200 ? JSON.parse(body) : assert.fail(`${status} ${body}`);

test('matches: each of them, alone and together', { timeout: 60_000 }, async (t) => {
  const cases: readonly (readonly [name: string, match: object, ...asks: readonly Ask[]])[] = [
    ['exact', { uri: { exact: '/exact' } }, { path: '/exact' }, { path: '/exact?q' }],
    ['prefix', { uri: { prefix: '/pre' } }, { path: '/prefix/and' }],
    ['regex', { uri: { regex: '/re[0-9]+' } }, { path: '/re12' }],
    ['caseless', { uri: { prefix: '/Case' }, ignoreUriCase: true }, { path: '/cAsE/x' }],
    ['header', { uri: { exact: '/h' }, headers: { 'x-a': { exact: '1' } } }, { path: '/h', headers: { 'X-A': '1' } }],
    ['header-prefix', { uri: { exact: '/h' }, headers: { 'x-a': { prefix: 'be' } } }, { path: '/h', headers: { 'x-a': 'begin' } }],
    ['header-regex', { uri: { exact: '/h' }, headers: { 'x-a': { regex: 'r.x' } } }, { path: '/h', headers: { 'x-a': 'rex' } }],
    ['header-there', { uri: { exact: '/h' }, headers: { 'x-b': {} } }, { path: '/h', headers: { 'x-b': '' } }],
    [
      'without',
      { uri: { exact: '/w' }, withoutHeaders: { 'x-a': { exact: '1' } } },
      { path: '/w' },
      { path: '/w', headers: { 'x-a': '2' } },
    ],
    ['query', { uri: { exact: '/q' }, queryParams: { a: { exact: '1' } } }, { path: '/q?b&a=1' }],
    ['query-regex', { uri: { exact: '/q' }, queryParams: { a: { regex: '[x-z]+' } } }, { path: '/q?a=xyz' }],
    ['method', { uri: { exact: '/m' }, method: { exact: 'DELETE' } }, { path: '/m', method: 'DELETE' }],
    ['scheme', { uri: { exact: '/s' }, scheme: { exact: 'http' } }, { path: '/s' }],
    ['other-scheme', { uri: { exact: '/s2' }, scheme: { exact: 'https' } }],
    ['authority', { uri: { exact: '/a' }, authority: { prefix: 'match.' } }, { path: '/a' }],
    ['port', { uri: { exact: '/p' }, port: 80 }, { path: '/p' }],
    ['other-port', { uri: { exact: '/p' }, port: 81 }],
    ['labels', { uri: { exact: '/l' }, sourceLabels: { tier: 'front' } }, { path: '/l' }],
    ['other-labels', { uri: { exact: '/l2' }, sourceLabels: { tier: 'back' } }],
    ['namespace', { uri: { exact: '/n' }, sourceNamespace: 'default' }, { path: '/n' }],
    ['other-namespace', { uri: { exact: '/n2' }, sourceNamespace: 'elsewhere' }],
    ['gateways', { uri: { exact: '/g' }, gateways: ['mesh'] }, { path: '/g' }],
    ['other-gateways', { uri: { exact: '/g2' }, gateways: ['door'] }],
    [
      'together',
      { uri: { prefix: '/t' }, method: { exact: 'PUT' }, headers: { a: { exact: 'b' } } },
      { path: '/t/1', method: 'PUT', headers: { a: 'b' } },
    ],
  ];
  const rest = ['/exact/', '/Prefix', '/re', '/h', '/q?a=2', '/q', '/m', '/s2', '/l2', '/n2', '/g2', '/t/1'].map((path): Ask => ({ path }));
  const nobodys: Ask[] = [...rest, { path: '/w', headers: { 'x-a': '1' } }, { path: '/t/1', method: 'PUT' }];
  const envoy = await client(t, [
    rules('match', [
      ...cases.map(([name, match]) => ({ match: [match], ...says(name) })),
      { match: [{ uri: { exact: '/either' } }, { headers: { either: {} } }], ...says('either') },
      says('nobody'),
    ]),
  ]);
  const bodyOf = async (a: Ask): Promise<string> => (await ask(envoy.port(80), 'match.example', a)).body;
  for (const [name, , ...asks] of cases) for (const a of asks) assert.equal(await bodyOf(a), name, JSON.stringify(a));
  for (const a of nobodys) assert.equal(await bodyOf(a), 'nobody', JSON.stringify(a));
  assert.deepEqual([await bodyOf({ path: '/either' }), await bodyOf({ path: '/x', headers: { either: '1' } })], ['either', 'either']);
});

test('what is done: redirects, answers, rewrites, headers, CORS, delegates', { timeout: 60_000 }, async (t) => {
  const envoy = await client(t, [
    rules('redirect', [
      { match: [{ uri: { prefix: '/all' } }], redirect: { uri: '/new', authority: 'other.example', scheme: 'https', redirectCode: 308 } },
      { match: [{ uri: { prefix: '/port' } }], redirect: { port: 8443 } },
      { redirect: { authority: 'b.example' } },
    ]),
    rules('answer', [
      { match: [{ uri: { exact: '/bytes' } }], directResponse: { status: 418, body: { bytes: Buffer.from('tea').toString('base64') } } },
      { directResponse: { status: 204 }, headers: { response: { set: { 'x-by': 'us' } } } },
    ]),
    rules('rewrite', [
      { match: [{ uri: { prefix: '/old/' } }], rewrite: { uri: '/new/', authority: 'inner' }, route: [to('v1')] },
      {
        match: [{ uri: { prefix: '/re/' } }],
        rewrite: { uriRegexRewrite: { match: '^/re/([^/]+)/(.*)$', rewrite: '/\\2/of/\\1' } },
        route: [to('v1')],
      },
      { route: [to('v1')] },
    ]),
    rules('headers', [
      {
        headers: { request: { set: { 'x-set': 'route' }, remove: ['x-gone'] }, response: { add: { 'x-route': '1' } } },
        route: [to('v1', { headers: { request: { add: { 'x-more': '100%%' } }, response: { set: { 'x-destination': '2' } } } })],
      },
    ]),
    rules('cors', [
      {
        corsPolicy: {
          allowOrigins: [{ exact: 'https://a.example' }, { regex: 'https://[a-z]+\\.b\\.example' }],
          allowMethods: ['PUT'],
          allowHeaders: ['x-a'],
          exposeHeaders: ['x-b'],
          maxAge: '1h',
          allowCredentials: true,
        },
        route: [to('v1')],
      },
    ]),
    rules('root', [
      { match: [{ uri: { prefix: '/part' } }], delegate: { name: 'part', namespace: 'team' } },
      { match: [{ uri: { prefix: '/lost' } }], delegate: { name: 'nobody' } },
      says('root'),
    ]),
    istio('VirtualService', 'part', { http: [{ match: [{ uri: { prefix: '/part/one' } }], ...says('one') }, says('part')] }, 'team'),
  ]);
  const at = (name: string, more: Ask = {}): Promise<Answered> => ask(envoy.port(80), `${name}.example`, more);
  const location = async (path: string): Promise<unknown[]> => {
    const { status, headers } = await at('redirect', { path });
    return [status, headers['location']];
  };
  assert.deepEqual(await location('/all/x?q'), [308, 'https://other.example/new?q']);
  assert.deepEqual(await location('/port/x?q'), [301, 'http://redirect.example:8443/port/x?q']);
  assert.deepEqual(await location('/x?q'), [301, 'http://b.example/x?q']);

  const [bytes, empty] = [await at('answer', { path: '/bytes' }), await at('answer')];
  assert.deepEqual([bytes.status, bytes.body, empty.status, empty.headers['x-by']], [418, 'tea', 204, 'us']);

  const rewritten = async (path: string): Promise<unknown[]> => {
    const { url, headers } = told(await at('rewrite', { path }));
    return [url, headers['host'], headers['x-envoy-original-path']];
  };
  assert.deepEqual(await rewritten('/old/a?b'), ['/new/a?b', 'inner', '/old/a?b']);
  assert.deepEqual(await rewritten('/re/a/b/c?d'), ['/b/c/of/a?d', 'rewrite.example', '/re/a/b/c?d']);
  assert.deepEqual(await rewritten('/as/it/is'), ['/as/it/is', 'rewrite.example', undefined]);

  const changed = await at('headers', { headers: { 'x-set': 'client', 'x-gone': '1', 'x-more': '99' } });
  const { headers: sent } = told(changed);
  assert.deepEqual([sent['x-set'], sent['x-gone'], sent['x-more']], ['route', undefined, '99, 100%']);
  assert.deepEqual([changed.headers['x-route'], changed.headers['x-destination']], ['1', '2']);

  const preflight = async (origin: string): Promise<Answered['headers']> =>
    (await at('cors', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } })).headers;
  const allowed = await preflight('https://a.example');
  const shown = ['allow-origin', 'allow-methods', 'allow-headers', 'max-age', 'allow-credentials'].map(
    (h) => allowed[`access-control-${h}`],
  );
  assert.deepEqual(shown, ['https://a.example', 'PUT', 'x-a', '3600', 'true']);
  assert.equal((await preflight('https://x.b.example'))['access-control-allow-origin'], 'https://x.b.example');
  assert.equal((await preflight('https://evil.example'))['access-control-allow-origin'], undefined);
  const plain = await at('cors', { headers: { origin: 'https://a.example' } });
  assert.deepEqual(
    [plain.headers['access-control-allow-origin'], plain.headers['access-control-expose-headers']],
    ['https://a.example', 'x-b'],
  );

  const answers = [];
  for (const path of ['/part/one/x', '/part/two', '/other', '/lost']) answers.push((await at('root', { path })).body);
  assert.deepEqual(answers, ['one', 'part', 'root', 'root']);
});

test('where requests go: weights, mirrors, several objects, visibility', { timeout: 60_000 }, async (t) => {
  const mirrored: string[] = [];
  const shadow = await serve(t, (req, res) => {
    mirrored.push(`${req.headers.host} ${req.url}`);
    res.end();
  });
  const envoy = await client(t, [
    ...versioned('shadow', { versions: { v1: shadow } }),
    rules('weights', [{ route: [to('v1', { weight: 20 }), to('v2', { weight: 80 })] }]),
    rules('none', [{ route: [to('v1', { weight: 0 }), to('v2', { weight: 100 })] }]),
    rules('mirror', [
      { match: [{ uri: { prefix: '/never' } }], route: [to('v1')], mirror: { host: 'shadow' }, mirrorPercentage: { value: 0 } },
      { route: [to('v1')], mirrors: [{ destination: { host: 'shadow' }, percentage: { value: 100 } }] },
    ]),
    istio('VirtualService', 'older', { hosts: ['twice.example'], http: [says('older')] }, 'default', 1),
    istio('VirtualService', 'a-younger', { hosts: ['twice.example'], http: [says('younger')] }, 'default', 2),
    istio('VirtualService', 'private', { hosts: ['private.example'], exportTo: ['.'], http: [says('private')] }, 'other'),
    istio('VirtualService', 'shared', { hosts: ['shared.example'], exportTo: ['default'], http: [says('shared')] }, 'other'),
    istio('VirtualService', 'wide', { hosts: ['*.wide.example'], http: [says('wide')] }),
    istio('VirtualService', 'narrow', { hosts: ['a.wide.example'], http: [says('narrow')] }, 'default', 3),
    istio('VirtualService', 'app', { hosts: ['app'], http: [{ match: [{ port: 81 }], route: [to('v2')] }, { route: [to('v1')] }] }),
  ]);
  const at = (host: string, more: Ask = {}, port = 80): Promise<Answered> => ask(envoy.port(port), host, more);
  const n = 300;
  let second = 0;
  for (let i = 0; i < n; i++) if (told(await at('weights.example')).name === 'v2') second++;
  assert.ok(Math.abs(second - 0.8 * n) <= 4 * Math.sqrt(n * 0.8 * 0.2), `${second} of ${n} went to v2, of which 80 % were asked for`);
  for (let i = 0; i < 10; i++) assert.equal(told(await at('none.example')).name, 'v2');

  for (let i = 0; i < 5; i++)
    for (const path of ['/never', `/always/${i}`]) assert.equal(told(await at('mirror.example', { path })).name, 'v1');
  for (let i = 0; i < 100 && mirrored.length < 5; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    mirrored.toSorted(),
    Array.from({ length: 5 }, (_, i) => `mirror.example-shadow /always/${i}`),
  );

  assert.equal((await at('twice.example')).body, 'older');
  assert.notEqual((await at('private.example')).body, 'private');
  assert.equal((await at('shared.example')).body, 'shared');
  assert.deepEqual([(await at('a.wide.example')).body, (await at('b.wide.example')).body], ['narrow', 'wide']);
  for (const host of ['app', 'app.default', 'app.default.svc.cluster.local', '10.96.1.1', 'app:80'])
    assert.equal(told(await at(host)).name, 'v1', host);
  assert.equal(told(await at('app', {}, 81)).name, 'v2');
});

test('when things go wrong: timeouts, retries, faults', { timeout: 60_000 }, async (t) => {
  const seen: Record<string, number> = {};
  const flaky = await serve(t, (req, res) => {
    const path = req.url ?? '';
    const attempt = (seen[path] = (seen[path] ?? 0) + 1);
    if (path.startsWith('/silent')) return;
    res.statusCode = attempt < 3 ? Number(path.split('/')[1]) : 200;
    res.end(String(attempt));
  });
  const flakyTo = { route: [{ destination: { host: 'flaky' } }] };
  const envoy = await client(t, [
    ...versioned('flaky', { versions: { v1: flaky } }),
    rules('plain', [flakyTo]),
    rules('timeout', [{ ...flakyTo, timeout: '0.2s' }]),
    rules('retried', [{ ...flakyTo, retries: { attempts: 3, retryOn: '5xx', backoff: '1ms' } }]),
    rules('codes', [{ ...flakyTo, retries: { attempts: 3, retryOn: '429', backoff: '1ms' } }]),
    rules('few', [{ ...flakyTo, retries: { attempts: 1, retryOn: '5xx', backoff: '1ms' } }]),
    rules('never', [{ ...flakyTo, retries: { attempts: 0 } }]),
    rules('tries', [
      { ...flakyTo, timeout: '5s', retries: { attempts: 2, perTryTimeout: '0.1s', retryOn: 'gateway-error', backoff: '1ms' } },
    ]),
    rules('abort', [
      { match: [{ uri: { exact: '/never' } }], fault: { abort: { httpStatus: 418, percentage: { value: 0 } } }, ...says('fine') },
      {
        match: [{ uri: { exact: '/grpc' } }],
        fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 100 } } },
        route: [to('v1')],
      },
      { fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [to('v1')] },
    ]),
    rules('delay', [{ fault: { delay: { fixedDelay: '0.3s', percentage: { value: 100 } } }, route: [to('v1')] }]),
  ]);
  const at = async (host: string, path = '/', headers: Record<string, string> = {}): Promise<Answered> =>
    ask(envoy.port(80), `${host}.example`, { path, headers });
  const outcomes: [host: string, path: string, status: number, attempts: number][] = [
    ['plain', '/500/plain', 500, 1],
    // What nobody asks for is retried when the service says that it cannot, not when it fails.
    ['timeout', '/silent/timeout', 504, 1],
    ['retried', '/500/retried', 200, 3],
    ['retried', '/404/retried', 404, 1],
    ['codes', '/429/codes', 200, 3],
    ['few', '/500/few', 500, 2],
    ['never', '/503/never', 503, 1],
    ['tries', '/silent/tries', 504, 3],
  ];
  for (const [host, path, status, attempts] of outcomes)
    assert.deepEqual([(await at(host, path)).status, seen[path]], [status, attempts], `${host} ${path}`);
  assert.deepEqual([(await at('abort')).status, (await at('abort', '/never')).body], [418, 'fine']);
  assert.equal((await at('abort', '/grpc', { 'content-type': 'application/grpc' })).headers['grpc-status'], '14');
  const before = performance.now();
  assert.equal((await at('delay')).status, 200);
  assert.ok(performance.now() - before >= 290, 'the answer was held back');
});

test('WebSocket: a connection is upgraded and carries bytes both ways', { timeout: 60_000 }, async (t) => {
  const port = await serve(t, repeater());
  const envoy = await client(t, [
    ...versioned('ws', { versions: { v1: port } }),
    rules('socket', [{ route: [{ destination: { host: 'ws' } }] }]),
  ]);
  for (const host of ['ws', 'socket.example']) assert.equal(await overWebSocket(envoy.port(80), host, 'hello'), 'you said hello', host);
});
