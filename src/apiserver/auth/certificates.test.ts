import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { CertificateSigningRequests, ClusterRoleBindings, ClusterRoles } from '../../api/index.ts';
import { silentLog } from '../../base/index.ts';
import type { User } from '../registry.ts';
import { refused } from '../testing.ts';
import { startAuthControllers } from './controllers.ts';
import { ADMIN, AUTHENTICATED } from './identity.ts';
import { authWorld } from './testing.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';
const JANE: User = { name: 'jane', groups: ['team', AUTHENTICATED], uid: 'u1', extra: { scope: ['a'] } };
const OTHER: User = { name: 'other', groups: [AUTHENTICATED] };

const textOf = (subject: string): string =>
  Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${subject}\n-----END CERTIFICATE REQUEST-----\n`).toString('base64');
const requestOf = (subject: string, spec: object = {}): object => ({
  metadata: { name: 'jane' },
  spec: { request: textOf(subject), signerName: SIGNER, usages: ['client auth'], ...spec },
});
const approved = { type: 'Approved', status: 'True', reason: 'Fine', message: '' };

async function started() {
  const world = await authWorld();
  const stop = new AbortController();
  const { client, clock, registry } = world;
  await client.create(ClusterRoles, {
    metadata: { name: 'requests' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['create', 'get', 'update', 'patch'], resourceNames: [] }],
  });
  await client.create(ClusterRoleBindings, {
    metadata: { name: 'requests' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'requests' },
    subjects: [{ kind: 'Group', name: AUTHENTICATED }],
  });
  const { done } = await startAuthControllers({ ...world, log: silentLog, signal: stop.signal, rootCertificate: 'PEM' });
  const get = async (): Promise<CertificateSigningRequest> => (await client.get(CertificateSigningRequests, { name: 'jane' }))!;
  return {
    ...world,
    get,
    async put(user: User, subresource: string | undefined, change: (request: CertificateSigningRequest) => object): Promise<unknown> {
      const { group, version, plural } = CertificateSigningRequests;
      const served = registry.catalog.find(group, version, plural)!;
      const value = change(structuredClone(await get()));
      return registry.update({ served, name: 'jane', subresource, user }, { value }, {});
    },
    async end() {
      stop.abort();
      await clock.advance(0);
      await done;
    },
  };
}

const approve = (request: CertificateSigningRequest): object => ({ ...request, status: { conditions: [approved] } });

test('a request says who sent it, whatever it says itself, is approved and then signed', async () => {
  const { post, put, get, clock, end } = await started();
  await post(
    JANE,
    CertificateSigningRequests,
    {},
    { ...requestOf('team', { username: 'root', groups: ['system:masters'], expirationSeconds: 600 }) },
  );
  const { spec } = await get();
  assert.deepEqual([spec.username, spec.groups, spec.uid, spec.extra], ['jane', JANE.groups, 'u1', { scope: ['a'] }]);
  await clock.advance(1000);
  assert.equal((await get()).status?.certificate, undefined, 'nobody has approved it');
  await put(ADMIN, undefined, (r) => ({ ...r, spec: { ...r.spec, username: 'root' }, status: { conditions: [approved] } }));
  assert.deepEqual([(await get()).spec.username, (await get()).status], ['jane', {}]);
  await put(ADMIN, 'approval', approve);
  const [condition] = (await get()).status!.conditions!;
  assert.equal(condition!.lastTransitionTime, '2026-01-01T00:00:01Z');
  await clock.advance(1000);
  assert.equal(Buffer.from((await get()).status!.certificate!, 'base64').toString(), 'team for 600000 ms');
  await end();
});

test('to approve and to sign needs a right to the signer', async () => {
  const { post, put, client, end } = await started();
  await post(JANE, CertificateSigningRequests, {}, requestOf('team'));
  const why =
    /certificatesigningrequests.certificates.k8s.io "jane" is forbidden: user not permitted to (approve|update) requests with signerName "kubernetes.io\/kube-apiserver-client"/;
  await assert.rejects(put(OTHER, 'approval', approve), refused('Forbidden', why));
  await assert.rejects(
    put(OTHER, 'status', (r) => ({ ...r, status: { certificate: 'QQ==' } })),
    refused('Forbidden', why),
  );
  await client.create(ClusterRoles, {
    metadata: { name: 'approver' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['kubernetes.io/*'], verbs: ['approve'] }],
  });
  await client.create(ClusterRoleBindings, {
    metadata: { name: 'approver' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' },
    subjects: [{ kind: 'User', name: 'other' }],
  });
  await put(OTHER, 'approval', approve);
  await assert.rejects(
    put(OTHER, 'approval', (r) => ({ ...r, status: { conditions: [approved, { ...approved, type: 'Denied' }] } })),
    refused('Invalid', /Approved and Denied conditions are mutually exclusive/),
  );
  await end();
});

test('nobody becomes a master by a request, and what cannot be signed says so', async () => {
  const { post, put, get, clock, client, end } = await started();
  await assert.rejects(
    post(JANE, CertificateSigningRequests, {}, requestOf('system:masters')),
    refused('Forbidden', /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed/),
  );
  for (const [usages, message] of [
    [['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
    [['digital signature'], 'missing required usage for client certificate: client auth'],
  ] as const) {
    await post(JANE, CertificateSigningRequests, {}, requestOf('team', { usages }));
    await put(ADMIN, 'approval', approve);
    await clock.advance(1000);
    assert.deepEqual(
      (await get()).status?.conditions?.map((c) => c.message),
      ['', message],
    );
    await client.delete(CertificateSigningRequests, { name: 'jane' });
  }
  await end();
});
