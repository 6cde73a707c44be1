import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault, VirtualClock, silentLog } from '../base/index.ts';
import { spiffeId } from './identity.ts';
import { createCa, createIdentities, createRoot, loadRoot, loadServerPki, type IssuedCertificate } from './index.ts';
import { step, type RotationState } from './rotation.ts';
import { x509 } from './x509.edge.ts';

const NOW = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;
const alice = { namespace: 'test', serviceAccount: 'alice' };

test('a workload certificate chains to the root and names the workload', async () => {
  const root = await createRoot('cluster.local', NOW);
  const ca = await createCa({ root, trustDomain: 'cluster.local', now: NOW });
  const issued = await ca.issue(alice, NOW);
  const leaf = new X509Certificate(issued.certChainPem);
  const issuer = new X509Certificate(ca.rootCertPem);
  assert.equal(leaf.subjectAltName, `URI:${spiffeId('cluster.local', alice)}`);
  assert.equal(leaf.checkIssued(issuer), true);
  assert.equal(leaf.verify(issuer.publicKey), true);
  assert.equal(leaf.checkPrivateKey(createPrivateKey(issued.keyPem)), true);
  assert.equal(leaf.ca, false);
  assert.equal(issuer.ca, true);
  assert.equal(issued.notAfter, NOW + 24 * HOUR);
  assert.equal(new Date(leaf.validTo).getTime(), issued.notAfter);
  assert.ok(issued.notBefore < NOW);
});

test('the root survives a restart, readable by its owner only', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ca-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const first = await loadRoot(join(dir, 'pki'), 'cluster.local', NOW);
  assert.deepEqual(await loadRoot(join(dir, 'pki'), 'cluster.local', NOW + 1), first);
  for (const name of ['root-cert.pem', 'root-key.pem']) assert.equal((await stat(join(dir, 'pki', name))).mode & 0o777, 0o600);

  await rm(join(dir, 'pki', 'root-key.pem'));
  await assert.rejects(loadRoot(join(dir, 'pki'), 'cluster.local', NOW), (e) => e instanceof Fault && e.code === 'RootIncomplete');
  assert.equal(await readFile(join(dir, 'pki', 'root-cert.pem'), 'utf8'), first.certPem);

  // A first start cut short after the key: begin anew.
  await rm(join(dir, 'pki', 'root-cert.pem'));
  await writeFile(join(dir, 'pki', 'root-key.pem'), first.keyPem);
  assert.notEqual((await loadRoot(join(dir, 'pki'), 'cluster.local', NOW)).certPem, first.certPem);
});

test('a root that cannot be used is a fault that says why', async () => {
  const [a, b] = [await createRoot('cluster.local', NOW), await createRoot('cluster.local', NOW)];
  const cases: [string, () => Promise<unknown>][] = [
    ['RootMismatch', () => createCa({ root: { certPem: a.certPem, keyPem: b.keyPem }, trustDomain: 'cluster.local', now: NOW })],
    ['RootUnreadable', () => createCa({ root: { certPem: 'x', keyPem: 'y' }, trustDomain: 'cluster.local', now: NOW })],
    ['RootExpired', () => createCa({ root: a, trustDomain: 'cluster.local', now: NOW + 11 * 365 * 24 * HOUR })],
  ];
  for (const [code, run] of cases) await assert.rejects(run, (e) => e instanceof Fault && e.code === code && e.hint !== undefined, code);
});

const certificate = (notBefore: number): IssuedCertificate => ({
  certChainPem: 'c',
  keyPem: 'k',
  notBefore,
  notAfter: notBefore + 24 * HOUR,
});

test('rotation: half life, retries with backoff, the old one served meanwhile', () => {
  let s = step({ phase: 'idle' }, { kind: 'wanted' }, 0);
  assert.deepEqual(s.actions, [{ kind: 'issue' }]);
  s = step(s.state, { kind: 'issued', certificate: certificate(0) }, 0);
  assert.deepEqual(s.actions, [
    { kind: 'serve', certificate: certificate(0) },
    { kind: 'wake', at: 12 * HOUR },
  ]);
  assert.deepEqual(step(s.state, { kind: 'tick' }, 12 * HOUR - 1).actions, [{ kind: 'wake', at: 12 * HOUR }]);
  s = step(s.state, { kind: 'tick' }, 12 * HOUR);
  assert.deepEqual(s.actions, [{ kind: 'issue' }]);
  const waits: number[] = [];
  let state: RotationState = s.state;
  for (let i = 0; i < 8; i++) {
    const failed = step(state, { kind: 'failed' }, 0);
    assert.ok(failed.state.phase === 'waiting');
    assert.deepEqual(failed.state.current, certificate(0));
    waits.push(failed.state.retryAt);
    state = step(failed.state, { kind: 'tick' }, failed.state.retryAt).state;
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test('identities: one certificate an identity, renewed in time, told to listeners', async () => {
  const clock = new VirtualClock(0);
  let issued = 0;
  let broken = false;
  const identities = createIdentities({
    clock,
    log: silentLog,
    issue: async (_identity, now) => {
      if (broken) throw new Error('no entropy');
      return { ...certificate(now), certChainPem: `c${issued++}` };
    },
  });
  const renewed: string[] = [];
  identities.onRenewed((i) => renewed.push(i.serviceAccount));
  const [a, b] = await Promise.all([identities.certificate(alice), identities.certificate(alice)]);
  assert.equal(a, b);
  assert.equal(issued, 1);
  broken = true;
  await clock.advance(12 * HOUR);
  assert.equal((await identities.certificate(alice)).certChainPem, 'c0');
  assert.deepEqual(renewed, []);
  broken = false;
  await clock.advance(60_000);
  assert.equal((await identities.certificate(alice)).certChainPem, 'c1');
  assert.deepEqual(renewed, ['alice']);
  identities.release(alice);
  await clock.advance(48 * HOUR);
  assert.equal(issued, 2);
  identities.close();
});

test('the API server keeps its authority and token, and renews its certificate in time', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ca-'));
  t.after(() => rm(dir, { recursive: true }));
  const first = await loadServerPki(dir, NOW);
  const leaf = new X509Certificate(first.cert);
  assert.ok(leaf.checkIssued(new X509Certificate(first.ca)));
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(leaf.checkHost('kubernetes.default.svc'), 'kubernetes.default.svc');
  assert.equal((await stat(join(dir, 'api.key'))).mode & 0o777, 0o600);
  const again = await loadServerPki(dir, NOW + 300 * 24 * HOUR);
  for (const field of ['ca', 'cert', 'key', 'adminToken', 'accountKey'] as const) assert.equal(again[field], first[field], field);
  assert.equal((await stat(join(dir, 'service-account.key'))).mode & 0o777, 0o600);
  const renewed = await loadServerPki(dir, NOW + 340 * 24 * HOUR);
  assert.notEqual(renewed.cert, first.cert);
  assert.equal(renewed.ca, first.ca);
  assert.equal(renewed.adminToken, first.adminToken);
});

test('users are given certificates for the subject of their request, if it is signed by its own key', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ca-'));
  const { ca, clients } = await loadServerPki(dir, NOW);
  for (const algorithm of [
    { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 },
  ]) {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=jane, O=team, O=others',
      keys,
      signingAlgorithm: algorithm,
    });
    const text = request.toString('pem');
    assert.deepEqual(await clients.subjectOf(text), { names: ['jane'], groups: ['team', 'others'] });
    const leaf = new X509Certificate(await clients.issue(text, HOUR, NOW));
    assert.equal(leaf.subject, 'CN=jane\nO=team\nO=others');
    assert.ok(leaf.verify(new X509Certificate(ca).publicKey));
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(new Date(leaf.validTo).getTime(), NOW + HOUR);
    const bytes = new Uint8Array(request.rawData);
    bytes[bytes.length - 1]! ^= 1;
    await assert.rejects(
      clients.issue(new x509.Pkcs10CertificateRequest(bytes).toString('pem'), HOUR, NOW),
      /not signed by the key in it|signature/i,
    );
  }
  await assert.rejects(clients.subjectOf('nonsense'));
  await rm(dir, { recursive: true });
});
