import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { createCatalog, type AnyObject } from '../../api/index.ts';
import type { Admission } from '../../apiserver/index.ts';
import { sidecarAdmission } from './injection.ts';

type Request = Parameters<NonNullable<Admission['mutate']>>[0];

const { def } = createCatalog().find('', 'v1', 'pods')!;
const admission = sidecarAdmission(async (namespace): Promise<Record<string, string>> =>
  namespace === 'meshed' ? { 'istio-injection': 'enabled' } : {},
);

async function admit(request: Partial<Request>): Promise<Pod> {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: request.namespace ?? 'default' },
    spec: { containers: [{ name: 'web', image: 'podinfo' }] },
  } as AnyObject;
  const whole = {
    operation: 'CREATE',
    def,
    namespace: 'default',
    name: 'web',
    subresource: undefined,
    oldObject: undefined,
    dryRun: false,
    ...request,
    object,
  };
  await admission.mutate!(whole as Request);
  return object as Pod;
}

const containers = (pod: Pod): string[] => (pod.spec?.containers ?? []).map((c) => c.name);

test('a pod made in a meshed namespace gets a sidecar, with the defaults every container has', async () => {
  const pod = await admit({ namespace: 'meshed' });
  assert.deepEqual(containers(pod), ['web', 'istio-proxy']);
  assert.equal(pod.spec?.containers[1]?.terminationMessagePath, '/dev/termination-log');
});

test('nothing else does', async () => {
  const table: [string, Partial<Request>][] = [
    ['a namespace outside the mesh', { namespace: 'default' }],
    ['a namespace left out is "default"', { namespace: undefined }],
    ['an update', { namespace: 'meshed', operation: 'UPDATE' }],
    ['a subresource', { namespace: 'meshed', subresource: 'ephemeralcontainers' }],
    ['another kind', { namespace: 'meshed', def: createCatalog().find('apps', 'v1', 'deployments')!.def }],
  ];
  for (const [what, request] of table) assert.deepEqual(containers(await admit(request)), ['web'], what);
});
