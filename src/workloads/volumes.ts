import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import { isApiError, keyOf, keyText, parseKey, PersistentVolumeClaims, PersistentVolumes, Pods, StorageClasses } from '../api/index.ts';
import { changesOf, settled, updateStatus } from '../control/index.ts';
import { claimsOfPod, decideClaim, goesWithClaim, referenceTo, usesClaim } from './volume-binding.ts';
import type { Controller, World } from './world.ts';

/** Keeps a claim while a pod uses it. */
const PROTECTION = 'kubernetes.io/pvc-protection';
const BOUND = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };

/** Gives claims their volumes: one that is there and fits, or a new directory below `directory` where the storage class says so. */
export function claimController(world: World, directory: string): Controller {
  const { informers, client } = world;
  const claims = informers.of(PersistentVolumeClaims);
  const volumes = informers.of(PersistentVolumes);
  const classes = informers.of(StorageClasses);
  const pods = informers.of(Pods);
  const events = world.events('persistentvolume-controller');
  const waiting = (): string[] =>
    claims
      .list()
      .filter((c) => !c.spec?.volumeName)
      .map((c) => keyText(keyOf(c)));

  async function bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
    const taken =
      volume.spec?.claimRef?.uid === claim.metadata?.uid
        ? volume
        : await client.update(PersistentVolumes, { ...volume, spec: { ...volume.spec, claimRef: referenceTo(claim) } });
    const bound = await client.patch(PersistentVolumeClaims, keyOf(claim), {
      type: 'merge',
      body: { metadata: { uid: claim.metadata?.uid, annotations: BOUND }, spec: { volumeName: taken.metadata?.name } },
    });
    const { accessModes = [], capacity = {} } = taken.spec ?? {};
    await updateStatus(client, PersistentVolumeClaims, bound, { ...bound.status, phase: 'Bound', accessModes, capacity });
  }

  async function make(volume: PersistentVolume): Promise<PersistentVolume> {
    try {
      return await client.create(PersistentVolumes, volume);
    } catch (error) {
      const found = isApiError(error, 'AlreadyExists') && (await client.get(PersistentVolumes, keyOf(volume)));
      if (!found) throw error;
      return found;
    }
  }

  /** Sees to the finalizer; true when the claim is on its way out. */
  async function protect(claim: PersistentVolumeClaim): Promise<boolean> {
    const { finalizers = [], deletionTimestamp, namespace, name = '', resourceVersion } = claim.metadata ?? {};
    const held = finalizers.includes(PROTECTION);
    const wanted = !deletionTimestamp || pods.list(namespace).some((p) => usesClaim(p, name));
    if (held !== wanted && (held || !deletionTimestamp)) {
      const next = held ? finalizers.filter((f) => f !== PROTECTION) : [...finalizers, PROTECTION];
      await client.patch(PersistentVolumeClaims, keyOf(claim), {
        type: 'merge',
        body: { metadata: { resourceVersion, finalizers: next } },
      });
    }
    return deletionTimestamp !== undefined;
  }

  return {
    name: 'persistentvolumeclaim',
    sources: [
      changesOf(claims),
      changesOf(pods, (p) => claimsOfPod(p).map((name) => keyText({ namespace: p.metadata?.namespace, name }))),
      changesOf(volumes, ({ spec }) => {
        const { namespace, name } = spec?.claimRef ?? {};
        return namespace && name ? [keyText({ namespace, name }), ...waiting()] : waiting();
      }),
      changesOf(classes, waiting),
    ],
    async reconcile(key) {
      const claim = claims.get(parseKey(key));
      if (!claim || (await protect(claim)) || claim.status?.phase === 'Bound') return settled;
      const { name = '', namespace } = claim.metadata ?? {};
      const { storageClassName } = claim.spec ?? {};
      const decision = decideClaim(claim, {
        volumes: volumes.list(),
        storageClass: storageClassName ? classes.get({ name: storageClassName }) : undefined,
        used: pods.list(namespace).some((p) => claimsOfPod(p).includes(name)),
        directory,
      });
      if ('bind' in decision) await bind(claim, decision.bind);
      else if ('make' in decision) {
        const made = await make(decision.make);
        await bind(claim, made);
        await events.record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${made.metadata?.name}`);
      } else await events.record(claim, decision.type, decision.reason, decision.message);
      return settled;
    },
  };
}

/** Says of every volume whose it is, and lets those go that were made for a claim that is gone. */
export function volumeController({ informers, client }: World): Controller {
  const claims = informers.of(PersistentVolumeClaims);
  const volumes = informers.of(PersistentVolumes);

  return {
    name: 'persistentvolume',
    sources: [changesOf(volumes), changesOf(claims, (c) => (c.spec?.volumeName ? [c.spec.volumeName] : []))],
    async reconcile(name) {
      const volume = volumes.get({ name });
      if (!volume || volume.metadata?.deletionTimestamp) return settled;
      const { claimRef } = volume.spec ?? {};
      const key = { namespace: claimRef?.namespace, name: claimRef?.name ?? '' };
      // A claim that this has not heard of may be one that was made a moment ago: only the server knows.
      const claim = claimRef?.uid ? await client.get(PersistentVolumeClaims, key) : undefined;
      const phase = !claimRef?.uid ? 'Available' : claim && claim.metadata?.uid === claimRef.uid ? 'Bound' : 'Released';
      await updateStatus(client, PersistentVolumes, volume, { ...volume.status, phase });
      if (phase === 'Released' && goesWithClaim(volume)) await client.delete(PersistentVolumes, { name });
      return settled;
    },
  };
}
