import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalJWKSet, decodeJwt, jwtVerify, SignJWT } from 'jose';
import { Nodes, Pods, Secrets, ServiceAccounts } from '../../api/index.ts';
import { refused } from '../testing.ts';
import { ISSUER } from './account-tokens.ts';
import { ADMIN } from './identity.ts';
import { authWorld, type AuthWorld } from './testing.ts';

const ROBOT = { namespace: 'default', name: 'robot' };
const REVIEWS = { group: 'authentication.k8s.io', plural: 'tokenreviews' };

const request = async (world: AuthWorld, spec: object): Promise<string> =>
  (await world.post(ADMIN, ServiceAccounts, ROBOT, { spec }, 'token')).status.token;
const review = async (world: AuthWorld, spec: object): Promise<any> => (await world.post(ADMIN, REVIEWS, {}, { spec })).status;

async function withPod(): Promise<AuthWorld & { podUid: string }> {
  const world = await authWorld();
  await world.client.create(Nodes, { metadata: { name: 'sluice' } });
  const pod = await world.client.create(Pods, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { serviceAccountName: 'robot', nodeName: 'sluice', containers: [{ name: 'c', image: 'i' }] },
  });
  return { ...world, podUid: pod.metadata!.uid! };
}

test('a token says who holds it, in the claims that clients read', async () => {
  const world = await withPod();
  const ref = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: world.podUid };
  const made = await world.post(ADMIN, ServiceAccounts, ROBOT, { spec: { expirationSeconds: 600, boundObjectRef: ref } }, 'token');
  assert.deepEqual(
    [made.kind, made.metadata.name, made.spec.audiences, made.status.expirationTimestamp],
    ['TokenRequest', 'robot', [ISSUER], '2026-01-01T00:10:00Z'],
  );
  const account = await world.client.get(ServiceAccounts, ROBOT);
  const node = await world.client.get(Nodes, { name: 'sluice' });
  const { jti, ...claims } = decodeJwt(made.status.token);
  const now = world.clock.now() / 1000;
  assert.match(jti!, /^[0-9a-f-]{36}$/);
  assert.deepEqual(claims, {
    aud: [ISSUER],
    exp: now + 600,
    iat: now,
    nbf: now,
    iss: ISSUER,
    sub: 'system:serviceaccount:default:robot',
    'kubernetes.io': {
      namespace: 'default',
      serviceaccount: { name: 'robot', uid: account!.metadata!.uid },
      pod: { name: 'web', uid: world.podUid },
      node: { name: 'sluice', uid: node!.metadata!.uid },
    },
  });
  const keys = createLocalJWKSet(structuredClone(world.auth.keySet) as never);
  await jwtVerify(made.status.token, keys, { issuer: ISSUER, audience: ISSUER, currentDate: new Date(world.clock.now()) });
  assert.ok(!('d' in world.auth.keySet.keys[0]!), 'the key set holds no secret');

  const user = await world.auth.authenticator.authenticate(made.status.token);
  assert.deepEqual(user, {
    name: 'system:serviceaccount:default:robot',
    uid: account!.metadata!.uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    extra: {
      'authentication.kubernetes.io/credential-id': [`JTI=${jti}`],
      'authentication.kubernetes.io/node-name': ['sluice'],
      'authentication.kubernetes.io/node-uid': [node!.metadata!.uid],
      'authentication.kubernetes.io/pod-name': ['web'],
      'authentication.kubernetes.io/pod-uid': [world.podUid],
    },
  });
});

test('a token is good as long as what it stands on', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', name: 'web' };
  const again = async ({ client }: AuthWorld): Promise<void> => {
    await client.delete(ServiceAccounts, ROBOT);
    await client.create(ServiceAccounts, { metadata: ROBOT });
  };
  const cases: readonly (readonly [string, object, (world: AuthWorld) => unknown])[] = [
    ['its account is gone', {}, ({ client }) => client.delete(ServiceAccounts, ROBOT)],
    ['its account is another one of that name', {}, again],
    [
      'its pod is gone',
      { boundObjectRef: pod },
      ({ client }) => client.delete(Pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 }),
    ],
    ['its time is over', { expirationSeconds: 600 }, ({ clock }) => clock.advance(600_000)],
  ];
  for (const [what, spec, happen] of cases) {
    const world = await withPod();
    const token = await request(world, spec);
    const whose = async (): Promise<string | undefined> => (await world.auth.authenticator.authenticate(token))?.name;
    assert.equal(await whose(), 'system:serviceaccount:default:robot', what);
    await happen(world);
    assert.equal(await whose(), undefined, what);
  }
});

test('a token of somebody else is nobody’s here', async () => {
  const world = await authWorld();
  const claims = decodeJwt(await request(world, {}));
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('k'.repeat(32)));
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
  for (const token of [forged, unsigned, 'a.b.c', '', 'x'.repeat(100_000)]) {
    assert.equal(await world.auth.authenticator.authenticate(token), undefined);
  }
});

test('what cannot be asked for is said', async () => {
  const world = await withPod();
  await world.client.create(Pods, { metadata: { name: 'other', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  const ref = (more: object): object => ({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', ...more } });
  for (const [spec, reason, message] of [
    [{ expirationSeconds: 599 }, 'Invalid', /expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/],
    [{ expirationSeconds: 2 ** 33 }, 'Invalid', /may not specify a duration larger than 2\^32 seconds/],
    [ref({ name: 'gone' }), 'NotFound', /pods "gone" not found/],
    [ref({ uid: 'other' }), 'Conflict', /the UID in the bound object reference \(other\) does not match/],
    [
      ref({ name: 'other' }),
      'BadRequest',
      /cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name/,
    ],
    [ref({ kind: 'ConfigMap' }), 'BadRequest', /cannot bind token to object of type \/v1, Kind=ConfigMap/],
  ] as const) {
    await assert.rejects(request(world, spec), refused(reason, message));
  }
  await assert.rejects(world.post(ADMIN, ServiceAccounts, { ...ROBOT, name: 'gone' }, { spec: {} }, 'token'), refused('NotFound'));
  const other = { metadata: { name: 'other' }, spec: {} };
  await assert.rejects(
    world.post(ADMIN, ServiceAccounts, ROBOT, other, 'token'),
    refused('Invalid', /metadata.name: Invalid value: "other": must match the service account name/),
  );
});

test('a review tells whose a token is, and for whom it is', async () => {
  const world = await authWorld();
  const ours = await request(world, {});
  const vault = await request(world, { audiences: ['vault', 'bank'] });
  const { authenticated, user, audiences } = await review(world, { token: ours });
  assert.deepEqual([authenticated, user.username, audiences], [true, 'system:serviceaccount:default:robot', [ISSUER]]);
  assert.deepEqual((await review(world, { token: vault, audiences: ['vault', 'other'] })).audiences, ['vault']);
  assert.deepEqual((await review(world, { token: vault })).error, 'invalid bearer token');
  await assert.rejects(world.post(ADMIN, REVIEWS, {}, {}), refused('BadRequest', /token is required for TokenReview/));
  assert.equal(await world.auth.authenticator.authenticate(vault), undefined);
  assert.equal((await review(world, { token: 'secret' })).user.username, ADMIN.name);
  assert.deepEqual(await review(world, { token: 'other' }), { user: {}, error: 'invalid bearer token' });
});

test('reviews are answered and not kept', async () => {
  const world = await authWorld();
  const before = world.store.revision;
  await review(world, { token: 'x' });
  assert.equal(world.store.revision, before);
  const served = world.registry.catalog.find(REVIEWS.group, 'v1', REVIEWS.plural)!;
  assert.deepEqual((await world.registry.list({ served, user: ADMIN }, {})).items, []);
});

test('a Secret keeps a token until it is changed', async () => {
  const world = await authWorld();
  const account = (await world.client.get(ServiceAccounts, ROBOT))!;
  const secret = {
    metadata: { name: 'old', namespace: 'default', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
  };
  const token = await world.auth.accountTokens.forSecret(secret, account);
  assert.equal(await world.auth.authenticator.authenticate(token), undefined);
  await world.client.create(Secrets, { ...secret, data: { token: Buffer.from(token).toString('base64') } });
  await world.clock.advance(3_600_000_000);
  const user = await world.auth.authenticator.authenticate(token);
  assert.deepEqual([user?.name, user?.uid], ['system:serviceaccount:default:robot', account.metadata?.uid]);
  await world.client.delete(Secrets, { namespace: 'default', name: 'old' });
  assert.equal(await world.auth.authenticator.authenticate(token), undefined);
});
