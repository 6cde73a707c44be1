import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import { PersistentVolumeClaims, PersistentVolumes, Pods, StorageClasses } from '../api/index.ts';
import { testWorld } from './testing.ts';
import { claimProblem, decideClaim, PROVISIONER } from './volume-binding.ts';
import { claimController, volumeController } from './volumes.ts';

const claim = (spec: object = {}): PersistentVolumeClaim => ({
  metadata: { namespace: 'a', name: 'data', uid: 'u' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'standard', ...spec },
});
const volume = (name: string, spec: object = {}, status: object = {}): PersistentVolume => ({
  metadata: { name, labels: { disk: name } },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, storageClassName: 'standard', hostPath: { path: '/d' }, ...spec },
  status,
});
const standard: StorageClass = { metadata: { name: 'standard' }, provisioner: PROVISIONER, reclaimPolicy: 'Delete' };

test('a claim gets what fits, or a directory of its own, or waits', () => {
  const other = { namespace: 'a', name: 'other' };
  const table: [string, PersistentVolumeClaim, PersistentVolume[], StorageClass | undefined, string][] = [
    [
      'the smallest that is large enough',
      claim(),
      [volume('big', { capacity: { storage: '9Gi' } }), volume('small')],
      standard,
      'bind small',
    ],
    [
      'one that is meant for it',
      claim(),
      [volume('small'), volume('mine', { claimRef: { namespace: 'a', name: 'data' } })],
      standard,
      'bind mine',
    ],
    ["not another's", claim(), [volume('v', { claimRef: other })], standard, 'make'],
    ['not one that was given up', claim(), [volume('v', {}, { phase: 'Released' })], standard, 'make'],
    ['not one that is too small', claim(), [volume('v', { capacity: { storage: '1Mi' } })], standard, 'make'],
    ['not one of another class', claim(), [volume('v', { storageClassName: 'fast' })], standard, 'make'],
    ['not one without the mode', claim({ accessModes: ['ReadWriteMany'] }), [volume('v')], standard, 'make'],
    ['by labels', claim({ selector: { matchLabels: { disk: 'two' } } }), [volume('one'), volume('two')], standard, 'bind two'],
    ['by name', claim({ volumeName: 'two' }), [volume('one'), volume('two')], standard, 'bind two'],
    ['by a name that is not there', claim({ volumeName: 'no' }), [volume('one')], standard, 'FailedBinding'],
    ['without a class', claim({ storageClassName: '' }), [], undefined, 'FailedBinding'],
    ['of a class that is not there', claim(), [], undefined, 'ProvisioningFailed'],
    ["of somebody else's class", claim(), [], { ...standard, provisioner: 'example.com/disks' }, 'ExternalProvisioning'],
    ['that waits for a pod', claim(), [], { ...standard, volumeBindingMode: 'WaitForFirstConsumer' }, 'WaitForFirstConsumer'],
  ];
  for (const [what, c, volumes, storageClass, want] of table) {
    const d = decideClaim(c, { volumes, storageClass, used: false, directory: '/vols' });
    assert.equal('bind' in d ? `bind ${d.bind.metadata?.name}` : 'make' in d ? 'make' : d.reason, want, what);
  }
  const made = decideClaim(claim(), { volumes: [], storageClass: standard, used: false, directory: '/vols' });
  assert.ok('make' in made);
  assert.deepEqual(made.make.spec?.hostPath, { path: '/vols/pvc-u', type: 'DirectoryOrCreate' });
  assert.equal(made.make.spec?.persistentVolumeReclaimPolicy, 'Delete');
});

const user = (claimName: string): Pod => ({
  metadata: { namespace: 'a', name: 'p' },
  spec: { nodeName: 'sluice', containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] },
  status: { phase: 'Running' },
});

test('why a pod cannot be bound to a node', () => {
  const table: [PersistentVolumeClaim | undefined, string | undefined][] = [
    [undefined, 'persistentvolumeclaim "data" not found'],
    [claim(), 'pod has unbound immediate PersistentVolumeClaims'],
    [{ ...claim(), status: { phase: 'Bound' } }, undefined],
  ];
  for (const [found, want] of table)
    assert.equal(
      claimProblem(user('data'), () => found),
      want,
    );
});

test('a claim is bound to a volume made for it, is kept while a pod uses it, and takes its volume along', async () => {
  const w = testWorld();
  w.start(claimController(w.world, '/vols'), volumeController(w.world));
  await w.api.create(StorageClasses, standard);
  const key = { namespace: 'a', name: 'data' };
  await w.api.create(PersistentVolumeClaims, { ...claim(), metadata: key });
  await w.clock.advance(200);
  const bound = await w.api.get(PersistentVolumeClaims, key);
  assert.equal(bound?.status?.phase, 'Bound');
  assert.deepEqual(bound.status.capacity, { storage: '1Gi' });
  const name = bound.spec!.volumeName!;
  assert.equal((await w.api.get(PersistentVolumes, { name }))?.status?.phase, 'Bound');

  w.api.seed(Pods, user('data'));
  await w.api.delete(PersistentVolumeClaims, key);
  await w.clock.advance(200);
  assert.ok((await w.api.get(PersistentVolumeClaims, key))?.metadata?.deletionTimestamp, 'it is in use');
  await w.api.delete(Pods, { namespace: 'a', name: 'p' }, { gracePeriodSeconds: 0 });
  await w.clock.advance(200);
  assert.equal(await w.api.get(PersistentVolumeClaims, key), undefined);
  assert.equal(await w.api.get(PersistentVolumes, { name }), undefined);
  await w.stop();
});

test('what users made is given up and kept', async () => {
  const w = testWorld();
  w.start(claimController(w.world, '/vols'), volumeController(w.world));
  await w.api.create(PersistentVolumes, volume('disk'));
  await w.clock.advance(100);
  assert.equal((await w.api.get(PersistentVolumes, { name: 'disk' }))?.status?.phase, 'Available');
  const key = { namespace: 'a', name: 'data' };
  await w.api.create(PersistentVolumeClaims, { ...claim(), metadata: key });
  await w.clock.advance(100);
  assert.equal((await w.api.get(PersistentVolumeClaims, key))?.spec?.volumeName, 'disk');
  await w.api.delete(PersistentVolumeClaims, key);
  await w.clock.advance(200);
  assert.equal((await w.api.get(PersistentVolumes, { name: 'disk' }))?.status?.phase, 'Released');
  let writes = 0;
  w.api.hooks.before = () => writes++;
  await w.clock.advance(60_000);
  assert.equal(writes, 0);
  await w.stop();
});
