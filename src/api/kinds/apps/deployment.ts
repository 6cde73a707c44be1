import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.js';
import { Deployments, ReplicaSets } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { ageColumn, column, nameColumn, selectorText, wide } from '../columns.ts';
import { oldDeployments, oldReplicaSets } from '../legacy/workloads.ts';
import { defaultPodSpec } from '../core/pod-defaults.ts';
import { define } from '../define.ts';
import { checkIntOrPercent, checkWorkload, isZero, SCALE, templateColumns } from './template.ts';

export const deployments = define<Deployment>({
  resource: Deployments,
  shortNames: ['deploy'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.Deployment',
  status: true,
  scale: SCALE,
  default: defaultDeployment,
  check: checkDeployment,
  columns: [
    nameColumn,
    column('Ready', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec?.replicas ?? 0}`),
    column('Up-to-date', (o) => o.status?.updatedReplicas ?? 0, 'integer'),
    column('Available', (o) => o.status?.availableReplicas ?? 0, 'integer'),
    ageColumn,
    ...templateColumns<Deployment>((o) => o.spec?.template),
    wide('Selector', (o) => selectorText(o.spec?.selector)),
  ],
  legacy: oldDeployments,
});

/** Of a ReplicaSet, too. */
const WORDS = { of: 'deployment', wrong: 'invalid label selector', deadline: 'ReplicaSet' };

function defaultDeployment(deployment: Deployment): void {
  const spec = (deployment.spec ??= {} as NonNullable<Deployment['spec']>);
  (deployment as { status?: object }).status ??= {};
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function checkDeployment(causes: Causes, o: Deployment, old: Deployment | undefined): void {
  checkWorkload(causes, o.spec, old?.spec, WORDS);
  const { strategy, progressDeadlineSeconds: deadline, minReadySeconds = 0 } = o.spec ?? {};
  if (strategy?.type && !['Recreate', 'RollingUpdate'].includes(strategy.type)) {
    const { type: Type, rollingUpdate: RollingUpdate = null } = strategy;
    causes.unsupported('spec.strategy', { Type, RollingUpdate }, ['Recreate', 'RollingUpdate']);
  }
  const rolling = strategy?.rollingUpdate;
  if (rolling && strategy.type === 'Recreate') {
    causes.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'");
  } else if (rolling) {
    checkIntOrPercent(causes, 'spec.strategy.rollingUpdate.maxUnavailable', rolling.maxUnavailable, { most: 100 });
    checkIntOrPercent(causes, 'spec.strategy.rollingUpdate.maxSurge', rolling.maxSurge);
    if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) {
      causes.invalid('spec.strategy.rollingUpdate.maxUnavailable', rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0');
    }
  }
  causes.nonNegative('spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= minReadySeconds) {
    causes.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
  }
}

export const replicaSets = define<ReplicaSet>({
  resource: ReplicaSets,
  shortNames: ['rs'],
  categories: ['all'],
  schema: 'k8s.io.api.apps.v1.ReplicaSet',
  status: true,
  scale: SCALE,
  default(o) {
    o.spec ??= {} as NonNullable<ReplicaSet['spec']>;
    o.spec.replicas ??= 1;
    if (o.spec.template?.spec) defaultPodSpec(o.spec.template.spec);
    (o as { status?: object }).status ??= { replicas: 0 };
  },
  check: (causes, o, old) => checkWorkload(causes, o.spec, old?.spec, WORDS),
  columns: [
    nameColumn,
    column('Desired', (o) => o.spec?.replicas ?? 0, 'integer'),
    column('Current', (o) => o.status?.replicas ?? 0, 'integer'),
    column('Ready', (o) => o.status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    ...templateColumns<ReplicaSet>((o) => o.spec?.template),
    wide('Selector', (o) => selectorText(o.spec?.selector)),
  ],
  selectableFields: ['status.replicas'],
  legacy: oldReplicaSets,
});
