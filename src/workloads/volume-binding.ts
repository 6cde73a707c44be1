import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import { parseQuantity } from '../base/index.ts';
import { selects } from './labels.ts';
import { byName, hasEnded } from './pods.ts';

/** Who makes directories for claims, as storage classes name it. */
export const PROVISIONER = 'sluice.io/directory';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

/** What becomes of a claim that is not bound. */
export type ClaimDecision =
  | { readonly bind: PersistentVolume }
  | { readonly make: PersistentVolume }
  /** Why it waits, for an event. */
  | { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string };

export interface ClaimWorld {
  readonly volumes: readonly PersistentVolume[];
  /** Of the claim; undefined when it names none or there is none of that name. */
  readonly storageClass: StorageClass | undefined;
  /** A pod asks for it. */
  readonly used: boolean;
  /** The directory that holds one directory a volume. */
  readonly directory: string;
}

export function decideClaim(claim: PersistentVolumeClaim, { volumes, storageClass, used, directory }: ClaimWorld): ClaimDecision {
  const bind = volumes.filter((v) => fits(v, claim)).sort(bySuitability)[0];
  if (bind) return { bind };
  const { volumeName, storageClassName } = claim.spec ?? {};
  if (volumeName)
    return { type: 'Warning', reason: 'FailedBinding', message: `volume "${volumeName}" is not there, or does not fit the claim` };
  if (!storageClassName) {
    return {
      type: 'Normal',
      reason: 'FailedBinding',
      message: 'no persistent volumes available for this claim and no storage class is set',
    };
  }
  if (!storageClass) {
    return { type: 'Warning', reason: 'ProvisioningFailed', message: `storageclass.storage.k8s.io "${storageClassName}" not found` };
  }
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && !used) {
    return { type: 'Normal', reason: 'WaitForFirstConsumer', message: 'waiting for first consumer to be created before binding' };
  }
  if (storageClass.provisioner !== PROVISIONER) {
    const message = `Waiting for a volume to be created either by the external provisioner '${storageClass.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    return { type: 'Normal', reason: 'ExternalProvisioning', message };
  }
  return { make: volumeFor(claim, storageClass, directory) };
}

/** A volume that is a directory of its own. */
function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, directory: string): PersistentVolume {
  const name = `pvc-${claim.metadata?.uid}`;
  const { accessModes = [], resources, volumeMode = 'Filesystem' } = claim.spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [PROVISIONED_BY]: PROVISIONER } },
    spec: {
      accessModes,
      capacity: { storage: resources?.requests?.['storage'] ?? '1Gi' },
      claimRef: referenceTo(claim),
      hostPath: { path: `${directory}/${name}`, type: 'DirectoryOrCreate' },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata!.name!,
      volumeMode,
    },
  };
}

export function referenceTo({ metadata }: PersistentVolumeClaim): NonNullable<NonNullable<PersistentVolume['spec']>['claimRef']> {
  const { name, namespace, uid } = metadata ?? {};
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: name!, namespace: namespace!, uid: uid! };
}

/** Whether a volume may be given to a claim: nobody else's, and all that it asks for. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec = {}, metadata, status } = volume;
  const wanted = claim.spec ?? {};
  if (metadata?.deletionTimestamp || status?.phase === 'Released' || status?.phase === 'Failed') return false;
  if (wanted.volumeName && wanted.volumeName !== metadata?.name) return false;
  const { claimRef } = spec;
  if (claimRef && (claimRef.namespace !== claim.metadata?.namespace || claimRef.name !== claim.metadata?.name)) return false;
  if (claimRef?.uid && claimRef.uid !== claim.metadata?.uid) return false;
  const modes = spec.accessModes ?? [];
  return (
    (spec.storageClassName ?? '') === (wanted.storageClassName ?? '') &&
    (spec.volumeMode ?? 'Filesystem') === (wanted.volumeMode ?? 'Filesystem') &&
    (wanted.accessModes ?? []).every((m) => modes.includes(m)) &&
    sizeOf(spec.capacity) >= sizeOf(wanted.resources?.requests) &&
    (wanted.selector === undefined || selects(wanted.selector, metadata?.labels))
  );
}

const sizeOf = (amounts: Readonly<Record<string, string>> | undefined): number => parseQuantity(amounts?.['storage'] ?? '0') ?? 0;

/** One that is meant for the claim first, then the smallest. */
function bySuitability(a: PersistentVolume, b: PersistentVolume): number {
  return (
    Number(Boolean(b.spec?.claimRef)) - Number(Boolean(a.spec?.claimRef)) ||
    sizeOf(a.spec?.capacity) - sizeOf(b.spec?.capacity) ||
    byName(a, b)
  );
}

/** True when the volume goes with its claim: made for it by us, and not to be kept. */
export function goesWithClaim({ spec, metadata }: PersistentVolume): boolean {
  return spec?.persistentVolumeReclaimPolicy === 'Delete' && metadata?.annotations?.[PROVISIONED_BY] === PROVISIONER;
}

/** Names of the claims that a pod mounts. */
export function claimsOfPod(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((v) => (v.persistentVolumeClaim ? [v.persistentVolumeClaim.claimName] : []));
}

/** Whether a pod has a claim in use: it is bound to a node and has not ended. */
export function usesClaim(pod: Pod, claim: string): boolean {
  return !hasEnded(pod) && claimsOfPod(pod).includes(claim);
}

/** Why a pod cannot be bound to a node because of its claims, in the scheduler's words. */
export function claimProblem(pod: Pod, claim: (name: string) => PersistentVolumeClaim | undefined): string | undefined {
  for (const name of claimsOfPod(pod)) {
    const found = claim(name);
    if (!found) return `persistentvolumeclaim "${name}" not found`;
    if (found.metadata?.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
    if (found.status?.phase === 'Lost')
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${found.spec?.volumeName ?? ''}"`;
    if (found.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}
