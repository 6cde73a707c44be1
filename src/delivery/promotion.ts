/** The end of a release: the primary follows, traffic returns to it, the canary sleeps. Pure. */
import { isPaused, type CanaryStatus } from '../api/index.ts';
import { applied, isApplied } from './change.ts';
import {
  SOON_MS,
  ageOf,
  byRequest,
  canaryIs,
  canaryNotReady,
  decision,
  info,
  primaryIs,
  primaryReadiness,
  sinceMoved,
  targetIs,
  targetReadiness,
  troubled,
  warn,
  type Decision,
  type Effect,
  type Observation,
} from './decision.ts';
import { keepers } from './group.ts';
import { isUndoing, undone, warmed } from './previous.ts';
import { ALL_PRIMARY } from './routes.ts';
import type { Workload } from './targets/target.ts';

/**
 * A promotion failed and the canary has carried all traffic since. A new revision is the way out: it rolls through the
 * target's own rolling update, and goes to the broken primary once it is ready there.
 */
export function rescue(o: Observation): Decision {
  const ready = targetReadiness(o);
  if (ready.state !== 'ready') return decision(o, { says: [canaryNotReady(o, ready.message)], after: SOON_MS });
  return decision(o, {
    effects: [{ do: 'copy-to-primary' }],
    says: [info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting', ...applied(o) },
    after: SOON_MS,
    begins: true,
  });
}

/** The primary rolls to the new version while the canary carries its share; then traffic returns to the primary. */
export function promote(o: Observation): Decision {
  const ready = primaryReadiness(o);
  const stuck = ready.state === 'waiting' && sinceMoved(o) > o.settings.progressDeadlineMs;
  if (ready.state === 'failed' || stuck)
    return decision(o, {
      effects: [{ do: 'route', weights: { primary: 0, canary: 100, everyone: true } }],
      says: [warn(`Promotion of ${targetIs(o)} failed, primary not ready: ${ready.message}`), ...troubled(o)],
      status: { phase: 'Failed', canaryWeight: 100 },
      message: 'Promotion failed: the primary did not become ready; the canary serves all traffic.',
    });
  if (ready.state === 'waiting') {
    // What was pushed meanwhile has not been analysed: it is a release of its own, after this one.
    const effects: Effect[] = isUndoing(o) ? [{ do: 'restore-primary' }] : isApplied(o) || !o.primary ? [{ do: 'copy-to-primary' }] : [];
    return decision(o, { effects, after: SOON_MS });
  }
  const primary = o.weights?.primary ?? 100;
  const step = o.settings.promotionStep;
  if (step > 0 && primary + step < 100) {
    if (o.dueIn > 0) return decision(o, { after: o.dueIn });
    if (isPaused(o.canary)) return decision(o, { after: o.settings.intervalMs, stepped: true });
    const next = primary + step;
    return decision(o, {
      effects: [{ do: 'route', weights: { primary: next, canary: 100 - next } }],
      says: [info(`Advance ${canaryIs(o)} primary weight ${next}`)],
      status: { phase: 'Promoting', canaryWeight: 100 - next },
      after: o.settings.intervalMs,
      stepped: true,
    });
  }
  return decision(o, {
    effects: [{ do: 'route', weights: ALL_PRIMARY }],
    says: [info('Routing all traffic to primary')],
    status: { phase: 'Finalising', canaryWeight: 0 },
    after: Math.min(o.settings.intervalMs, SOON_MS),
    stepped: true,
  });
}

/** Traffic left the canary at least a moment ago: its pods may go. */
export function finalise(o: Observation): Decision {
  const pause = Math.min(o.settings.intervalMs, SOON_MS);
  if (ageOf(o) < pause) return decision(o, { after: pause });
  if (isUndoing(o)) return undoneNow(o);
  const end = o.settings.skipAnalysis ? `Canary analysis was skipped for ${targetIs(o)}` : `Scaling down ${targetIs(o)}`;
  return decision(o, {
    effects: [
      { do: 'scale-target', replicas: 0 },
      ...(o.previous ? [{ do: 'wake-previous' } as const] : []),
      { do: 'post-rollout', phase: 'Succeeded' },
    ],
    says: [info(`Promotion completed! ${end}`)],
    status: { ...settledNow(o), ...warmed(o) },
    after: o.previous && o.settings.undoWindowMs,
  });
}

function settledNow(o: Observation): Partial<CanaryStatus> {
  const { lastAppliedSpec } = o.canary.status ?? {};
  return { phase: 'Succeeded', canaryWeight: 0, failedChecks: 0, iterations: 0, lastPromotedSpec: lastAppliedSpec };
}

/** The version before, which is kept warm, serves everyone from now on; target and primary follow. */
export function undo(o: Observation, previous: Workload): Decision {
  return decision(o, {
    effects: [
      { do: 'route', weights: { primary: 0, canary: 100, everyone: true } },
      // A target that has changed since is a release of its own, after this.
      ...(isApplied(o) ? [{ do: 'restore-target' } as const] : []),
      { do: 'restore-primary' },
    ],
    says: [
      warn(
        `Undoing the last release of ${targetIs(o)} ${byRequest(o)}: all traffic goes to ${o.settings.target}-previous.${o.settings.namespace}${keepers(o)}`,
      ),
    ],
    status: { phase: 'Promoting', canaryWeight: 100, ...undone(o, previous) },
    message: 'Undone by request: the version before serves all traffic while the primary returns to it.',
    after: SOON_MS,
  });
}

function undoneNow(o: Observation): Decision {
  return decision(o, {
    effects: [{ do: 'scale-target', replicas: 0 }, { do: 'drop-previous' }],
    says: [info(`Undo completed! ${primaryIs(o)} runs the version before`)],
    status: { ...settledNow(o), previous: undefined },
    message: 'Undone by request: the primary runs the version before.',
  });
}
