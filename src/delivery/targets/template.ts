/** The pod template of a primary: the target's, with names of its own. Pure. */
import type { PodAffinityTerm, PodSpec, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1.js';
import { Canaries, type Canary } from '../../api/index.ts';
import { sha256Hex } from '../../base/index.ts';
import { controllerReference } from '../../control/index.ts';
import { primaryName, SELECTOR_LABELS, type SelectorLabel } from '../names.ts';
import { revisionText } from '../revision.ts';
import type { Settings } from '../settings.ts';
import { withPrimaryConfigs, type TrackedConfig } from '../tracking.ts';

/** Rolls the primary when only the contents of its ConfigMaps and Secrets have changed. */
const FLAGGER_ID = 'flagger-id';

/** Follows from what is promoted, so that the same promotion done twice rolls the pods once. */
function flaggerId(revision: string, configs: readonly TrackedConfig[]): string {
  const h = sha256Hex(`${revision} ${configs.map((c) => `${c.id}=${c.checksum}`).join(' ')}`, 32);
  return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join('-');
}

export function primaryTemplate(template: PodTemplateSpec, selector: SelectorLabel, configs: readonly TrackedConfig[]): PodTemplateSpec {
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: { ...template.metadata?.labels, [selector.label]: primaryName(selector.value) },
      annotations: { ...template.metadata?.annotations, [FLAGGER_ID]: flaggerId(revisionText(template), configs) },
    },
    ...(template.spec ? { spec: apart(withPrimaryConfigs(template.spec, configs), selector) } : {}),
  };
}

/** The primary keeps its pods apart from its own pods, not from the target's. */
function apart(spec: PodSpec, own: SelectorLabel): PodSpec {
  const anti = spec.affinity?.podAntiAffinity;
  const term = (t: PodAffinityTerm): PodAffinityTerm => (t.labelSelector ? { ...t, labelSelector: renamed(t.labelSelector, own) } : t);
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
            c.labelSelector ? { ...c, labelSelector: renamed(c.labelSelector, own) } : c,
          ),
        }
      : {}),
  };
}

function renamed(selector: LabelSelector, own: SelectorLabel): LabelSelector {
  const names = (label: string): boolean => label === own.label || SELECTOR_LABELS.includes(label);
  const named = (label: string, v: string): string => (names(label) && v === own.value ? primaryName(v) : v);
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
