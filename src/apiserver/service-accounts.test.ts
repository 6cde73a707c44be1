import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, ServiceAccount } from 'kubernetes-types/core/v1.js';
import { Pods } from '../api/index.ts';
import { seededRng, VirtualClock } from '../base/index.ts';
import { serviceAccountAdmission } from './service-accounts.ts';
import { NS, refused, world } from './testing.ts';

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

async function setup(accounts: Record<string, Partial<ServiceAccount>>) {
  const clock = new VirtualClock();
  const known = new Map(Object.entries(accounts));
  const admission = serviceAccountAdmission({ find: async ({ name }) => known.get(name), clock, rng: seededRng(5) });
  const { client } = await world([admission]);
  const create = (spec: Partial<NonNullable<Pod['spec']>> = {}): Promise<Pod> =>
    client.create(Pods, { metadata: { name: 'p', namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
  return { clock, known, create };
}

test('a pod gets the default account, and a volume with token, certificate and namespace in every container', async () => {
  const { create } = await setup({ default: {} });
  const { spec } = await create({ initContainers: [{ name: 'i', image: 'i' }] });
  assert.equal(spec?.serviceAccountName, 'default');
  const [volume] = spec.volumes!;
  assert.match(volume!.name, /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(volume!.projected, {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
  });
  const mount = [{ name: volume!.name, readOnly: true, mountPath: MOUNT }];
  for (const c of [...spec.initContainers!, ...spec.containers]) assert.partialDeepStrictEqual(c.volumeMounts, mount);
});

test('pod and account may do without; the pod has the last word', async () => {
  const table: [pod: boolean | undefined, account: boolean | undefined, mounted: boolean][] = [
    [undefined, undefined, true],
    [undefined, false, false],
    [true, false, true],
    [false, true, false],
  ];
  for (const [pod, account, mounted] of table) {
    const { create } = await setup({ default: account === undefined ? {} : { automountServiceAccountToken: account } });
    const { spec } = await create(pod === undefined ? {} : { automountServiceAccountToken: pod });
    assert.equal(spec!.volumes?.length ?? 0, mounted ? 1 : 0, `${pod} ${account}`);
  }
});

test('what a container has mounted in that place stays', async () => {
  const { create } = await setup({ default: {} });
  const own = [{ name: 'own', mountPath: MOUNT }];
  const { spec } = await create({ containers: [{ name: 'c', image: 'i', volumeMounts: own }], volumes: [{ name: 'own', emptyDir: {} }] });
  assert.deepEqual(
    spec!.volumes!.map((v) => v.name),
    ['own'],
  );
});

test('the pull secrets of the account are for pods that bring none', async () => {
  const { create } = await setup({ default: { imagePullSecrets: [{ name: 'registry' }] } });
  assert.deepEqual((await create()).spec!.imagePullSecrets, [{ name: 'registry' }]);
  const other = await setup({ default: { imagePullSecrets: [{ name: 'registry' }] } });
  assert.deepEqual((await other.create({ imagePullSecrets: [{ name: 'mine' }] })).spec!.imagePullSecrets, [{ name: 'mine' }]);
});

test('an account that does not exist is refused; the default one of a young namespace is waited for', async () => {
  const { clock, known, create } = await setup({});
  await assert.rejects(
    create({ serviceAccountName: 'robot' }),
    refused('Forbidden', /^pods "p" is forbidden: error looking up service account default\/robot: serviceaccount "robot" not found$/),
  );
  const waiting = create();
  await clock.advance(400);
  known.set('default', {});
  await clock.advance(200);
  assert.equal((await waiting).spec?.serviceAccountName, 'default');
});
