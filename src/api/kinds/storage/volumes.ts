import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from 'kubernetes-types/core/v1.js';
import type { VolumeAttachment } from 'kubernetes-types/storage/v1.js';
import { canonicalJson, parseQuantity } from '../../../base/index.ts';
import type { Resource } from '../../object.ts';
import { PersistentVolumeClaims, PersistentVolumes } from '../../resources.ts';
import { type Causes, checkQuantity, checkSelector, dnsSubdomain, follow, POSITIVE } from '../check.ts';
import { ageColumn, column, nameColumn, wide } from '../columns.ts';
import { define } from '../define.ts';
import { oldVolumeAttachments } from '../legacy/others.ts';

const ACCESS: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** Access modes in the order and words of `kubectl get`. */
function modesText(modes: readonly string[] | undefined): string {
  return Object.keys(ACCESS)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => ACCESS[mode])
    .join(',');
}

function className(o: PersistentVolume | PersistentVolumeClaim): string {
  return o.metadata?.annotations?.[CLASS_ANNOTATION] ?? o.spec?.storageClassName ?? '';
}

const phaseText = (o: PersistentVolume | PersistentVolumeClaim): string =>
  o.metadata?.deletionTimestamp ? 'Terminating' : (o.status?.phase ?? '');

function attributesClass(o: PersistentVolume | PersistentVolumeClaim): string {
  return o.spec?.volumeAttributesClassName ?? '<unset>';
}

function checkAccessModes(causes: Causes, modes: readonly string[] | undefined, detail?: string): void {
  if (!modes?.length) causes.required('spec.accessModes', detail);
  for (const mode of modes ?? []) causes.oneOf('spec.accessModes', mode, Object.keys(ACCESS).sort());
  if (modes?.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && mode in ACCESS)) {
    causes.forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes');
  }
}

/** Fields of a volume's spec that are not where the bytes are. */
const BESIDE_SOURCE = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

const sourceOf = (spec: PersistentVolumeSpec | undefined): [string, unknown][] =>
  Object.entries(spec ?? {}).filter(([field]) => !BESIDE_SOURCE.has(field));

export const persistentVolumes = define<PersistentVolume>({
  resource: PersistentVolumes,
  shortNames: ['pv'],
  schema: 'k8s.io.api.core.v1.PersistentVolume',
  status: true,
  default(o) {
    const spec = (o.spec ??= {});
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    (o as { status?: object }).status ??= { phase: 'Pending' };
  },
  check(causes, o, old) {
    const { spec = {} } = o;
    checkAccessModes(causes, spec.accessModes);
    const capacity = Object.entries(spec.capacity ?? {});
    if (!capacity.length) causes.required('spec.capacity');
    if (!spec.capacity?.['storage'] || capacity.length > 1) causes.unsupported('spec.capacity', spec.capacity ?? null, ['storage']);
    for (const [name, quantity] of capacity) checkQuantity(causes, `spec.capacity[${name}]`, quantity, POSITIVE);
    causes.oneOf('spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain']);
    causes.oneOf('spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem']);
    const [first, ...others] = sourceOf(spec);
    if (!first) causes.required('spec', 'must specify a volume type');
    for (const [field] of others) causes.forbidden(`spec.${field}`, 'may not specify more than 1 volume type');
    if (spec.hostPath && !spec.hostPath.path) causes.required('spec.hostPath.path');
    if (spec.local && !spec.nodeAffinity?.required) causes.required('spec.nodeAffinity', 'Local volume requires node affinity');
    if (spec.storageClassName) follow(causes, 'spec.storageClassName', spec.storageClassName, dnsSubdomain);
    if (!old) return;
    if (canonicalJson(sourceOf(spec)) !== canonicalJson(sourceOf(old.spec))) {
      causes.forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation');
    }
    causes.immutable('volumeMode', spec.volumeMode, old.spec?.volumeMode);
  },
  columns: [
    nameColumn,
    column('Capacity', (o) => String(o.spec?.capacity?.['storage'] ?? '0')),
    column('Access Modes', (o) => modesText(o.spec?.accessModes)),
    column('Reclaim Policy', (o) => o.spec?.persistentVolumeReclaimPolicy ?? ''),
    column('Status', phaseText),
    column('Claim', (o) => (o.spec?.claimRef ? `${o.spec.claimRef.namespace ?? ''}/${o.spec.claimRef.name ?? ''}` : '')),
    column('StorageClass', className),
    column('VolumeAttributesClass', attributesClass),
    column('Reason', (o) => o.status?.reason ?? ''),
    ageColumn,
    wide('VolumeMode', (o) => o.spec?.volumeMode ?? '<unset>'),
  ],
});

export const persistentVolumeClaims = define<PersistentVolumeClaim>({
  resource: PersistentVolumeClaims,
  shortNames: ['pvc'],
  schema: 'k8s.io.api.core.v1.PersistentVolumeClaim',
  status: true,
  default(o) {
    const spec = (o.spec ??= {});
    spec.volumeMode ??= 'Filesystem';
    if (spec.dataSource) spec.dataSourceRef ??= { ...spec.dataSource };
    (o as { status?: object }).status ??= { phase: 'Pending' };
  },
  check: (causes, o, old) => checkClaim(causes, o, old),
  columns: [
    nameColumn,
    column('Status', phaseText),
    column('Volume', (o) => o.spec?.volumeName ?? ''),
    column('Capacity', (o) => (o.spec?.volumeName ? String(o.status?.capacity?.['storage'] ?? '0') : '')),
    column('Access Modes', (o) => (o.spec?.volumeName ? modesText(o.status?.accessModes) : '')),
    column('StorageClass', className),
    column('VolumeAttributesClass', attributesClass),
    ageColumn,
    wide('VolumeMode', (o) => o.spec?.volumeMode ?? '<unset>'),
  ],
});

function checkClaim(causes: Causes, o: PersistentVolumeClaim, old: PersistentVolumeClaim | undefined): void {
  const { spec = {} } = o;
  checkAccessModes(causes, spec.accessModes, 'at least 1 access mode is required');
  if (spec.selector) checkSelector(causes, 'spec.selector', spec.selector);
  const asked = spec.resources?.requests?.['storage'];
  if (asked === undefined) causes.required('spec.resources[storage]');
  else checkQuantity(causes, 'spec.resources[storage]', asked, POSITIVE);
  if (spec.storageClassName) follow(causes, 'spec.storageClassName', spec.storageClassName, dnsSubdomain);
  causes.oneOf('spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem']);
  if (!old?.spec) return;
  const bound = o.status?.phase === 'Bound';
  if (fixedPart(spec, bound, old.spec) !== fixedPart(old.spec, bound, old.spec)) {
    causes.forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims');
  }
  const [size, has] = [asked, o.status?.capacity?.['storage'] ?? '0'].map((q) => (q === undefined ? undefined : parseQuantity(q)));
  const before = parseQuantity(old.spec.resources?.requests?.['storage'] ?? '0');
  if (size !== undefined && before !== undefined && size < before && size <= (has ?? 0)) {
    causes.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
  }
  causes.immutable('volumeMode', spec.volumeMode, old.spec.volumeMode);
}

type ClaimSpec = NonNullable<PersistentVolumeClaim['spec']>;

/** What of a claim stays as it was made. Volume and class are named once, and may be so later. */
function fixedPart(spec: ClaimSpec, bound: boolean, before: ClaimSpec): string {
  const { resources, volumeName, ...rest } = spec;
  if (before.storageClassName === undefined) delete rest.storageClassName;
  if (bound) delete rest.volumeAttributesClassName;
  return canonicalJson({ ...rest, ...(bound ? {} : { resources }), ...(before.volumeName ? { volumeName } : {}) });
}

const Attachments: Resource<VolumeAttachment> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
};

export const volumeAttachments = define<VolumeAttachment>({
  resource: Attachments,
  schema: 'k8s.io.api.storage.v1.VolumeAttachment',
  status: true,
  default(o) {
    (o as { status?: object }).status ??= { attached: false };
  },
  check(causes, o, old) {
    const { spec } = o;
    // Said twice, by the rule for the field and by the one for names of drivers.
    if (!spec?.attacher) for (let times = 0; times < 2; times++) causes.required('spec.attacher');
    const { persistentVolumeName, inlineVolumeSpec } = spec?.source ?? {};
    if ((persistentVolumeName === undefined) === (inlineVolumeSpec === undefined)) {
      const why = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
      if (inlineVolumeSpec) causes.forbidden('spec.source', why);
      else causes.required('spec.source', why);
    }
    if (persistentVolumeName === '') {
      causes.required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName');
      follow(causes, 'spec.source.persistentVolumeName', '', dnsSubdomain);
    }
    follow(causes, 'spec.nodeName', spec?.nodeName, dnsSubdomain);
    if (old) causes.immutable('spec', spec, old.spec);
  },
  columns: [
    nameColumn,
    column('Attacher', (o) => o.spec.attacher),
    column('PV', (o) => o.spec.source?.persistentVolumeName ?? ''),
    column('Node', (o) => o.spec.nodeName),
    column('Attached', (o) => o.status?.attached ?? false, 'boolean'),
    ageColumn,
  ],
  legacy: oldVolumeAttachments,
});
