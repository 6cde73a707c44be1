/** The primary: the copy of the target that serves users while a new version is tried out. Pure. */
import type { Deployment, DeploymentSpec } from 'kubernetes-types/apps/v1.js';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { Canaries, type Canary } from '../api/index.ts';
import { controllerReference } from '../control/index.ts';
import type { Settings } from './settings.ts';

export const primaryName = (name: string): string => `${name}-primary`;
export const canaryName = (name: string): string => `${name}-canary`;

/** Labels that may tell one workload's pods from another's, in the order in which they are looked for. */
const SELECTOR_LABELS = ['app', 'name', 'app.kubernetes.io/name'];

/** The label that tells target and primary apart; undefined when the Deployment selects by none of the known ones. */
export function selectorLabel(target: Deployment): { label: string; value: string } | undefined {
  const labels = target.spec?.selector.matchLabels ?? {};
  const label = SELECTOR_LABELS.find((l) => labels[l] !== undefined);
  return label === undefined ? undefined : { label, value: labels[label]! };
}

function primaryTemplate(target: Deployment): PodTemplateSpec {
  const selector = selectorLabel(target)!;
  const template = target.spec!.template;
  return {
    ...template,
    metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [selector.label]: primaryName(selector.value) } },
  };
}

/** The part of the primary's spec that follows the target's at each promotion. */
export function promotedSpec(target: Deployment): Partial<DeploymentSpec> {
  const { minReadySeconds, progressDeadlineSeconds, revisionHistoryLimit, strategy } = target.spec!;
  return { minReadySeconds, progressDeadlineSeconds, revisionHistoryLimit, strategy, template: primaryTemplate(target) };
}

export function primaryDeployment(canary: Canary, settings: Settings, target: Deployment): Deployment {
  const selector = selectorLabel(target)!;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: primaryName(settings.target),
      namespace: settings.namespace,
      labels: { [selector.label]: primaryName(selector.value) },
      annotations: ownAnnotations(target),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: {
      ...promotedSpec(target),
      replicas: Math.max(target.spec?.replicas ?? 1, 1),
      selector: { matchLabels: { [selector.label]: primaryName(selector.value) } },
      template: primaryTemplate(target),
    },
  };
}

/** Annotations that belong to whoever wrote the target do not belong on its copy. */
function ownAnnotations(target: Deployment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target.metadata?.annotations ?? {}).filter(
      ([k]) => !/^(kubectl\.kubernetes\.io|deployment\.kubernetes\.io)\/|toolkit\.fluxcd\.io/.test(k),
    ),
  );
}
