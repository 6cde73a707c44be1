/**
 * The version before: a copy of the primary as it was before it followed the last release, asleep while it does and awake from then on
 * until the window of an undo ends. The canary's Service leads to it meanwhile, so that every proxy knows its pods before they are
 * needed, and a route is all that an undo has to change. Pure.
 */
import type { ObjectMeta } from 'kubernetes-types/meta/v1.js';
import { Canaries, type CanaryRelease, type CanaryStatus } from '../api/index.ts';
import { canonicalJson, rfc3339 } from '../base/index.ts';
import { controllerReference } from '../control/index.ts';
import { kindOf, phaseOf, revisionOf, type Observation } from './decision.ts';
import { previousName, primaryName, selectorLabel } from './names.ts';
import { revisionText } from './revision.ts';
import { renamedTemplate, targetTemplate, type Renaming } from './targets/template.ts';
import type { Workload } from './targets/target.ts';
import { checksums, configId, type ConfigRef } from './tracking.ts';

/** On the copy: the ConfigMaps and Secrets that were copied for it, by the names their author gave them. */
const CONFIGS = 'sluice.io/configs';
/** On the copy: the revision it is of. */
const REVISION = 'sluice.io/revision';

type Side = 'target' | 'primary' | 'previous';

const NAME: Readonly<Record<Side, (name: string) => string>> = { target: (name) => name, primary: primaryName, previous: previousName };

function renaming(o: Observation, configs: readonly ConfigRef[], from: Side, to: Side): Renaming {
  const { label = '', value = '' } = (o.target && selectorLabel(o.target, o.settings)) ?? {};
  const names = configs.map(({ kind, name }) => [configId({ kind, name: NAME[from](name) }), NAME[to](name)] as const);
  return { label, from: NAME[from](value), to: NAME[to](value), configs: new Map(names) };
}

/** The copy; `configs` are what has been copied for it. */
export function previousOf(o: Observation, configs: readonly ConfigRef[]): Workload {
  const names = renaming(o, configs, 'primary', 'previous');
  const metadata: ObjectMeta = {
    name: previousName(o.settings.target),
    namespace: o.settings.namespace,
    ...(names.label ? { labels: { [names.label]: names.to } } : {}),
    annotations: { [CONFIGS]: configs.map(configId).join(','), [REVISION]: o.canary.status?.lastPromotedSpec ?? '' },
    ownerReferences: [controllerReference(Canaries, o.canary)],
  };
  return kindOf(o).previous(o.primary!, metadata, names);
}

/** What was copied for the copy. */
export function configsOfPrevious(previous: Workload): ConfigRef[] {
  const ids = previous.metadata?.annotations?.[CONFIGS]?.split(',').filter(Boolean) ?? [];
  return ids.map((id) => {
    const [kind, name = ''] = id.split('/');
    return { kind: kind === 'secret' ? 'secret' : 'configmap', name };
  });
}

/** The target with the spec that the copy came from. */
export function restoredTarget(o: Observation, previous: Workload): Workload {
  const names = renaming(o, configsOfPrevious(previous), 'previous', 'target');
  return kindOf(o).restored(o.target!, previous, (template) => targetTemplate(template, names));
}

/** The primary as it was when the copy was made. */
export function restoredPrimary(o: Observation, primary: Workload, previous: Workload): Workload {
  const names = renaming(o, configsOfPrevious(previous), 'previous', 'primary');
  return kindOf(o).restored(primary, previous, (template) => renamedTemplate(template, names));
}

/** The copy is awake, and the canary's Service leads to it. */
export const isWarm = (o: Observation): boolean => o.previous !== undefined && o.canary.status?.previous !== undefined;

/** The primary returns to the version before. */
export const isUndoing = (o: Observation): boolean =>
  o.canary.status?.undone !== undefined && (phaseOf(o) === 'Promoting' || phaseOf(o) === 'Finalising');

/** Milliseconds until the copy is to go; undefined when there is none, or it carries traffic. */
export function windowLeft(o: Observation): number | undefined {
  if (!o.previous || (o.weights?.canary ?? 0) > 0) return undefined;
  return Math.max(0, (Date.parse(o.canary.status?.previous?.until ?? '') || 0) - o.now);
}

const imagesOf = (o: Observation, of: Workload): string[] | undefined =>
  kindOf(o)
    .pods(of)
    ?.spec?.containers.flatMap((c) => c.image ?? []);

/** What the status says of a copy that is awake from now on. */
export function warmed(o: Observation): Partial<CanaryStatus> {
  if (!o.previous) return { previous: undefined };
  const images = imagesOf(o, o.previous);
  const revision = o.previous.metadata?.annotations?.[REVISION] ?? '';
  return { previous: { revision, ...(images ? { images } : {}), until: rfc3339(o.now + o.settings.undoWindowMs) } };
}

/** What the status notes of the release that is undone, and as tried: what the copy came from. */
export function undone(o: Observation, previous: Workload): Partial<CanaryStatus> {
  const { lastPromotedSpec = '', trackedConfigs, history = [], undone: already } = o.canary.status ?? {};
  const released: CanaryRelease | undefined = history.findLast((r) => r.outcome === 'Promoted');
  return {
    lastAppliedSpec: revisionText(kindOf(o).revised(restoredTarget(o, previous))),
    undone:
      already?.revision === lastPromotedSpec
        ? already
        : {
            revision: lastPromotedSpec,
            ...(released?.images ? { images: released.images } : {}),
            ...(trackedConfigs ? { trackedConfigs } : {}),
            time: rfc3339(o.now),
          },
  };
}

/** The target is what was undone: somebody, or a sync from Git, has applied it again. It is no release until it changes. */
export function isUndone(o: Observation): boolean {
  const { undone: release } = o.canary.status ?? {};
  if (!release || revisionOf(o) !== release.revision) return false;
  return canonicalJson(release.trackedConfigs ?? {}) === canonicalJson(checksums(o.configs));
}
