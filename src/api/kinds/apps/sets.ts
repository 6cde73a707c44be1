import type { ControllerRevision, DaemonSet, StatefulSet } from 'kubernetes-types/apps/v1.js';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { ControllerRevisions, DaemonSets, StatefulSets } from '../../resources.ts';
import { type Causes, checkAnnotations, checkLabels, dnsLabel } from '../check.ts';
import { ageColumn, column, labelsText, nameColumn, selectorText, wide } from '../columns.ts';
import { oldControllerRevisions, oldDaemonSets, oldStatefulSets } from '../legacy/workloads.ts';
import { defaultPodSpec } from '../core/pod-defaults.ts';
import { define } from '../define.ts';
import { checkIntOrPercent, checkWorkload, SCALE, templateColumns } from './template.ts';

export const statefulSets = define<StatefulSet>({
  resource: StatefulSets,
  shortNames: ['sts'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.StatefulSet',
  nameRule: dnsLabel,
  status: true,
  scale: SCALE,
  default(o) {
    const spec = (o.spec ??= {} as NonNullable<StatefulSet['spec']>);
    spec.replicas ??= 1;
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.serviceName ??= '';
    const strategy = (spec.updateStrategy ??= {});
    if (!strategy.type) {
      strategy.type = 'RollingUpdate';
      strategy.rollingUpdate ??= {};
    }
    if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) {
      strategy.rollingUpdate.partition ??= 0;
      strategy.rollingUpdate.maxUnavailable ??= 1;
    }
    spec.revisionHistoryLimit ??= 10;
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    retention.whenDeleted ||= 'Retain';
    retention.whenScaled ||= 'Retain';
    for (const claim of spec.volumeClaimTemplates ?? []) defaultClaimTemplate(claim);
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    (o as { status?: object }).status ??= { replicas: 0, availableReplicas: 0 };
  },
  check(causes, o, old) {
    // How many revisions are kept is not looked at, nor the selector by itself, which is in what cannot change at all.
    const { revisionHistoryLimit: _limit, ...spec } = o.spec ?? ({} as StatefulSetSpec);
    checkWorkload(causes, spec, undefined, {
      of: 'statefulset',
      wrong: '',
      deadline: 'StatefulSet',
      claims: o.spec?.volumeClaimTemplates?.map((c) => c.metadata?.name ?? ''),
    });
    // Once more than in other kinds.
    checkLabels(causes, 'spec.template.labels', spec.template?.metadata?.labels);
    checkAnnotations(causes, 'spec.template.annotations', spec.template?.metadata?.annotations);
    checkStatefulSet(causes, o.spec, old?.spec);
  },
  columns: [
    nameColumn,
    column('Ready', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`),
    ageColumn,
    ...templateColumns<StatefulSet>((o) => o.spec?.template),
  ],
  legacy: oldStatefulSets,
});

type StatefulSetSpec = NonNullable<StatefulSet['spec']>;

/** A claim inside a set is a claim all the same. */
function defaultClaimTemplate(claim: PersistentVolumeClaim): void {
  claim.apiVersion = 'v1';
  claim.kind = 'PersistentVolumeClaim';
  (claim.spec ??= {}).volumeMode ??= 'Filesystem';
  (claim as { status?: object }).status ??= { phase: 'Pending' };
}

/** Fields of a StatefulSet's spec that may change. */
const CHANGEABLE = [
  'minReadySeconds',
  'ordinals',
  'persistentVolumeClaimRetentionPolicy',
  'replicas',
  'revisionHistoryLimit',
  'template',
  'updateStrategy',
] as const;

function checkStatefulSet(causes: Causes, spec: Partial<StatefulSetSpec> = {}, old: StatefulSetSpec | undefined): void {
  const {
    updateStrategy: { type, rollingUpdate } = {},
    podManagementPolicy: policy,
    persistentVolumeClaimRetentionPolicy: retention,
  } = spec;
  if (type === 'RollingUpdate') causes.nonNegative('spec.updateStrategy.rollingUpdate.partition', rollingUpdate?.partition);
  else if (type === 'OnDelete') {
    if (rollingUpdate) {
      const shown = { Partition: rollingUpdate.partition ?? 0, MaxUnavailable: rollingUpdate.maxUnavailable ?? null };
      causes.invalid('spec.updateStrategy.rollingUpdate', shown, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else {
    causes.invalid('spec.updateStrategy', { Type: type, RollingUpdate: rollingUpdate ?? null }, "must be 'RollingUpdate' or 'OnDelete'");
  }
  if (policy && !['OrderedReady', 'Parallel'].includes(policy)) {
    causes.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  }
  for (const when of ['whenDeleted', 'whenScaled'] as const) {
    causes.oneOf(`spec.persistentVolumeClaimRetentionPolicy.${when}`, retention?.[when], ['Retain', 'Delete']);
  }
  causes.nonNegative('spec.ordinals.start', spec.ordinals?.start);
  if (!old) return;
  const fixed = (s: Partial<StatefulSetSpec>): string => {
    const rest: Partial<StatefulSetSpec> = { ...s };
    for (const field of CHANGEABLE) delete rest[field];
    return canonicalJson(rest);
  };
  if (fixed(spec) !== fixed(old)) {
    causes.forbidden(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    );
  }
}

/** Counts the changes of a DaemonSet's template, as kubectl of old looked for it. */
const GENERATION = 'deprecated.daemonset.template.generation';

function countTemplate(o: DaemonSet, old: DaemonSet | undefined): void {
  const before = Number(old?.metadata?.annotations?.[GENERATION] ?? 0);
  const changed = !old || canonicalJson(o.spec?.template ?? null) !== canonicalJson(old.spec?.template ?? null);
  const metadata = (o.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [GENERATION]: String(changed ? before + 1 : before) };
}

function checkDaemonUpdates(causes: Causes, strategy: NonNullable<DaemonSet['spec']>['updateStrategy']): void {
  const at = 'spec.updateStrategy';
  const { type, rollingUpdate: rolling } = strategy ?? {};
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate')
    return causes.unsupported(at, { Type: type, RollingUpdate: rolling ?? null }, ['RollingUpdate', 'OnDelete']);
  const { maxUnavailable, maxSurge } = rolling ?? {};
  checkIntOrPercent(causes, `${at}.rollingUpdate.maxUnavailable`, maxUnavailable, { most: 100 });
  checkIntOrPercent(causes, `${at}.rollingUpdate.maxSurge`, maxSurge, { most: 100 });
  const some = (value: number | string | undefined): boolean => (Number.parseInt(String(value ?? 0), 10) || 0) !== 0;
  if (some(maxUnavailable) && some(maxSurge)) {
    causes.invalid(`${at}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero');
  }
  if (!some(maxUnavailable) && !some(maxSurge)) causes.required(`${at}.rollingUpdate.maxUnavailable`, 'cannot be 0 when maxSurge is 0');
}

export const daemonSets = define<DaemonSet>({
  resource: DaemonSets,
  shortNames: ['ds'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.DaemonSet',
  status: true,
  default(o, old) {
    const spec = (o.spec ??= {} as NonNullable<DaemonSet['spec']>);
    countTemplate(o, old);
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
    checkWorkload(causes, o.spec, old?.spec, { of: 'daemonset', optional: true, deadline: 'DaemonSet' });
    checkDaemonUpdates(causes, o.spec?.updateStrategy);
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
  default(o) {
    o.revision ??= 0;
  },
  check(causes, o, old) {
    if (o.data === undefined) causes.required('data', 'data is mandatory');
    causes.nonNegative('revision', o.revision);
    if (old) causes.immutable('data', o.data, old.data);
  },
  columns: [nameColumn, column('Controller', controllerOf), column('Revision', (o) => o.revision, 'integer'), ageColumn],
  legacy: oldControllerRevisions,
});
