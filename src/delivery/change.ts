/** Whether there is something to release: the target, or a ConfigMap or Secret it uses, is not what it was. Pure. */
import type { CanaryStatus } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { revisionOf, type Observation } from './decision.ts';
import { isUndone } from './previous.ts';
import { checksums } from './tracking.ts';

/** The target and its configuration are what was last tried. A Canary that never noted its configuration has it as it is. */
export function isApplied(o: Observation): boolean {
  const { lastAppliedSpec, trackedConfigs } = o.canary.status ?? {};
  const same = trackedConfigs === undefined || canonicalJson(trackedConfigs) === canonicalJson(checksums(o.configs));
  return revisionOf(o) === lastAppliedSpec && same;
}

/** They are what the primary runs. */
export function isPromoted(o: Observation): boolean {
  return revisionOf(o) === o.canary.status?.lastPromotedSpec && o.configs.every((c) => c.promoted);
}

/** Returning to the promoted version is no release, nor is what was undone until it changes. */
export function isChanged(o: Observation): boolean {
  return !o.canary.status?.lastAppliedSpec || (!isApplied(o) && !isPromoted(o) && !isUndone(o));
}

/** What the status notes as tried. */
export function applied(o: Observation): Partial<CanaryStatus> {
  return { lastAppliedSpec: revisionOf(o), trackedConfigs: checksums(o.configs) };
}
