import type { ControllerRevision, DaemonSet, StatefulSet } from 'kubernetes-types/apps/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { ControllerRevisions, DaemonSets, StatefulSets } from '../../resources.ts';
import { ageColumn, column, labelsText, nameColumn, selectorText, wide } from '../columns.ts';
import { oldControllerRevisions, oldDaemonSets, oldStatefulSets } from '../legacy/workloads.ts';
import { defaultPodSpec } from '../core/pod-defaults.ts';
import { define } from '../define.ts';
import { checkIntOrPercent, checkWorkload, SCALE, templateColumns } from './template.ts';

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];
const CHANGEABLE_TEXT = CHANGEABLE.map((field) => `'${field}'`)
  .join(', ')
  .replace(/, ('\w+')$/, ' and $1');

/** What of a StatefulSet's spec stays as it was made. */
const fixed = (set: StatefulSet): object =>
  Object.fromEntries(Object.entries(set.spec ?? {}).filter(([field]) => !CHANGEABLE.includes(field)));

export const statefulSets = define<StatefulSet>({
  resource: StatefulSets,
  shortNames: ['sts'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.StatefulSet',
  status: true,
  scale: SCALE,
  default(o) {
    const spec = o.spec;
    if (!spec) return;
    spec.replicas ??= 1;
    spec.podManagementPolicy ||= 'OrderedReady';
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') (strategy.rollingUpdate ??= {}).partition ??= 0;
    spec.revisionHistoryLimit ??= 10;
    spec.persistentVolumeClaimRetentionPolicy ??= { whenDeleted: 'Retain', whenScaled: 'Retain' };
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    (o as { status?: object }).status ??= { replicas: 0, availableReplicas: 0 };
  },
  check(causes, o, old) {
    const claims = (o.spec?.volumeClaimTemplates ?? []).map((c) => c.metadata?.name ?? '');
    checkWorkload(causes, o.spec, undefined, claims);
    if (old && canonicalJson(fixed(o)) !== canonicalJson(fixed(old)))
      causes.forbidden('spec', `updates to statefulset spec for fields other than ${CHANGEABLE_TEXT} are forbidden`);
    causes.oneOf('spec.updateStrategy.type', o.spec?.updateStrategy?.type, ['OnDelete', 'RollingUpdate']);
    causes.oneOf('spec.podManagementPolicy', o.spec?.podManagementPolicy, ['OrderedReady', 'Parallel']);
  },
  columns: [
    nameColumn,
    column('Ready', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`),
    ageColumn,
    ...templateColumns<StatefulSet>((o) => o.spec?.template),
  ],
  legacy: oldStatefulSets,
});

export const daemonSets = define<DaemonSet>({
  resource: DaemonSets,
  shortNames: ['ds'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.DaemonSet',
  status: true,
  default(o) {
    const spec = o.spec;
    if (!spec) return;
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      const rolling = (strategy.rollingUpdate ??= {});
      rolling.maxUnavailable ??= 1;
      rolling.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    (o as { status?: object }).status ??= { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  },
  check(causes, o, old) {
    checkWorkload(causes, o.spec, old?.spec);
    causes.oneOf('spec.updateStrategy.type', o.spec?.updateStrategy?.type, ['OnDelete', 'RollingUpdate']);
    checkIntOrPercent(causes, 'spec.updateStrategy.rollingUpdate.maxUnavailable', o.spec?.updateStrategy?.rollingUpdate?.maxUnavailable);
  },
  columns: [
    nameColumn,
    column('Desired', (o) => o.status?.desiredNumberScheduled ?? 0, 'integer'),
    column('Current', (o) => o.status?.currentNumberScheduled ?? 0, 'integer'),
    column('Ready', (o) => o.status?.numberReady ?? 0, 'integer'),
    column('Up-to-date', (o) => o.status?.updatedNumberScheduled ?? 0, 'integer'),
    column('Available', (o) => o.status?.numberAvailable ?? 0, 'integer'),
    column('Node Selector', (o) => labelsText(o.spec?.template?.spec?.nodeSelector)),
    ageColumn,
    ...templateColumns<DaemonSet>((o) => o.spec?.template),
    wide('Selector', (o) => selectorText(o.spec?.selector)),
  ],
  legacy: oldDaemonSets,
});

function controllerOf(o: ControllerRevision): string {
  const owner = o.metadata?.ownerReferences?.find((r) => r.controller);
  if (!owner) return '<none>';
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}

export const controllerRevisions = define<ControllerRevision>({
  resource: ControllerRevisions,
  schema: 'k8s.io.api.apps.v1.ControllerRevision',
  columns: [nameColumn, column('Controller', controllerOf), column('Revision', (o) => o.revision, 'integer'), ageColumn],
  legacy: oldControllerRevisions,
});
