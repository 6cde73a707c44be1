import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import type { Resource } from '../object.ts';
import { Leases, PodDisruptionBudgets } from '../resources.ts';
import { checkIntOrPercent } from './apps/template.ts';
import { checkSelector } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';

export const podDisruptionBudgets = define<PodDisruptionBudget>({
  resource: PodDisruptionBudgets,
  shortNames: ['pdb'],
  schema: 'k8s.io.api.policy.v1.PodDisruptionBudget',
  status: true,
  check(causes, o) {
    const { minAvailable, maxUnavailable, selector } = o.spec ?? {};
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      causes.invalid('spec', o.spec, 'minAvailable and maxUnavailable cannot be both set');
    }
    checkIntOrPercent(causes, 'spec.minAvailable', minAvailable);
    checkIntOrPercent(causes, 'spec.maxUnavailable', maxUnavailable);
    checkSelector(causes, 'spec.selector', selector);
  },
  columns: [
    nameColumn,
    column('Min Available', (o) => String(o.spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', (o) => String(o.spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', (o) => o.status?.disruptionsAllowed ?? 0, 'integer'),
    ageColumn,
  ],
});

export const leases = define<Lease>({
  resource: Leases,
  schema: 'k8s.io.api.coordination.v1.Lease',
  check(causes, o) {
    const seconds = o.spec?.leaseDurationSeconds;
    if (seconds !== undefined && seconds <= 0) causes.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0');
  },
  columns: [nameColumn, column('Holder', (o) => o.spec?.holderIdentity ?? ''), ageColumn],
});

const Storage: Resource<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

export const storageClasses = define<StorageClass>({
  resource: Storage,
  shortNames: ['sc'],
  schema: 'k8s.io.api.storage.v1.StorageClass',
  default(o) {
    o.reclaimPolicy ??= 'Delete';
    o.volumeBindingMode ??= 'Immediate';
  },
  check(causes, o) {
    if (!o.provisioner) causes.required('provisioner');
  },
  columns: [
    {
      ...nameColumn,
      value: (o) => `${o.metadata?.name ?? ''}${o.metadata?.annotations?.[DEFAULT_CLASS] === 'true' ? ' (default)' : ''}`,
    },
    column('Provisioner', (o) => o.provisioner),
    column('ReclaimPolicy', (o) => o.reclaimPolicy ?? ''),
    column('VolumeBindingMode', (o) => o.volumeBindingMode ?? ''),
    column('AllowVolumeExpansion', (o) => o.allowVolumeExpansion ?? false, 'boolean'),
    ageColumn,
  ],
});

const Priorities: Resource<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
};

export const priorityClasses = define<PriorityClass>({
  resource: Priorities,
  shortNames: ['pc'],
  schema: 'k8s.io.api.scheduling.v1.PriorityClass',
  default(o) {
    o.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  check(causes, o, old) {
    if (old) causes.immutable('value', o.value, old.value);
  },
  columns: [
    nameColumn,
    column('Value', (o) => o.value, 'integer'),
    column('Global-Default', (o) => o.globalDefault ?? false, 'boolean'),
    ageColumn,
    column('PreemptionPolicy', (o) => o.preemptionPolicy ?? ''),
  ],
});
