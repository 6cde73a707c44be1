import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ConfigMaps, createCatalog, Namespaces, ProxyConfigs, type AnyObject } from '../../api/index.ts';
import type { Admission } from '../../apiserver/index.ts';
import { VirtualClock } from '../../base/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { injectionPlace, sidecarAdmission } from './injection.ts';

type Request = Parameters<NonNullable<Admission['mutate']>>[0];

const { def } = createCatalog().find('', 'v1', 'pods')!;
const client = new FakeClient(new VirtualClock());
await client.create(Namespaces, { metadata: { name: 'meshed', labels: { 'istio-injection': 'enabled' } } });
const admission = sidecarAdmission((namespace) => injectionPlace(client, namespace));

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

test('a proxy is started as the mesh says, then ProxyConfigs, the narrowest last', async () => {
  const mesh = 'defaultConfig: { concurrency: 4, proxyMetadata: { A: mesh, B: mesh, C: mesh } }';
  await client.create(ConfigMaps, { metadata: { namespace: 'istio-system', name: 'istio' }, data: { mesh } });
  const config = (namespace: string, name: string, spec: object) => client.create(ProxyConfigs, { metadata: { namespace, name }, spec });
  const env = async (): Promise<string[]> =>
    (await admit({ namespace: 'meshed' })).spec!.containers[1]!.env!.flatMap((e) =>
      e.value === undefined ? [] : [`${e.name}=${e.value}`],
    );
  assert.deepEqual(await env(), ['A=mesh', 'B=mesh', 'C=mesh', 'PROXY_CONFIG={"concurrency":4}']);
  await config('istio-system', 'root', { concurrency: 3, environmentVariables: { B: 'root', C: 'root' } });
  await config('meshed', 'all', { environmentVariables: { C: 'namespace', 'no name': 'x' } });
  await config('meshed', 'other', { selector: { matchLabels: { app: 'other' } }, concurrency: 9 });
  assert.deepEqual(await env(), ['A=mesh', 'B=root', 'C=namespace', 'PROXY_CONFIG={"concurrency":3}']);
});
