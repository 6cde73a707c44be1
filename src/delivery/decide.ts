/**
 * The canary machine: from what is seen, what to do. Pure; every phase of Flagger's state machine is a function here, or in
 * analysis.ts. Effects are idempotent and come in an order that is safe to cut at any point: traffic moves before capacity goes.
 */
import type { WebhookType } from '../api/index.ts';
import {
  SOON_MS,
  canaryIs,
  closedGate,
  decision,
  info,
  overThreshold,
  phaseOf,
  primaryIs,
  primaryReadiness,
  provenSafe,
  targetIs,
  targetReadiness,
  wantedReplicas,
  warn,
  type Answers,
  type Decision,
  type Effect,
  type Observation,
} from './decision.ts';
import { progress, restarts } from './analysis.ts';
import { selectorLabel } from './primary.ts';
import { revisionOf } from './revision.ts';
import { ALL_PRIMARY } from './routes.ts';
import { maxWeight } from './settings.ts';

/** True when the target is neither what was last tried nor what is promoted: returning to the promoted version is no release. */
function changed(o: Observation): boolean {
  const { lastAppliedSpec, lastPromotedSpec } = o.canary.status ?? {};
  const revision = revisionOf(o.target!);
  return !lastAppliedSpec || (revision !== lastAppliedSpec && revision !== lastPromotedSpec);
}

/** Which hooks and metrics the machine wants answered before it decides. Nothing is asked twice within an interval. */
export function wanted(o: Observation): { hooks: readonly WebhookType[]; metrics: boolean } {
  const nothing = { hooks: [], metrics: false };
  if (!o.target || o.canary.spec.suspend) return nothing;
  switch (phaseOf(o)) {
    case 'Initialized':
    case 'Succeeded':
    case 'Failed':
    case 'Waiting':
      return changed(o) && o.dueIn === 0 && primaryReadiness(o).state === 'ready'
        ? { hooks: ['confirm-rollout'], metrics: false }
        : nothing;
    case 'Progressing':
    case 'WaitingPromotion': {
      if (
        o.dueIn > 0 ||
        o.judge?.verdict === 'harm' ||
        restarts(o) ||
        targetReadiness(o).state !== 'ready' ||
        overThreshold(o) ||
        o.settings.skipAnalysis
      )
        return nothing;
      const weight = o.weights?.canary ?? 0;
      const first = weight === 0;
      const full = weight >= maxWeight(o.settings.steps) || provenSafe(o);
      return {
        hooks: [
          'rollback',
          first ? 'pre-rollout' : 'rollout',
          'confirm-traffic-increase',
          ...(full ? (['confirm-promotion'] as const) : []),
        ],
        metrics: !first,
      };
    }
    default:
      return nothing;
  }
}

export function decide(o: Observation, answers: Answers): Decision {
  if (o.canary.spec.suspend) return decision(o, { says: [info('skipping canary run as object is suspended')] });
  if (!o.target) {
    const message = `Deployment ${targetIs(o)} not found: create it, or correct spec.targetRef.name.`;
    return decision(o, { says: [warn(message)], status: { phase: phaseOf(o) }, message });
  }
  if (!selectorLabel(o.target)) {
    const message = `Deployment ${targetIs(o)} selects its pods by none of the labels app, name and app.kubernetes.io/name: add one to spec.selector.matchLabels.`;
    return decision(o, { says: [warn(message)], status: { phase: phaseOf(o) }, message });
  }
  switch (phaseOf(o)) {
    case 'Initializing':
      return initialize(o);
    case 'Initialized':
    case 'Succeeded':
    case 'Failed':
    case 'Waiting':
      return rest(o, answers);
    case 'Progressing':
    case 'WaitingPromotion':
      return progress(o, answers);
    case 'Promoting':
      return promote(o);
    case 'Finalising':
      return finalise(o);
    default:
      return decision(o, {});
  }
}

function initialize(o: Observation): Decision {
  const effects: Effect[] = [{ do: 'create-backends' }];
  const ready = primaryReadiness(o);
  if (ready.state !== 'ready' && !(o.settings.skipAnalysis && o.primary)) {
    const says = o.primary ? [warn(`${primaryIs(o)} not ready: ${ready.message}`)] : [];
    return decision(o, { effects, says, status: { phase: 'Initializing' }, after: SOON_MS });
  }
  const revision = revisionOf(o.target!);
  return decision(o, {
    effects: [...effects, { do: 'create-apex', weights: ALL_PRIMARY }, { do: 'scale-target', replicas: 0 }],
    says: [info(`Initialization done! ${canaryIs(o)}`)],
    status: { phase: 'Initialized', lastAppliedSpec: revision, lastPromotedSpec: revision },
  });
}

/** No release goes on: objects are kept as they should be, and a new revision starts one. */
function rest(o: Observation, answers: Answers): Decision {
  const keep: Effect[] = [{ do: 'create-backends' }, { do: 'create-apex', weights: o.weights ?? ALL_PRIMARY }];
  if (!changed(o)) return o.dueIn === 0 ? decision(o, { effects: keep, stepped: true }) : decision(o, {});
  const primary = primaryReadiness(o);
  if (primary.state !== 'ready' && o.weights?.canary === 100) return rescue(o);
  if (primary.state !== 'ready')
    return decision(o, { effects: keep, says: [warn(`${primaryIs(o)} not ready: ${primary.message}`)], after: SOON_MS });
  if (o.dueIn > 0) return decision(o, { after: o.dueIn });
  const gate = closedGate(answers, 'confirm-rollout');
  if (gate) {
    const entered = phaseOf(o) !== 'Waiting';
    return decision(o, {
      says: entered ? [warn(`Halt ${canaryIs(o)} advancement waiting for approval ${gate.hook.name}`)] : [],
      status: { phase: 'Waiting' },
      after: o.settings.intervalMs,
      stepped: true,
    });
  }
  return decision(o, {
    effects: [...keep, { do: 'route', weights: ALL_PRIMARY }, { do: 'scale-target', replicas: wantedReplicas(o) }],
    says: [info(`New revision detected! Scaling up ${targetIs(o)}`)],
    status: { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: revisionOf(o.target!) },
    after: SOON_MS,
  });
}

/**
 * A promotion failed and the canary has carried all traffic since. A new revision is the way out: it rolls through the
 * target's own rolling update, and goes to the broken primary once it is ready there.
 */
function rescue(o: Observation): Decision {
  const ready = targetReadiness(o);
  if (ready.state !== 'ready')
    return decision(o, { says: [warn(`canary deployment ${targetIs(o)} not ready: ${ready.message}`)], after: SOON_MS });
  return decision(o, {
    effects: [{ do: 'copy-to-primary' }],
    says: [info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting', lastAppliedSpec: revisionOf(o.target!) },
    after: SOON_MS,
  });
}

/** The primary rolls to the new version while the canary carries its share; then traffic returns to the primary. */
function promote(o: Observation): Decision {
  const ready = primaryReadiness(o);
  if (ready.state === 'failed')
    return decision(o, {
      effects: [{ do: 'route', weights: { primary: 0, canary: 100 } }],
      says: [warn(`Promotion of ${targetIs(o)} failed, primary not ready: ${ready.message}`)],
      status: { phase: 'Failed', canaryWeight: 100 },
      message: 'Promotion failed: the primary did not become ready; the canary serves all traffic.',
    });
  if (ready.state === 'waiting') return decision(o, { effects: [{ do: 'copy-to-primary' }], after: SOON_MS });
  const primary = o.weights?.primary ?? 100;
  const step = o.settings.promotionStep;
  if (step > 0 && primary + step < 100) {
    if (o.dueIn > 0) return decision(o, { after: o.dueIn });
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
function finalise(o: Observation): Decision {
  const since = Date.parse(o.canary.status?.conditions?.[0]?.lastUpdateTime ?? '');
  const pause = Math.min(o.settings.intervalMs, SOON_MS);
  if (o.now - since < pause) return decision(o, { after: pause });
  const revision = o.canary.status?.lastAppliedSpec;
  return decision(o, {
    effects: [
      { do: 'scale-target', replicas: 0 },
      { do: 'post-rollout', phase: 'Succeeded' },
    ],
    says: [
      info(
        o.settings.skipAnalysis
          ? `Promotion completed! Canary analysis was skipped for ${targetIs(o)}`
          : `Promotion completed! Scaling down ${targetIs(o)}`,
      ),
    ],
    status: { phase: 'Succeeded', canaryWeight: 0, failedChecks: 0, iterations: 0, lastPromotedSpec: revision },
  });
}
