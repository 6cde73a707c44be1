/** The pod template of a primary: the target's, with names of its own. Pure. */
import type { PodAffinityTerm, PodSpec, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1.js';
import { Canaries, type Canary } from '../../api/index.ts';
import { sha256Hex } from '../../base/index.ts';
import { controllerReference } from '../../control/index.ts';
import { primaryName, SELECTOR_LABELS, type SelectorLabel } from '../names.ts';
import { revisionText } from '../revision.ts';
import type { Settings } from '../settings.ts';
import { withConfigs, type TrackedConfig } from '../tracking.ts';

/** Rolls the primary when only the contents of its ConfigMaps and Secrets have changed. */
const FLAGGER_ID = 'flagger-id';

/** Follows from what is promoted, so that the same promotion done twice rolls the pods once. */
function flaggerId(revision: string, configs: readonly TrackedConfig[]): string {
  const h = sha256Hex(`${revision} ${configs.map((c) => `${c.id}=${c.checksum}`).join(' ')}`, 32);
  return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-');
}

/** A pod template under other names. */
export interface Renaming {
  /** The label that tells the workloads' pods apart, and its values. */
  readonly label: string;
  readonly from: string;
  readonly to: string;
  /** The names of ConfigMaps and Secrets, by `configmap/<name>` and `secret/<name>`. */
  readonly configs: ReadonlyMap<string, string>;
}

export function primaryTemplate(template: PodTemplateSpec, selector: SelectorLabel, configs: readonly TrackedConfig[]): PodTemplateSpec {
  const { label, value } = selector;
  const names = new Map(configs.map((c) => [c.id, primaryName(c.name)]));
  const renamed = renamedTemplate(template, { label, from: value, to: primaryName(value), configs: names });
  const annotations = { ...template.metadata?.annotations, [FLAGGER_ID]: flaggerId(revisionText(template), configs) };
  return { ...renamed, metadata: { ...renamed.metadata, annotations } };
}

/** The target's own template again: without what only copies have. */
export function targetTemplate(copy: PodTemplateSpec, renaming: Renaming): PodTemplateSpec {
  const renamed = renamedTemplate(copy, renaming);
  const { annotations: { [FLAGGER_ID]: _, ...annotations } = {}, ...metadata } = renamed.metadata ?? {};
  return { ...renamed, metadata: { ...metadata, ...(Object.keys(annotations).length ? { annotations } : {}) } };
}

export function renamedTemplate(template: PodTemplateSpec, renaming: Renaming): PodTemplateSpec {
  return {
    ...template,
    metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [renaming.label]: renaming.to } },
    ...(template.spec ? { spec: apart(withConfigs(template.spec, renaming.configs), renaming) } : {}),
  };
}

/** A copy keeps its pods apart from its own pods, not from those of whom it is a copy. */
function apart(spec: PodSpec, renaming: Renaming): PodSpec {
  const anti = spec.affinity?.podAntiAffinity;
  const term = (t: PodAffinityTerm): PodAffinityTerm => (t.labelSelector ? { ...t, labelSelector: renamed(t.labelSelector, renaming) } : t);
  return {
    ...spec,
    ...(anti
      ? {
          affinity: {
            ...spec.affinity,
            podAntiAffinity: {
              ...(anti.requiredDuringSchedulingIgnoredDuringExecution
                ? { requiredDuringSchedulingIgnoredDuringExecution: anti.requiredDuringSchedulingIgnoredDuringExecution.map(term) }
                : {}),
              ...(anti.preferredDuringSchedulingIgnoredDuringExecution
                ? {
                    preferredDuringSchedulingIgnoredDuringExecution: anti.preferredDuringSchedulingIgnoredDuringExecution.map((p) => ({
                      ...p,
                      podAffinityTerm: term(p.podAffinityTerm),
                    })),
                  }
                : {}),
            },
          },
        }
      : {}),
    ...(spec.topologySpreadConstraints
      ? {
          topologySpreadConstraints: spec.topologySpreadConstraints.map((c) =>
            c.labelSelector ? { ...c, labelSelector: renamed(c.labelSelector, renaming) } : c,
          ),
        }
      : {}),
  };
}

function renamed(selector: LabelSelector, { label: own, from, to }: Renaming): LabelSelector {
  const names = (label: string): boolean => label === own || SELECTOR_LABELS.includes(label);
  const named = (label: string, v: string): string => (names(label) && v === from ? to : v);
  return {
    ...selector,
    ...(selector.matchLabels
      ? { matchLabels: Object.fromEntries(Object.entries(selector.matchLabels).map(([k, v]) => [k, named(k, v)])) }
      : {}),
    ...(selector.matchExpressions
      ? {
          matchExpressions: selector.matchExpressions.map((e) => (e.values ? { ...e, values: e.values.map((v) => named(e.key, v)) } : e)),
        }
      : {}),
  };
}

/** The metadata of a primary. Annotations that belong to whoever wrote the target do not belong on its copy. */
export function primaryMetadata(
  canary: Canary,
  settings: Settings,
  target: { metadata?: ObjectMeta },
  selector: SelectorLabel | undefined,
): ObjectMeta {
  const annotations = Object.entries(target.metadata?.annotations ?? {}).filter(
    ([k]) =>
      !/^(kubectl\.kubernetes\.io|deployment\.kubernetes\.io|deprecated\.daemonset\.template\.generation)|toolkit\.fluxcd\.io/.test(k),
  );
  return {
    name: primaryName(settings.target),
    namespace: settings.namespace,
    ...(selector ? { labels: { [selector.label]: primaryName(selector.value) } } : {}),
    annotations: Object.fromEntries(annotations),
    ownerReferences: [controllerReference(Canaries, canary)],
  };
}
