/** Who may ask what: policies at the ingress gateway, seen in what requests are answered by the real Envoy. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { KubeObject } from '../../src/api/index.ts';
import { decode, encode } from '../../src/envoy/encode.ts';
import type { Json } from '../../src/envoy/index.ts';
import { ask, echo, envoyOf, gatewayObjects, objectsOf, serve, serviceAt, type EnvoyOf } from './envoy-of.edge.ts';
import { grpcServer } from './grpc.edge.ts';

const GATEWAY = 'istio-system/istio-ingressgateway-0';
const HOST = 'app.example.com';
const routes = objectsOf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: app, namespace: default }
spec: { hosts: ['*'], gateways: [web], http: [{ route: [{ destination: { host: app } }] }] }
`);
const meshConfig = (mesh: object): KubeObject =>
  Object({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify(mesh) },
  }) as KubeObject;

let made = 0;
function policy(spec: object, annotations: object = {}, kind = 'AuthorizationPolicy'): KubeObject {
  const metadata = { name: `p${made++}`, namespace: 'istio-system', annotations };
  return Object({ apiVersion: 'security.istio.io/v1', kind, metadata, spec }) as KubeObject;
}

async function gateway(t: TestContext, objects: readonly KubeObject[], keys = {}): Promise<EnvoyOf> {
  const app = await serve(t, echo('app'));
  return envoyOf(t, { objects: [...gatewayObjects(), ...serviceAt('app', app), ...routes, ...objects], pod: GATEWAY, keys });
}

const statusOf = async (envoy: EnvoyOf, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> =>
  (await ask(envoy.port(8080), HOST, { path, headers, method })).status;

test('CUSTOM over HTTP: asked about what matches alone, with what it is to see; its answer decides', { timeout: 60_000 }, async (t) => {
  const asked: { url: string; headers: Record<string, string> }[] = [];
  const authorizer = await serve(t, (req, res) => {
    asked.push({ url: req.url ?? '', headers: req.headers as Record<string, string> });
    const good = req.headers['authorization'] === 'let me in';
    res.writeHead(good ? 200 : 401, { 'x-user': 'carol', 'x-secret': 'no', 'www-authenticate': 'Custom' });
    res.end(good ? '' : 'not you');
  });
  const envoy = await gateway(t, [
    ...serviceAt('authz', authorizer, { number: 8000 }),
    meshConfig({
      extensionProviders: [
        {
          name: 'authz',
          envoyExtAuthzHttp: {
            service: 'authz.default.svc.cluster.local',
            port: 8000,
            pathPrefix: '/check',
            includeRequestHeadersInCheck: ['authorization'],
            includeAdditionalHeadersInCheck: { 'x-from': 'mesh' },
            headersToUpstreamOnAllow: ['x-user'],
            headersToDownstreamOnDeny: ['www-*'],
          },
        },
      ],
    }),
    policy({ action: 'CUSTOM', provider: { name: 'authz' }, rules: [{ to: [{ operation: { paths: ['/private/*'] } }] }] }),
    policy({ action: 'DENY', rules: [{ to: [{ operation: { paths: ['/private/never'] } }] }] }),
  ]);
  assert.equal(await statusOf(envoy, '/open'), 200);
  assert.equal(asked.length, 0, 'nobody is asked about what no rule matches');
  const allowed = await ask(envoy.port(8080), HOST, { path: '/private/a', headers: { authorization: 'let me in', 'x-other': '1' } });
  const seen = (JSON.parse(allowed.body) as { headers: Record<string, string> }).headers;
  assert.deepEqual([allowed.status, seen['x-user'], seen['x-secret']], [200, 'carol', undefined]);
  const [first] = asked;
  assert.deepEqual(
    [first?.url, first?.headers['authorization'], first?.headers['x-from'], first?.headers['x-other']],
    ['/check/private/a', 'let me in', 'mesh', undefined],
  );
  const denied = await ask(envoy.port(8080), HOST, { path: '/private/a' });
  assert.deepEqual(
    [denied.status, denied.body, denied.headers['www-authenticate'], denied.headers['x-secret']],
    [401, 'not you', 'Custom', undefined],
  );
  assert.equal(await statusOf(envoy, '/private/never', { authorization: 'let me in' }), 403, 'a refusal stands beside its yes');
});

test('an authorizer that cannot be asked: refused with its status, or let pass', { timeout: 60_000 }, async (t) => {
  const gone = await serve(t, createNothing());
  const provider = (name: string, more: object): object => ({
    name,
    envoyExtAuthzHttp: { service: 'authz.default.svc.cluster.local', port: 8000, timeout: '0.5s', ...more },
  });
  for (const [more, status] of [
    [{}, 403],
    [{ statusOnError: '503' }, 503],
    [{ failOpen: true }, 200],
  ] as const) {
    const envoy = await gateway(t, [
      ...serviceAt('authz', gone, { number: 8000 }),
      meshConfig({ extensionProviders: [provider('authz', more)] }),
      policy({ action: 'CUSTOM', provider: { name: 'authz' }, rules: [{}] }),
    ]);
    assert.equal(await statusOf(envoy, '/'), status, JSON.stringify(more));
  }
  const unknown = await gateway(t, [
    policy({ action: 'CUSTOM', provider: { name: 'nobody' }, rules: [{ to: [{ operation: { paths: ['/x'] } }] }] }),
  ]);
  assert.deepEqual([await statusOf(unknown, '/x'), await statusOf(unknown, '/y')], [403, 200]);
  assert.match(unknown.problems.join(), /no authorizer nobody/);
});

test('CUSTOM over gRPC: the request as attributes, the answer with a status of its own', { timeout: 60_000 }, async (t) => {
  const seen: string[] = [];
  const port = await authorizer(t, (path) => {
    seen.push(path);
    return path === '/yes' ? { status: { code: 0 } } : { status: { code: 7 }, denied_response: { status: { code: 402 }, body: 'pay' } };
  });
  const envoy = await gateway(t, [
    ...serviceAt('authz', port, { number: 9000, appProtocol: 'grpc' }),
    meshConfig({
      extensionProviders: [{ name: 'authz', envoyExtAuthzGrpc: { service: 'authz.default.svc.cluster.local', port: 9000 } }],
    }),
    policy({ action: 'CUSTOM', provider: { name: 'authz' }, rules: [{ to: [{ operation: { notPaths: ['/free'] } }] }] }),
  ]);
  const answers = [await statusOf(envoy, '/yes'), await statusOf(envoy, '/no'), await statusOf(envoy, '/free')];
  assert.deepEqual(
    [answers, seen],
    [
      [200, 402, 200],
      ['/yes', '/no'],
    ],
  );
});

test('AUDIT counts and lets pass; a dry run counts what it would do', { timeout: 60_000 }, async (t) => {
  const envoy = await gateway(t, [
    policy({ action: 'AUDIT', rules: [{ to: [{ operation: { methods: ['DELETE'] } }] }] }),
    policy({ action: 'DENY', rules: [{ to: [{ operation: { paths: ['/dry'] } }] }] }, { 'istio.io/dry-run': 'true' }),
  ]);
  for (const [path, method] of [
    ['/a', 'DELETE'],
    ['/b', 'GET'],
    ['/dry', 'GET'],
  ] as const)
    assert.equal(await statusOf(envoy, path, {}, method), 200, path);
  const stats = await envoy.admin('/stats?filter=rbac');
  assert.match(stats, /istio_dry_run_deny_\.shadow_denied: 1\n/);
  assert.match(stats, /istio_audit_\.shadow_allowed: 1\n/);
});

interface Issuer {
  readonly key: CryptoKey;
  readonly jwk: JWK;
}
async function issuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), alg: 'ES256' } };
}
const token = ({ key }: Issuer, claims: Record<string, unknown>, by = 'https://issuer.example'): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).setIssuer(by).setExpirationTime('1h').sign(key);

test('keys by URL: good tokens pass, forged ones do not, and without keys none of that issuer', { timeout: 60_000 }, async (t) => {
  const [real, other] = [await issuer(), await issuer()];
  const keys = { 'http://keys/a': { keys: JSON.stringify({ keys: [real.jwk] }) }, 'http://keys/b': { error: 'connection refused' } };
  const rules = [
    { issuer: 'https://issuer.example', jwksUri: 'http://keys/a' },
    { issuer: 'https://lost.example', jwksUri: 'http://keys/b' },
  ];
  const envoy = await gateway(t, [policy({ jwtRules: rules }, {}, 'RequestAuthentication')], keys);
  const with_ = async (jwt: Promise<string>): Promise<number> => statusOf(envoy, '/', { authorization: `Bearer ${await jwt}` });
  assert.equal(await statusOf(envoy, '/'), 200, 'no token, none asked for');
  assert.equal(await with_(token(real, {})), 200);
  assert.equal(await with_(token(other, {})), 401);
  assert.equal(await with_(token(real, {}, 'https://lost.example')), 401);
  assert.equal(await with_(token(real, {}, 'https://stranger.example')), 401);
  assert.match(envoy.problems.join(), /keys cannot be fetched from http:\/\/keys\/b \(connection refused\)/);
});

test('conditions: headers, addresses, tokens and where the request goes', { timeout: 60_000 }, async (t) => {
  const real = await issuer();
  const keys = { 'http://keys/a': { keys: JSON.stringify({ keys: [real.jwk] }) } };
  const when = (key: string, values: string[], path: string): object => ({
    to: [{ operation: { paths: [path] } }],
    when: [{ key, values }],
  });
  const envoy = await gateway(
    t,
    [
      policy({ jwtRules: [{ issuer: 'https://issuer.example', jwksUri: 'http://keys/a' }] }, {}, 'RequestAuthentication'),
      policy({
        rules: [
          when('request.headers[x-team]', ['blue', 'gre*'], '/header'),
          when('source.ip', ['127.0.0.0/8'], '/ip'),
          when('remote.ip', ['127.0.0.1'], '/remote'),
          when('source.ip', ['10.0.0.0/8'], '/far'),
          when('destination.ip', ['127.0.0.1'], '/destination'),
          when('request.auth.claims[groups]', ['admin'], '/claim'),
          when('request.auth.claims[realm][role]', ['owner'], '/nested'),
          when('request.auth.audiences', ['shop'], '/audience'),
          when('request.auth.presenter', ['web'], '/presenter'),
          when('request.auth.principal', ['https://issuer.example/carol'], '/principal'),
          when('source.principal', ['*'], '/mtls'),
          when('source.namespace', ['default'], '/namespace'),
          when('source.serviceAccount', ['default/web'], '/account'),
          when('connection.sni', ['app.example.com'], '/sni'),
          when('something.else', ['x'], '/unknown'),
          { to: [{ operation: { paths: ['/users/{*}/posts/{**}'] } }] },
        ],
      }),
    ],
    keys,
  );
  const claims = { sub: 'carol', aud: 'shop', azp: 'web', groups: ['dev', 'admin'], realm: { role: 'owner' } };
  const bearer = { authorization: `Bearer ${await token(real, claims)}` };
  const cases: [path: string, headers: Record<string, string>, status: number][] = [
    ['/header', { 'x-team': 'blue' }, 200],
    ['/header', { 'x-team': 'green' }, 200],
    ['/header', { 'x-team': 'red' }, 403],
    ['/header', {}, 403],
    ['/ip', {}, 200],
    ['/remote', {}, 200],
    ['/far', {}, 403],
    ['/far', { 'x-forwarded-for': '10.0.0.1' }, 403],
    ['/destination', {}, 200],
    ...['/claim', '/nested', '/audience', '/presenter', '/principal'].flatMap((path): [string, Record<string, string>, number][] => [
      [path, bearer, 200],
      [path, {}, 403],
    ]),
    ...['/mtls', '/namespace', '/account', '/sni', '/unknown', '/nothing'].map((p): [string, Record<string, string>, number] => [
      p,
      bearer,
      403,
    ]),
    ['/users/7/posts/2026/a', {}, 200],
    ['/users/7/8/posts/a', {}, 403],
  ];
  for (const [path, headers, status] of cases)
    assert.equal(await statusOf(envoy, path, headers), status, `${path} ${JSON.stringify(headers)}`);
});

test('targetRefs: policies and tokens of one Gateway leave the others on its port alone', { timeout: 60_000 }, async (t) => {
  const real = await issuer();
  const gatewayApi = (kind: string, name: string, spec: object): KubeObject =>
    Object({ apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name, namespace: 'default' }, spec });
  const door = (name: string): KubeObject[] => [
    gatewayApi('Gateway', name, {
      gatewayClassName: 'istio',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', hostname: `${name}.example` }],
    }),
    gatewayApi('HTTPRoute', name, { parentRefs: [{ name }], rules: [{ backendRefs: [{ name: 'app', port: 80 }] }] }),
  ];
  const attached = (to: string, spec: object, kind = 'AuthorizationPolicy'): KubeObject => {
    const object = policy({ targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: to }], ...spec }, {}, kind);
    return { ...object, metadata: { ...object.metadata!, namespace: 'default' } };
  };
  const envoy = await gateway(t, [
    gatewayApi('GatewayClass', 'istio', { controllerName: 'istio.io/gateway-controller' }),
    ...['open', 'tokens', 'denied', 'allowed', 'asked'].flatMap(door),
    attached(
      'tokens',
      { jwtRules: [{ issuer: 'https://issuer.example', jwks: JSON.stringify({ keys: [real.jwk] }) }] },
      'RequestAuthentication',
    ),
    attached('tokens', { rules: [{ from: [{ source: { requestPrincipals: ['https://issuer.example/carol'] } }] }] }),
    attached('denied', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] }),
    attached('allowed', { rules: [{ to: [{ operation: { paths: ['/open'] } }] }] }),
    attached('asked', { action: 'CUSTOM', provider: { name: 'nobody' }, rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] }),
  ]);
  const bearer = async (claims: Record<string, unknown>): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await token(real, claims)}`,
  });
  const [carol, dave, forged] = [await bearer({ sub: 'carol' }), await bearer({ sub: 'dave' }), { authorization: 'Bearer nonsense' }];
  const cases: [host: string, path: string, headers: Record<string, string>, status: number][] = [
    ['open', '/admin', {}, 200],
    ['open', '/', forged, 200],
    ['tokens', '/', carol, 200],
    ['tokens', '/', dave, 403],
    ['tokens', '/', forged, 401],
    ['tokens', '/', {}, 403],
    ['denied', '/admin', {}, 403],
    ['denied', '/open', {}, 200],
    ['allowed', '/admin', {}, 403],
    ['allowed', '/open', {}, 200],
    ['asked', '/admin', {}, 403],
    ['asked', '/open', {}, 200],
  ];
  for (const [host, path, headers, status] of cases)
    assert.equal(
      (await ask(envoy.port(8080), `${host}.example`, { path, headers })).status,
      status,
      `${host}${path} ${JSON.stringify(headers)}`,
    );
});

/** A server that ends each connection at once. */
function createNothing(): Parameters<typeof serve>[1] {
  const server = createServer((socket) => socket.destroy());
  return Object.assign(server, { closeAllConnections: () => undefined }) as unknown as Parameters<typeof serve>[1];
}

/** An authorizer that speaks gRPC; `decide` is given the path that is asked about. */
function authorizer(t: TestContext, decide: (path: string) => object): Promise<number> {
  const answer = (asked: Buffer): Buffer => {
    const { attributes } = decode('envoy.service.auth.v3.CheckRequest', asked) as { attributes: { request: { http: { path: string } } } };
    return Buffer.from(encode('envoy.service.auth.v3.CheckResponse', decide(attributes.request.http.path) as Json));
  };
  return grpcServer(t, { unary: { '/envoy.service.auth.v3.Authorization/Check': answer } });
}
