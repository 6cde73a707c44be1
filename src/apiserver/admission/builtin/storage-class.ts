import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import type { Admission } from '../admission.ts';

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
/** How claims named their class before they had a field for it. */
const OLD_FIELD = 'volume.beta.kubernetes.io/storage-class';

/** Gives claims that name no class the default one; of several, the newest. */
export function storageClassAdmission(classes: () => readonly StorageClass[]): Admission {
  return {
    mutate({ operation, def, subresource, object }) {
      if (operation !== 'CREATE' || subresource || def.resource.group !== '' || def.resource.plural !== 'persistentvolumeclaims') return;
      const { spec, metadata } = object as PersistentVolumeClaim;
      if (!spec || spec.storageClassName !== undefined || metadata?.annotations?.[OLD_FIELD] !== undefined) return;
      const [newest] = classes()
        .filter((c) => c.metadata?.annotations?.[DEFAULT] === 'true')
        .sort((a, b) => (born(b) < born(a) ? -1 : born(b) > born(a) ? 1 : name(a) < name(b) ? -1 : 1));
      if (newest) spec.storageClassName = name(newest);
    },
  };
}

const born = (c: StorageClass): string => c.metadata?.creationTimestamp ?? '';
const name = (c: StorageClass): string => c.metadata?.name ?? '';
