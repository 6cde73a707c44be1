import type { LimitRange } from 'kubernetes-types/core/v1.js';
import type { RuntimeClass } from 'kubernetes-types/node/v1.js';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import type { AnyObject } from '../../../api/index.ts';
import type { Store } from '../../../store/index.ts';
import type { Admission } from '../admission.ts';
import { limitRangerAdmission } from './limit-ranger.ts';
import { networkPolicyNotice } from './network-policy.ts';
import { priorityAdmission } from './priority.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { storageClassAdmission } from './storage-class.ts';
import { tolerationAdmission } from './tolerations.ts';

/** What the server itself sees to when objects are written, in the order of the real one. Quotas come last, on their own. */
export function builtinAdmission(store: Pick<Store<AnyObject>, 'list'>): Admission[] {
  const objects = (prefix: string): readonly AnyObject[] => store.list(prefix).items.map(({ object }) => object);
  return [
    tolerationAdmission,
    networkPolicyNotice,
    limitRangerAdmission((namespace) => objects(`/limitranges/${namespace}/`) as readonly LimitRange[]),
    priorityAdmission(() => objects('scheduling.k8s.io/priorityclasses/') as unknown as readonly PriorityClass[]),
    runtimeClassAdmission(() => objects('node.k8s.io/runtimeclasses/') as unknown as readonly RuntimeClass[]),
    storageClassAdmission(() => objects('storage.k8s.io/storageclasses/') as unknown as readonly StorageClass[]),
  ];
}
