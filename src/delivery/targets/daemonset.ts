import type { DaemonSet, DaemonSetSpec } from 'kubernetes-types/apps/v1.js';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { DaemonSets } from '../../api/index.ts';
import { primaryName, selectorLabel } from '../names.ts';
import { daemonSetReadiness } from '../readiness.ts';
import type { Origin, TargetKind } from './target.ts';
import { primaryMetadata, primaryTemplate, renamedTemplate } from './template.ts';

/** A DaemonSet has no replicas: it sleeps by asking for a node that does not exist. */
const ASLEEP = 'flagger.app/scale-to-zero';

/** The template as its author wrote it, asleep or not; a selector that is empty since it was woken is none. */
function awake(target: DaemonSet): PodTemplateSpec {
  const template = target.spec!.template;
  const { [ASLEEP]: _, ...nodeSelector } = template.spec?.nodeSelector ?? {};
  if (!template.spec?.nodeSelector) return template;
  const { nodeSelector: _all, ...spec } = template.spec;
  return { ...template, spec: { ...spec, ...(Object.keys(nodeSelector).length ? { nodeSelector } : {}) } };
}

const isAsleep = (target: DaemonSet): boolean => target.spec?.template.spec?.nodeSelector?.[ASLEEP] !== undefined;

function promotedSpec({ settings, target, configs }: Origin<DaemonSet>): Omit<DaemonSetSpec, 'selector'> {
  const { minReadySeconds, revisionHistoryLimit, updateStrategy } = target.spec!;
  return {
    ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
    ...(revisionHistoryLimit === undefined ? {} : { revisionHistoryLimit }),
    ...(updateStrategy === undefined ? {} : { updateStrategy }),
    template: primaryTemplate(awake(target), selectorLabel(target, settings)!, configs),
  };
}

function asleep(template: PodTemplateSpec): PodTemplateSpec {
  const nodeSelector = { ...template.spec?.nodeSelector, [ASLEEP]: 'true' };
  return { ...template, spec: { ...template.spec!, nodeSelector } };
}

export const daemonSets: TargetKind<DaemonSet> = {
  resource: DaemonSets,
  // Flagger's own spelling, which people's scripts look for.
  noun: 'damonset',
  revised: awake,
  pods: awake,
  readiness: (object, rule) => daemonSetReadiness(object, rule),
  primary(origin) {
    const selector = selectorLabel(origin.target, origin.settings)!;
    return {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: primaryMetadata(origin.canary, origin.settings, origin.target, selector),
      spec: { ...promotedSpec(origin), selector: { matchLabels: { [selector.label]: primaryName(selector.value) } } },
    };
  },
  promoted: (primary, origin) => ({ ...primary, spec: { ...primary.spec!, ...promotedSpec(origin) } }),
  previous(primary, metadata, renaming) {
    const selector = { matchLabels: { [renaming.label]: renaming.to } };
    const template = asleep(renamedTemplate(primary.spec!.template, renaming));
    return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: { ...primary.spec!, selector, template } };
  },
  restored(onto, copy, renamed) {
    const template = renamed(awake(copy));
    return { ...onto, spec: { ...onto.spec!, template: isAsleep(onto) ? asleep(template) : template } };
  },
  isAsleep,
  scaled(target, replicas) {
    if (isAsleep(target) === (replicas === 0)) return undefined;
    return { spec: { template: { spec: { nodeSelector: { [ASLEEP]: replicas === 0 ? 'true' : null } } } } };
  },
  replicas: () => undefined,
};
