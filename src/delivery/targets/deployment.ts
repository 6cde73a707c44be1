import type { Deployment, DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import { Deployments } from '../../api/index.ts';
import { primaryName, selectorLabel } from '../names.ts';
import { deploymentReadiness } from '../readiness.ts';
import type { Origin, TargetKind } from './target.ts';
import { primaryMetadata, primaryTemplate, renamedTemplate } from './template.ts';

/** The part of the primary's spec that follows the target's at each promotion. */
function promotedSpec({ settings, target, configs }: Origin<Deployment>): Partial<DeploymentSpec> & Pick<DeploymentSpec, 'template'> {
  const { minReadySeconds, progressDeadlineSeconds, revisionHistoryLimit, strategy, template } = target.spec!;
  return {
    minReadySeconds,
    progressDeadlineSeconds,
    revisionHistoryLimit,
    strategy,
    template: primaryTemplate(template, selectorLabel(target, settings)!, configs),
  };
}

export const deployments: TargetKind<Deployment> = {
  resource: Deployments,
  noun: 'deployment',
  revised: (target) => target.spec?.template ?? {},
  pods: (target) => target.spec?.template,
  readiness: (object, rule) => deploymentReadiness(object, rule),
  primary(origin) {
    const { canary, settings, target } = origin;
    const selector = selectorLabel(target, settings)!;
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: primaryMetadata(canary, settings, target, selector),
      spec: {
        ...promotedSpec(origin),
        replicas: Math.max(target.spec?.replicas ?? 1, 1),
        selector: { matchLabels: { [selector.label]: primaryName(selector.value) } },
      },
    };
  },
  /** Its replicas never fall at a promotion; with an autoscaler they are the autoscaler's. */
  promoted(primary, origin) {
    const own = primary.spec?.replicas ?? 1;
    const replicas = origin.settings.autoscaler ? own : Math.max(origin.target.spec?.replicas ?? 1, own);
    return { ...primary, spec: { ...primary.spec!, ...promotedSpec(origin), replicas } };
  },
  previous(primary, metadata, renaming) {
    const selector = { matchLabels: { [renaming.label]: renaming.to } };
    const template = renamedTemplate(primary.spec!.template, renaming);
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { ...primary.spec!, replicas: 0, selector, template } };
  },
  restored: (onto, copy, renamed) => ({ ...onto, spec: { ...onto.spec!, template: renamed(copy.spec!.template) } }),
  isAsleep: (target) => target.spec?.replicas === 0,
  scaled: (target, replicas) => (target.spec?.replicas === replicas ? undefined : { spec: { replicas } }),
  replicas: (object) => object.spec?.replicas,
};
