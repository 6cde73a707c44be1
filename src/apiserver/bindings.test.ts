import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { Pods } from '../api/index.ts';
import { refused, world } from './testing.ts';

async function setup() {
  const { registry } = await world();
  const user = { name: 'scheduler', groups: [] };
  const pods = registry.catalog.find(Pods.group, Pods.version, Pods.plural)!;
  const value = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'a:1' }] } };
  const pod = { served: pods, namespace: 'default', user, name: 'a' };
  const made = await registry.create({ served: pods, namespace: 'default', user }, { value }, {});
  const bind = (target: object, more: object = {}) =>
    registry.create(
      { ...pod, subresource: 'binding' },
      { value: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a', ...more }, target } },
      {},
    );
  return { registry, user, pod, bind, made: made.object as Pod };
}

test('a scheduler gives a pod to a node, in one write', async () => {
  const { registry, pod, bind, made } = await setup();
  const answer = await bind({ kind: 'Node', name: 'n1' }, { uid: made.metadata?.uid, annotations: { 'example.com/zone': 'z' } });
  assert.equal(answer.object['status'], 'Success');
  const { spec, status, metadata } = (await registry.get(pod)).object as Pod;
  assert.equal(spec?.nodeName, 'n1');
  assert.equal(metadata?.annotations?.['example.com/zone'], 'z');
  assert.equal(status?.conditions?.find((c) => c.type === 'PodScheduled')?.status, 'True');
});

test('so does a Binding that is created in the namespace', async () => {
  const { registry, user, pod } = await setup();
  const served = registry.catalog.find('', 'v1', 'bindings')!;
  const value = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { name: 'n1' } };
  await registry.create({ served, namespace: 'default', user }, { value }, {});
  assert.equal(((await registry.get(pod)).object as Pod).spec?.nodeName, 'n1');
});

test('a pod is bound once, to a node, and is the one that was meant', async () => {
  const { bind } = await setup();
  await assert.rejects(bind({ kind: 'Node' }), refused('Invalid', /target\.name: Required value/));
  await assert.rejects(bind({ kind: 'Pod', name: 'n1' }), refused('Invalid', /target\.kind: Unsupported value: "Pod"/));
  await assert.rejects(bind({ name: 'n1' }, { uid: 'another' }), refused('Conflict'));
  await bind({ name: 'n1' });
  await assert.rejects(bind({ name: 'n2' }), refused('Conflict', /pod a is already assigned to node "n1"$/));
});
