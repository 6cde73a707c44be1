import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from 'kubernetes-types/storage/v1.js';
import type { VolumeAttributesClass } from 'kubernetes-types/storage/v1alpha1.js';
import type { Resource } from '../../object.ts';
import { StorageClasses } from '../../resources.ts';
import { type Causes, checkQuantity, checkSelector, dnsSubdomain, follow, qualifiedName } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { oldCsiDrivers, oldCsiNodes, oldCsiStorageCapacities, oldStorageClasses, oldVolumeAttributesClasses } from '../legacy/others.ts';

const group = 'storage.k8s.io';
const version = 'v1';
const Drivers: Resource<CSIDriver> = { group, version, kind: 'CSIDriver', plural: 'csidrivers', namespaced: false };
const Nodes: Resource<CSINode> = { group, version, kind: 'CSINode', plural: 'csinodes', namespaced: false };
const Capacities: Resource<CSIStorageCapacity> = {
  group,
  version,
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
};
const Attributes: Resource<VolumeAttributesClass> = {
  group,
  version,
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  namespaced: false,
};

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

export const storageClasses = define<StorageClass>({
  resource: StorageClasses,
  shortNames: ['sc'],
  schema: 'k8s.io.api.storage.v1.StorageClass',
  default(o) {
    o.reclaimPolicy ??= 'Delete';
    o.volumeBindingMode ??= 'Immediate';
  },
  check(causes, o, old) {
    if (!o.provisioner) causes.required('provisioner');
    else follow(causes, 'provisioner', o.provisioner.toLowerCase(), qualifiedName);
    causes.oneOf('reclaimPolicy', o.reclaimPolicy, ['Delete', 'Retain']);
    causes.oneOf('volumeBindingMode', o.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
    if (Object.keys(o.parameters ?? {}).includes('')) causes.invalid('parameters', '', 'field can not be empty.');
    o.allowedTopologies?.forEach(({ matchLabelExpressions = [] }, i) =>
      matchLabelExpressions.forEach(({ values }, j) => {
        if (!values?.length) causes.required(`allowedTopologies[${i}].matchLabelExpressions[${j}].values`);
      }),
    );
    if (!old) return;
    for (const field of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
      if (JSON.stringify(o[field]) !== JSON.stringify(old[field])) causes.forbidden(field, `updates to ${field} are forbidden.`);
    }
    causes.immutable('volumeBindingMode', o.volumeBindingMode, old.volumeBindingMode);
  },
  columns: [
    {
      ...nameColumn,
      value: (o) => `${o.metadata?.name ?? ''}${o.metadata?.annotations?.[DEFAULT_CLASS] === 'true' ? ' (default)' : ''}`,
    },
    column('Provisioner', (o) => o.provisioner),
    column('ReclaimPolicy', (o) => o.reclaimPolicy ?? ''),
    column('VolumeBindingMode', (o) => o.volumeBindingMode ?? ''),
    column('AllowVolumeExpansion', (o) => o.allowVolumeExpansion ?? false),
    ageColumn,
  ],
  legacy: oldStorageClasses,
});

export const csiDrivers = define<CSIDriver>({
  resource: Drivers,
  schema: 'k8s.io.api.storage.v1.CSIDriver',
  default(o) {
    const spec = (o.spec ??= {} as CSIDriver['spec']);
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  check(causes, o, old) {
    causes.oneOf('spec.fsGroupPolicy', o.spec?.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']);
    for (const mode of o.spec?.volumeLifecycleModes ?? []) causes.oneOf('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']);
    const audiences = o.spec?.tokenRequests?.map(({ audience }) => audience) ?? [];
    audiences.forEach((audience, i) => {
      if (audiences.indexOf(audience) < i) causes.duplicate(`spec.tokenRequests[${i}].audience`, audience);
    });
    if (!old) return;
    causes.immutable('spec.attachedRequired', o.spec?.attachRequired, old.spec?.attachRequired);
    causes.immutable('spec.volumeLifecycleModes', o.spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes);
  },
  columns: [
    nameColumn,
    column('AttachRequired', (o) => o.spec.attachRequired ?? true, 'boolean'),
    column('PodInfoOnMount', (o) => o.spec.podInfoOnMount ?? false, 'boolean'),
    column('StorageCapacity', (o) => o.spec.storageCapacity ?? false, 'boolean'),
    column('TokenRequests', (o) => o.spec.tokenRequests?.map((t) => t.audience).join(',') ?? '<unset>'),
    column('RequiresRepublish', (o) => o.spec.requiresRepublish ?? false, 'boolean'),
    column('Modes', (o) => o.spec.volumeLifecycleModes?.join(',') || '<none>'),
    ageColumn,
  ],
  legacy: oldCsiDrivers,
});

export const csiNodes = define<CSINode>({
  resource: Nodes,
  schema: 'k8s.io.api.storage.v1.CSINode',
  default(o) {
    o.spec ??= {} as CSINode['spec'];
    for (const driver of o.spec.drivers ?? []) if (!driver.topologyKeys?.length) delete driver.topologyKeys;
  },
  check(causes, o) {
    const names = new Set<string>();
    o.spec?.drivers?.forEach((driver, i) => {
      const at = `spec.drivers[${i}]`;
      checkDriverName(causes, `${at}.name`, driver.name);
      if (!driver.nodeID) causes.required(`${at}.nodeID`);
      causes.nonNegative(`${at}.allocatable.count`, driver.allocatable?.count);
      for (const key of driver.topologyKeys ?? []) follow(causes, at, key, qualifiedName);
      if (names.has(driver.name)) causes.duplicate(`${at}.name`, driver.name);
      names.add(driver.name);
    });
  },
  columns: [nameColumn, column('Drivers', (o) => o.spec?.drivers?.length ?? 0, 'integer'), ageColumn],
  legacy: oldCsiNodes,
});

export function checkDriverName(causes: Causes, field: string, name: string | undefined): void {
  if (!name) return causes.required(field);
  if (name.length > 63) causes.tooLong(field, 63);
  follow(causes, field, name.toLowerCase(), dnsSubdomain);
}

export const csiStorageCapacities = define<CSIStorageCapacity>({
  resource: Capacities,
  schema: 'k8s.io.api.storage.v1.CSIStorageCapacity',
  check(causes, o, old) {
    follow(causes, 'storageClassName', o.storageClassName, dnsSubdomain);
    if (o.capacity !== undefined) checkQuantity(causes, 'capacity', o.capacity);
    checkSelector(causes, 'nodeTopology', o.nodeTopology);
    if (!old) return;
    causes.immutable('nodeTopology', o.nodeTopology, old.nodeTopology);
    causes.immutable('storageClassName', o.storageClassName, old.storageClassName);
  },
  columns: [nameColumn, column('StorageClassName', (o) => o.storageClassName), column('Capacity', (o) => o.capacity ?? '<unset>')],
  legacy: oldCsiStorageCapacities,
});

export const volumeAttributesClasses = define<VolumeAttributesClass>({
  resource: Attributes,
  shortNames: ['vac'],
  schema: 'k8s.io.api.storage.v1.VolumeAttributesClass',
  check(causes, o, old) {
    if (!o.driverName) causes.required('driverName');
    else follow(causes, 'driverName', o.driverName.toLowerCase(), qualifiedName);
    if (!Object.keys(o.parameters ?? {}).length) causes.required('parameters', 'must contain at least one key/value pair');
    if (!old) return;
    if (o.driverName !== old.driverName) causes.forbidden('driverName', 'updates to driverName are forbidden.');
    if (JSON.stringify(o.parameters) !== JSON.stringify(old.parameters)) {
      causes.forbidden('parameters', 'updates to parameters are forbidden.');
    }
  },
  columns: [nameColumn, column('DriverName', (o) => o.driverName), ageColumn],
  legacy: oldVolumeAttributesClasses,
});
