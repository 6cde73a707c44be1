import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { Pods } from '../api/index.ts';
import { NS, refused, world } from './testing.ts';

const shell = { name: 'look', image: 'shell', targetContainerName: 'c' };

async function setup() {
  const it = await world();
  await it.client.create(Pods, {
    metadata: { name: 'p', namespace: NS },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
  });
  const patch = async (subresource: string | undefined, spec: object): Promise<Pod> =>
    (await it.registry.patch(it.at(Pods, 'p', subresource), 'strategic', { value: { spec } }, {})).object as Pod;
  return { ...it, patch };
}

test('a container is put into a pod by the way for it, with its defaults, and stays', async () => {
  const { patch } = await setup();
  const { spec } = await patch('ephemeralcontainers', { ephemeralContainers: [shell], priority: 7 });
  assert.equal(spec?.ephemeralContainers?.[0]?.terminationMessagePath, '/dev/termination-log');
  assert.notEqual(spec?.priority, 7, 'nothing else is taken');
  await patch('ephemeralcontainers', { ephemeralContainers: [{ name: 'second', image: 'shell' }] });
  await assert.rejects(
    patch('ephemeralcontainers', { ephemeralContainers: [{ name: 'look', image: 'other' }] }),
    refused('Invalid', /existing ephemeral containers "look" may not be changed/),
  );
  await assert.rejects(
    patch('ephemeralcontainers', { ephemeralContainers: [{ $patch: 'delete', name: 'look' }] }),
    refused('Invalid', /existing ephemeral containers "look" may not be removed/),
  );
});

test('what cannot be put into a pod', async () => {
  const { patch } = await setup();
  const table: [object, RegExp][] = [
    [{ ...shell, targetContainerName: 'none' }, /targetContainerName: Not found: "none"/],
    [{ ...shell, name: 'c' }, /name: Duplicate value: "c"/],
    [{ ...shell, ports: [{ containerPort: 1 }] }, /ports: Forbidden: cannot be set for an Ephemeral Container/],
  ];
  for (const [container, why] of table)
    await assert.rejects(patch('ephemeralcontainers', { ephemeralContainers: [container] }), refused('Invalid', why));
  await assert.rejects(patch(undefined, { ephemeralContainers: [shell] }), refused('Invalid', /pod updates may not change fields/));
});

test('resources change by resize alone, and resize changes nothing else', async () => {
  const { patch } = await setup();
  const containers = [{ name: 'c', image: 'other', resources: { requests: { cpu: '2' } } }];
  const { spec } = await patch('resize', { containers });
  assert.deepEqual([spec?.containers[0]?.resources?.requests, spec?.containers[0]?.image], [{ cpu: '2' }, 'i']);
  await assert.rejects(patch(undefined, { containers: [{ name: 'c', resources: { requests: { cpu: '3' } } }] }), refused('Invalid'));
});
