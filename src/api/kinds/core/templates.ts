import type { PodTemplate, ReplicationController } from 'kubernetes-types/core/v1.js';
import type { Resource } from '../../object.ts';
import { ReplicationControllers } from '../../resources.ts';
import { checkTemplate, SCALE, templateColumns } from '../apps/template.ts';
import { ageColumn, column, containersText, imagesText, labelsText, nameColumn, wide } from '../columns.ts';
import { define } from '../define.ts';
import { defaultPodSpec } from './pod-defaults.ts';

const Templates: Resource<PodTemplate> = { group: '', version: 'v1', kind: 'PodTemplate', plural: 'podtemplates', namespaced: true };

export const podTemplates = define<PodTemplate>({
  resource: Templates,
  schema: 'k8s.io.api.core.v1.PodTemplate',
  default(o) {
    if (o.template?.spec) defaultPodSpec(o.template.spec);
  },
  check: (causes, o) => checkTemplate(causes, o.template, undefined, 'template'),
  columns: [
    nameColumn,
    column('Containers', (o) => containersText(o.template?.spec)),
    column('Images', (o) => imagesText(o.template?.spec)),
    column('Pod Labels', (o) => labelsText(o.template?.metadata?.labels)),
  ],
});

export const replicationControllers = define<ReplicationController>({
  resource: ReplicationControllers,
  shortNames: ['rc'],
  categories: ['all'],
  schema: 'k8s.io.api.core.v1.ReplicationController',
  status: true,
  scale: SCALE,
  default(o) {
    const spec = o.spec;
    if (!spec) return;
    spec.replicas ??= 1;
    const labels = spec.template?.metadata?.labels;
    if (labels) {
      if (!Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
      if (!Object.keys(o.metadata?.labels ?? {}).length) (o.metadata ??= {}).labels = { ...labels };
    }
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    (o as { status?: object }).status ??= { replicas: 0 };
  },
  check(causes, o) {
    const spec = o.spec;
    causes.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
    if (!Object.keys(spec?.selector ?? {}).length) causes.required('spec.selector');
    causes.nonNegative('spec.replicas', spec?.replicas);
    if (!spec?.template) return causes.required('spec.template');
    const labels = spec.template.metadata?.labels ?? {};
    if (Object.entries(spec.selector ?? {}).some(([key, value]) => labels[key] !== value)) {
      causes.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
    }
    checkTemplate(causes, spec.template, ['Always']);
  },
  columns: [
    nameColumn,
    column('Desired', (o) => o.spec?.replicas ?? 0, 'integer'),
    column('Current', (o) => o.status?.replicas ?? 0, 'integer'),
    column('Ready', (o) => o.status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    ...templateColumns<ReplicationController>((o) => o.spec?.template),
    wide('Selector', (o) => labelsText(o.spec?.selector)),
  ],
  selectableFields: ['status.replicas'],
});
