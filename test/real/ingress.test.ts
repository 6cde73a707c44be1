/** Annotations of Ingress objects, seen in what requests are answered by the real Envoy. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { test, type TestContext } from 'node:test';
import type { Server } from 'node:http';
import type { KubeObject } from '../../src/api/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { ask, echo, envoyOf, gatewayObjects, serve, serviceAt, type Answered, type Ask } from './envoy-of.edge.ts';

const NGINX = 'nginx.ingress.kubernetes.io/';

const objectOf = (o: object): KubeObject => o;

function ingress(name: string, to: string, annotations: Record<string, string>, path = '/', host = `${name}.example.com`): KubeObject {
  return objectOf({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      namespace: 'default',
      creationTimestamp: annotations['canary'] ? '2026-01-04T00:00:00Z' : '2026-01-03T00:00:00Z',
      annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`${NGINX}${k}`, v])),
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        { host, http: { paths: [{ path, pathType: 'ImplementationSpecific', backend: { service: { name: to, port: { number: 80 } } } }] } },
      ],
    },
  });
}

type AskHost = (name: string, more?: Ask) => Promise<Answered>;

async function run(t: TestContext, objects: readonly KubeObject[]): Promise<{ to: AskHost; problems: readonly string[] }> {
  const { port, problems } = await envoyOf(t, { objects: [...gatewayObjects(), ...objects], pod: 'istio-system/istio-ingressgateway-0' });
  return { problems, to: (name, more) => ask(port(8080), `${name}.example.com`, more) };
}

const secret = (name: string, data: Record<string, string>): KubeObject =>
  objectOf({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  });

const nameIn = ({ status, body }: Answered): string => (status === 200 ? (JSON.parse(body) as { name: string }).name : String(status));
const told = ({ body }: Answered): { url: string; headers: Record<string, string> } => JSON.parse(body);

test('backend-protocol: TLS, HTTP/2, both or neither, whatever the Service says', { timeout: 60_000 }, async (t) => {
  const { cert, key } = await selfSigned('backend');
  const http2 = createHttp2((req, res) => res.end(JSON.stringify({ name: 'h2', url: req.url })));
  const secure2 = (await import('node:http2')).createSecureServer({ cert, key }, (_req, res) => res.end('{"name":"h2s"}'));
  const ports = {
    plain: await serve(t, echo('plain')),
    tls: await serve(t, createHttps({ cert, key }, echo('tls'))),
    h2: await serve(t, asServer(http2)),
    h2s: await serve(t, asServer(secure2)),
  };
  const { to } = await run(t, [
    ...Object.entries(ports).flatMap(([name, port]) => serviceAt(name, port)),
    ...serviceAt('says-grpc', ports.plain, { appProtocol: 'grpc' }),
    ...serviceAt('says-https', ports.tls, { number: 443, appProtocol: 'https' }),
    ingress('plain', 'says-grpc', { 'backend-protocol': 'HTTP' }),
    ingress('tls', 'tls', { 'backend-protocol': 'HTTPS' }),
    ingress('h2', 'h2', { 'backend-protocol': 'GRPC' }),
    ingress('h2s', 'h2s', { 'backend-protocol': 'grpcs' }),
    ingress('none', 'tls', {}),
  ]);
  for (const name of ['plain', 'tls', 'h2', 'h2s']) assert.equal(nameIn(await to(name)), name);
  assert.notEqual((await to('none')).status, 200, 'plain text to a TLS port');
});

test('who is let in: names and passwords, addresses, and nobody where the guard cannot be asked', { timeout: 60_000 }, async (t) => {
  const port = await serve(t, echo('app'));
  const sha = (password: string): string => `{SHA}${createHash('sha1').update(password).digest('base64')}`;
  const { to, problems } = await run(t, [
    ...serviceAt('app', port),
    secret('file', { auth: `carol:${sha('sesame')}\ndave:$apr1$x$y\n` }),
    secret('map', { erin: sha('open') }),
    ingress('file', 'app', { 'auth-type': 'basic', 'auth-secret': 'file', 'auth-realm': 'Vault' }),
    ingress('map', 'app', { 'auth-type': 'basic', 'auth-secret': 'default/map', 'auth-secret-type': 'auth-map' }),
    ingress('absent', 'app', { 'auth-type': 'basic', 'auth-secret': 'absent' }),
    ingress('digest', 'app', { 'auth-type': 'digest', 'auth-secret': 'file' }),
    ingress('near', 'app', { 'whitelist-source-range': '127.0.0.0/8' }),
    ingress('far', 'app', { 'whitelist-source-range': '10.0.0.0/8, 192.168.0.1' }),
    ingress('denied', 'app', { 'denylist-source-range': '127.0.0.1' }),
    ingress('unreadable', 'app', { 'whitelist-source-range': 'the office' }),
    ingress('open', 'app', { 'server-alias': 'alias.example.com', 'x-forwarded-prefix': '/50%' }),
  ]);
  const as = (user: string, password: string): Ask => ({
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
  });
  const bare = await to('file');
  assert.deepEqual([bare.status, bare.headers['www-authenticate']], [401, 'Basic realm="Vault"']);
  const cases: [host: string, more: Ask, status: number][] = [
    ['file', as('carol', 'sesame'), 200],
    ['file', as('carol', 'wrong'), 401],
    ['file', as('dave', 'y'), 401],
    ['file', as('nobody', ''), 401],
    ['map', as('erin', 'open'), 200],
    ['map', as('carol', 'sesame'), 401],
    ['absent', as('carol', 'sesame'), 503],
    ['digest', as('carol', 'sesame'), 503],
    ['near', {}, 200],
    ['far', {}, 403],
    ['far', { headers: { 'x-forwarded-for': '10.0.0.1' } }, 403],
    ['denied', {}, 403],
    ['unreadable', {}, 403],
    ['open', {}, 200],
    ['alias', {}, 200],
  ];
  for (const [host, more, status] of cases) assert.equal((await to(host, more)).status, status, `${host} ${JSON.stringify(more)}`);
  assert.equal(told(await to('alias')).headers['x-forwarded-prefix'], '/50%');
  for (const said of [/default\/file .*auth-secret.*dave/, /default\/absent .*no users in Secret/, /default\/digest .*auth-type.*503/])
    assert.ok(
      problems.some((p) => said.test(p)),
      `${said} is not among\n${problems.join('\n')}`,
    );
});

test('canaries: weight of a total, header, its value and pattern, cookie; what decides first', { timeout: 60_000 }, async (t) => {
  const [main, canary] = [await serve(t, echo('main')), await serve(t, echo('canary'))];
  const pair = (name: string, annotations: Record<string, string>): KubeObject[] => [
    ingress(name, 'main', {}),
    ingress(`${name}-canary`, 'canary', { canary: 'true', ...annotations }, '/', `${name}.example.com`),
  ];
  const { to } = await run(t, [
    ...serviceAt('main', main),
    ...serviceAt('canary', canary),
    ...pair('weight', { 'canary-weight': '250', 'canary-weight-total': '1000' }),
    ...pair('none', { 'canary-weight': '0' }),
    ...pair('all', { 'canary-weight': '100' }),
    ...pair('header', { 'canary-by-header': 'X-Canary', 'canary-weight': '100' }),
    ...pair('value', { 'canary-by-header': 'x-team', 'canary-by-header-value': 'blue' }),
    ...pair('pattern', { 'canary-by-header': 'x-region', 'canary-by-header-pattern': '^eu-(west|north)' }),
    ...pair('cookie', { 'canary-by-cookie': 'try.it', 'canary-by-header': 'x-canary' }),
  ]);
  const cases: [host: string, headers: Record<string, string>, name: string][] = [
    ['none', {}, 'main'],
    ['all', {}, 'canary'],
    ['header', { 'x-canary': 'always' }, 'canary'],
    ['header', { 'x-canary': 'never' }, 'main'],
    ['header', { 'x-canary': 'perhaps' }, 'canary'],
    ['value', { 'x-team': 'blue' }, 'canary'],
    ['value', { 'x-team': 'always' }, 'main'],
    ['value', {}, 'main'],
    ['pattern', { 'x-region': 'eu-north-1' }, 'canary'],
    ['pattern', { 'x-region': 'us-east' }, 'main'],
    ['cookie', { cookie: 'a=b; try.it=always' }, 'canary'],
    ['cookie', { cookie: 'tryXit=always' }, 'main'],
    ['cookie', { cookie: 'try.it=always', 'x-canary': 'never' }, 'main'],
  ];
  for (const [host, headers, name] of cases) assert.equal(nameIn(await to(host, { headers })), name, `${host} ${JSON.stringify(headers)}`);
  const n = 600;
  let second = 0;
  for (let i = 0; i < n; i++) if (nameIn(await to('weight')) === 'canary') second++;
  assert.ok(
    Math.abs(second - n / 4) <= 4 * Math.sqrt((n * 3) / 16),
    `${second} of ${n} went to the canary, of which a quarter was asked for`,
  );
});

test('rewrites, redirects, sizes, limits, CORS, sessions', { timeout: 60_000 }, async (t) => {
  const [one, two] = [await serve(t, echo('one')), await serve(t, echo('two'))];
  const pair = serviceAt('pair', one);
  const other = { ...serviceAt('pair', two)[1]!, metadata: { ...pair[1]!.metadata, name: 'pair-b' } };
  const { to } = await run(t, [
    ...serviceAt('one', one),
    ...pair,
    other,
    ingress('rewrite', 'one', { 'rewrite-target': '/v2/$1' }, '/api/(.*)'),
    ingress('whole', 'one', { 'rewrite-target': '/same' }, '/old'),
    ingress('forced', 'one', { 'force-ssl-redirect': 'true' }),
    ingress('moved', 'one', { 'permanent-redirect': 'https://new.example.org', 'permanent-redirect-code': '308' }),
    ingress('away', 'one', { 'temporal-redirect': 'https://new.example.org$request_uri' }),
    ingress('root', 'one', { 'app-root': '/app' }),
    ingress('small', 'one', { 'proxy-body-size': '1k' }),
    ingress('limited', 'one', { 'limit-rpm': '2', 'limit-burst-multiplier': '2' }),
    ingress('vhost', 'one', { 'upstream-vhost': 'inside.example.net' }),
    ingress('cors', 'one', { 'enable-cors': 'true', 'cors-allow-origin': 'https://*.shop.example, https://one.example' }),
    ingress('sticky', 'pair', { affinity: 'cookie', 'session-cookie-name': 'stay', 'session-cookie-max-age': '60' }),
  ]);
  const location = async (host: string, path = '/'): Promise<unknown[]> => {
    const { status, headers } = await to(host, { path });
    return [status, headers['location']];
  };
  assert.equal(told(await to('rewrite', { path: '/api/a/b?c=d' })).url, '/v2/a/b?c=d');
  assert.equal(told(await to('whole', { path: '/old/x' })).url, '/same');
  assert.deepEqual(await location('forced', '/a?b'), [308, 'https://forced.example.com/a?b']);
  assert.deepEqual(await location('moved', '/a'), [308, 'https://new.example.org/']);
  assert.deepEqual(await location('away', '/a?b'), [302, 'https://new.example.org/a?b']);
  assert.deepEqual(await location('root'), [302, 'http://root.example.com/app']);
  const post = async (bytes: number): Promise<number> => (await to('small', { method: 'POST', body: 'x'.repeat(bytes) })).status;
  assert.deepEqual([await post(1024), await post(1025)], [200, 413]);
  const limited = [];
  for (let i = 0; i < 6; i++) limited.push((await to('limited')).status);
  assert.deepEqual(limited, [200, 200, 200, 200, 503, 503]);
  assert.equal(told(await to('vhost')).headers['host'], 'inside.example.net');

  const preflight = (origin: string): Promise<Answered> =>
    to('cors', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } });
  const allowed = (await preflight('https://eu.shop.example')).headers;
  assert.equal(allowed['access-control-allow-origin'], 'https://eu.shop.example');
  assert.match(String(allowed['access-control-allow-methods']), /PUT/);
  assert.equal((await preflight('https://evil.example')).headers['access-control-allow-origin'], undefined);

  const first = await to('sticky');
  const [cookie = ''] = first.headers['set-cookie'] ?? [];
  assert.match(cookie, /^stay=.*Max-Age=60/);
  for (let i = 0; i < 12; i++)
    assert.equal(nameIn(await to('sticky', { headers: { cookie: cookie.split(';')[0]! } })), nameIn(first), 'the client stays');
});

test('timeouts, TLS, guards that cannot be asked, and what else annotations say', { timeout: 60_000 }, async (t) => {
  const app = await serve(t, (req, res) => {
    if (req.url !== '/silent') echo('app')(req, res);
  });
  const tls = (object: KubeObject): KubeObject => {
    const { spec } = object as { spec: { rules: { host: string }[] } };
    return objectOf({ ...object, spec: { ...spec, tls: [{ hosts: [spec.rules[0]!.host], secretName: 'cert' }] } });
  };
  const { to, problems } = await run(t, [
    ...serviceAt('app', app),
    secret('cert', { 'tls.crt': 'cert', 'tls.key': 'key' }),
    ingress('slow', 'app', { 'proxy-read-timeout': '1' }),
    ingress('sending', 'app', { 'proxy-send-timeout': '1s' }),
    tls(ingress('secure', 'app', {})),
    tls(ingress('both', 'app', { 'ssl-redirect': 'false' })),
    ingress('asked', 'app', { 'auth-url': 'http://auth.example/check' }),
    ingress('certified', 'app', { 'auth-tls-secret': 'default/cert' }),
    ingress('near', 'app', { 'allowlist-source-range': '127.0.0.1/32' }),
    ingress('far', 'app', { 'allowlist-source-range': '10.0.0.0/8' }),
    ingress('second', 'app', { 'limit-rps': '1', 'limit-burst-multiplier': '1' }),
    ingress('code', 'app', { 'temporal-redirect': 'https://new.example.org', 'temporal-redirect-code': '307' }),
    ingress('pattern', 'app', { 'use-regex': 'true' }, '/v[0-9]+/x'),
    ingress('cors', 'app', {
      'enable-cors': 'true',
      'cors-allow-methods': 'GET, PUT',
      'cors-allow-headers': 'x-a',
      'cors-expose-headers': 'x-b',
      'cors-max-age': '60',
      'cors-allow-credentials': 'false',
    }),
    ingress('odd', 'app', { 'server-snippet': 'return 200;' }),
    objectOf({
      ...ingress('rest', 'app', {}),
      spec: { ingressClassName: 'nginx', defaultBackend: { service: { name: 'rest', port: { number: 80 } } } },
    }),
    ...serviceAt('rest', await serve(t, echo('rest'))),
  ]);
  const status = async (name: string, path = '/'): Promise<number> => (await to(name, { path })).status;
  assert.deepEqual([await status('slow', '/silent'), await status('sending', '/silent'), await status('slow')], [504, 504, 200]);
  const secure = await to('secure', { path: '/a' });
  assert.deepEqual([secure.status, secure.headers['location'], await status('both')], [308, 'https://secure.example.com/a', 200]);
  assert.deepEqual([await status('asked'), await status('certified')], [503, 503]);
  assert.deepEqual([await status('near'), await status('far')], [200, 403]);
  // Two in one second are one too many; they need not be of one second.
  let refused = 0;
  for (let i = 0; i < 20 && !refused; i++) if ((await status('second')) === 503) refused++;
  assert.equal(refused, 1);
  assert.equal(await status('code'), 307);
  assert.equal(nameIn(await to('nobody')), 'rest');
  assert.deepEqual([await status('pattern', '/v12/x'), await status('pattern', '/vx/x')], [200, 404]);
  const preflight = (
    await to('cors', { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT' } })
  ).headers;
  const shown = ['allow-origin', 'allow-methods', 'allow-headers', 'max-age', 'allow-credentials'].map(
    (h) => preflight[`access-control-${h}`],
  );
  assert.deepEqual(shown, ['https://a.example', 'GET,PUT', 'x-a', '60', undefined]);
  assert.equal((await to('cors', { headers: { origin: 'https://a.example' } })).headers['access-control-expose-headers'], 'x-b');
  for (const said of [
    /default\/asked .*auth-url.*503/,
    /default\/certified .*auth-tls-secret.*503/,
    /default\/odd .*server-snippet.*no effect/,
  ])
    assert.ok(
      problems.some((p) => said.test(p)),
      `${said} is not among\n${problems.join('\n')}`,
    );
});

/** HTTP/2 servers close as others do, but for connections, which end with the client. */
function asServer(server: { listen: unknown }): Server {
  return Object.assign(server, { closeAllConnections: () => undefined }) as unknown as Server;
}
