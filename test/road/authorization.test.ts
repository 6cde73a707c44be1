/** Who may ask what, with tokens and without: policies written as people write them, seen in what requests are answered. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { eventually, kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
let signing: CryptoKey;
let keySet: string;
const ISSUER = 'https://issuer.example';

before(async () => {
  it = await newInstance('authz');
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  signing = privateKey;
  keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256' }] });
  await it.up();
  await kubectl(it, 'label namespace default istio-injection=enabled');
  await apply(...app('alice'), ...app('bob'), ...server());
  await kubectl(it, 'wait --for=condition=Available deployment --all --timeout=60s');
  await answers('alice', '/status/200', 200);
});
after(() => it.close());

const apply = (...objects: object[]): Promise<string> => kubectl(it, 'apply -f -', objects.map((o) => JSON.stringify(o)).join('\n---\n'));

function deployment(name: string, container: object, more: object = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', ...container }], ...more },
      },
    },
  };
}

/** A client with an account of its own. */
function app(name: string): object[] {
  const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
    deployment(name, { image: 'curlimages/curl:8.16.0', command: idle }, { serviceAccountName: name }),
  ];
}

function server(): object[] {
  return [
    deployment('httpbin', {
      image: 'docker.io/mccutchen/go-httpbin:v2.15.0',
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'httpbin' },
      spec: { selector: { app: 'httpbin' }, ports: [{ name: 'http', port: 8000, targetPort: 8080 }] },
    },
  ];
}

const security = (kind: string, name: string, spec: object, annotations: object = {}): object => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name, annotations },
  spec,
});
const forHttpbin = { selector: { matchLabels: { app: 'httpbin' } } };

async function ask(client: string, path: string, args = ''): Promise<number> {
  const command = `curl -s -o /dev/null -w '%{http_code}' ${args} http://httpbin:8000${path}`;
  return Number(await kubectl(it, ['exec', `deploy/${client}`, '-c', 'app', '--', 'sh', '-c', command]));
}

async function answers(client: string, path: string, status: number, args?: string): Promise<void> {
  await eventually(`${client} ${args ?? ''} ${path}: ${status}`, 10, async () => (await ask(client, path, args)) === status);
}

const token = (claims: Record<string, unknown>, issuer = ISSUER): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'test' })
    .setIssuer(issuer)
    .setSubject('carol')
    .setExpirationTime('1h')
    .sign(signing);

test('an empty policy lets nobody in; one that names an account lets that one in, as far as it says', async () => {
  await apply(security('AuthorizationPolicy', 'nobody', {}));
  await answers('alice', '/status/200', 403);
  await apply(
    security('AuthorizationPolicy', 'alice', {
      ...forHttpbin,
      rules: [
        {
          from: [{ source: { principals: ['cluster.local/ns/default/sa/alice'] } }],
          to: [{ operation: { methods: ['GET'], paths: ['/status/*', '/headers'] } }],
        },
      ],
    }),
  );
  await answers('alice', '/status/200', 200);
  assert.equal(await ask('alice', '/headers'), 200);
  assert.equal(await ask('alice', '/ip'), 403);
  assert.equal(await ask('alice', '/status/200', '-X POST'), 403);
  assert.equal(await ask('bob', '/status/200'), 403);
});

test('a refusal goes before an allowance; in dry run it refuses nothing', async () => {
  const deny = (annotations: object): object =>
    security(
      'AuthorizationPolicy',
      'deny',
      { ...forHttpbin, action: 'DENY', rules: [{ to: [{ operation: { paths: ['/headers'] } }] }] },
      annotations,
    );
  await apply(deny({ 'istio.io/dry-run': 'true' }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await ask('alice', '/headers'), 200);
  await apply(deny({}));
  await answers('alice', '/headers', 403);
  assert.equal(await ask('alice', '/status/200'), 200);
  await kubectl(it, 'delete authorizationpolicy deny nobody alice');
  await answers('bob', '/headers', 200);
});

test('conditions: a header, and where the request comes from', async () => {
  await apply(
    security('AuthorizationPolicy', 'when', {
      ...forHttpbin,
      rules: [{ from: [{ source: { namespaces: ['default'] } }], when: [{ key: 'request.headers[x-team]', values: ['blue', 'gre*'] }] }],
    }),
  );
  await answers('bob', '/headers', 403);
  assert.equal(await ask('bob', '/headers', '-H "x-team: green"'), 200);
  assert.equal(await ask('bob', '/headers', '-H "x-team: red"'), 403);
  await kubectl(it, 'delete authorizationpolicy when');
});

test('tokens: a bad one is refused, none passes until a policy asks for one, and claims decide', async () => {
  await apply(
    security('RequestAuthentication', 'tokens', {
      ...forHttpbin,
      jwtRules: [{ issuer: ISSUER, jwks: keySet, forwardOriginalToken: true }],
    }),
  );
  const good = `-H "authorization: Bearer ${await token({ role: 'admin' })}"`;
  const plain = `-H "authorization: Bearer ${await token({ role: 'guest', aud: ['shop'] })}"`;
  const foreign = `-H "authorization: Bearer ${await token({}, 'https://other.example')}"`;
  await answers('alice', '/headers', 401, '-H "authorization: Bearer nonsense"');
  assert.equal(await ask('alice', '/headers', foreign), 401);
  assert.equal(await ask('alice', '/headers'), 200);
  assert.equal(await ask('alice', '/headers', good), 200);
  await apply(
    security('AuthorizationPolicy', 'admins', {
      ...forHttpbin,
      rules: [
        { from: [{ source: { requestPrincipals: [`${ISSUER}/carol`] } }], when: [{ key: 'request.auth.claims[role]', values: ['admin'] }] },
        {
          from: [{ source: { requestPrincipals: ['*'] } }],
          when: [{ key: 'request.auth.audiences', values: ['shop'] }],
          to: [{ operation: { paths: ['/ip'] } }],
        },
      ],
    }),
  );
  await answers('alice', '/headers', 403);
  assert.equal(await ask('alice', '/headers', good), 200);
  assert.equal(await ask('alice', '/headers', plain), 403);
  assert.equal(await ask('alice', '/ip', plain), 200);
});
