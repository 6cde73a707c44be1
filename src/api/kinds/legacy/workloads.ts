/** Old versions of what runs pods: their selectors came from the template, and their defaults were others. */
import type { LegacyVersion } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { oldVersion, withSpec } from './version.ts';

type Spec = Record<string, unknown>;

const OLDEST = { until: [8, 16] } as const;
const OLD = { until: [9, 16] } as const;
/** What stood for "no limit" before there was a default. */
const NEVER = 2_147_483_647;

/** A template's labels were the selector of who gave none. */
function selecting(spec: Spec): Spec {
  const labels = (spec['template'] as { metadata?: { labels?: object } } | undefined)?.metadata?.labels;
  return spec['selector'] || !labels ? spec : { ...spec, selector: { matchLabels: { ...labels } } };
}

function deployment(defaults: { step: number | string; history: number; deadline: number }): (o: AnyObject) => AnyObject {
  return (o) =>
    withSpec(o, ({ rollbackTo: _rollback, ...spec }) => {
      const strategy = { type: 'RollingUpdate', ...(spec['strategy'] as { type?: string; rollingUpdate?: object } | undefined) };
      if (strategy.type === 'RollingUpdate') {
        strategy.rollingUpdate = { maxUnavailable: defaults.step, maxSurge: defaults.step, ...strategy.rollingUpdate };
      }
      return {
        revisionHistoryLimit: defaults.history,
        progressDeadlineSeconds: defaults.deadline,
        ...selecting(spec),
        strategy,
      };
    });
}

function updating(type: string): (o: AnyObject) => AnyObject {
  return (o) =>
    withSpec(o, ({ templateGeneration: _generation, ...spec }) => ({
      ...selecting(spec),
      updateStrategy: { type, ...(spec['updateStrategy'] as object | undefined) },
    }));
}

export const oldDeployments: readonly LegacyVersion[] = [
  oldVersion({ of: 'apps/v1beta2', kind: 'Deployment', message: 'k8s.io.api.apps.v1beta2.Deployment', ...OLD, use: 'apps/v1 Deployment' }),
  oldVersion({
    of: 'apps/v1beta1',
    kind: 'Deployment',
    message: 'k8s.io.api.apps.v1beta1.Deployment',
    ...OLDEST,
    use: 'apps/v1 Deployment',
    upgrade: deployment({ step: '25%', history: 2, deadline: 600 }),
  }),
  oldVersion({
    of: 'extensions/v1beta1',
    kind: 'Deployment',
    message: 'k8s.io.api.extensions.v1beta1.Deployment',
    ...OLDEST,
    use: 'apps/v1 Deployment',
    upgrade: deployment({ step: 1, history: NEVER, deadline: NEVER }),
  }),
];

export const oldReplicaSets: readonly LegacyVersion[] = [
  oldVersion({ of: 'apps/v1beta2', kind: 'ReplicaSet', message: 'k8s.io.api.apps.v1beta2.ReplicaSet', ...OLD, use: 'apps/v1 ReplicaSet' }),
  oldVersion({
    of: 'extensions/v1beta1',
    kind: 'ReplicaSet',
    message: 'k8s.io.api.extensions.v1beta1.ReplicaSet',
    ...OLDEST,
    use: 'apps/v1 ReplicaSet',
    upgrade: (o) => withSpec(o, selecting),
  }),
];

export const oldDaemonSets: readonly LegacyVersion[] = [
  oldVersion({ of: 'apps/v1beta2', kind: 'DaemonSet', message: 'k8s.io.api.apps.v1beta2.DaemonSet', ...OLD, use: 'apps/v1 DaemonSet' }),
  oldVersion({
    of: 'extensions/v1beta1',
    kind: 'DaemonSet',
    message: 'k8s.io.api.extensions.v1beta1.DaemonSet',
    ...OLDEST,
    use: 'apps/v1 DaemonSet',
    upgrade: updating('OnDelete'),
    downgrade: (o) => withSpec(o, (spec) => ({ ...spec, templateGeneration: o.metadata?.generation ?? 1 })),
  }),
];

export const oldStatefulSets: readonly LegacyVersion[] = [
  oldVersion({
    of: 'apps/v1beta2',
    kind: 'StatefulSet',
    message: 'k8s.io.api.apps.v1beta2.StatefulSet',
    ...OLD,
    use: 'apps/v1 StatefulSet',
  }),
  oldVersion({
    of: 'apps/v1beta1',
    kind: 'StatefulSet',
    message: 'k8s.io.api.apps.v1beta1.StatefulSet',
    ...OLDEST,
    use: 'apps/v1 StatefulSet',
    upgrade: updating('OnDelete'),
  }),
];

export const oldControllerRevisions: readonly LegacyVersion[] = [
  oldVersion({ of: 'apps/v1beta2', kind: 'ControllerRevision', ...OLD, use: 'apps/v1 ControllerRevision' }),
  oldVersion({ of: 'apps/v1beta1', kind: 'ControllerRevision', ...OLDEST, use: 'apps/v1 ControllerRevision' }),
];
