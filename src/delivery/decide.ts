/**
 * The canary machine: from what is seen, what to do. Pure; every phase of Flagger's state machine is a function here, in
 * analysis.ts, promotion.ts or deletion.ts. Effects are idempotent and come in an order that is safe to cut at any point: traffic
 * moves before capacity goes.
 */
import { isPaused, openRequest, type WebhookType } from '../api/index.ts';
import { controllerOf } from '../control/index.ts';
import { begin, progress, rollBack, rollBackByHook } from './analysis.ts';
import { applied, isApplied, isChanged } from './change.ts';
import { obey } from './control.ts';
import {
  SOON_MS,
  byWhom,
  canaryIs,
  closedGate,
  decision,
  info,
  overdue,
  overThreshold,
  phaseOf,
  primaryIs,
  primaryReadiness,
  provenSafe,
  revisionOf,
  sinceTold,
  targetIs,
  targetReadiness,
  warn,
  wasPaused,
  type Answers,
  type Decision,
  type Effect,
  type Observation,
} from './decision.ts';
import { isHeld, terminate } from './deletion.ts';
import { fallen } from './group.ts';
import { selectorLabel } from './names.ts';
import { isUndone, windowLeft } from './previous.ts';
import { finalise, promote, rescue } from './promotion.ts';
import { ALL_PRIMARY } from './routes.ts';
import { strategyOf } from './strategies/index.ts';

/** Questions in the order in which they are asked: a check that does not pass ends it, and gates come last. */
export interface Questions {
  readonly hooks: readonly WebhookType[];
  readonly metrics: boolean;
  readonly gates: readonly WebhookType[];
}

/** What the machine wants answered before it decides. Nothing is asked twice within an interval. */
export function wanted(o: Observation): Questions {
  const nothing = { hooks: [], metrics: false, gates: [] };
  if (!o.target || o.canary.spec.suspend || o.canary.metadata?.deletionTimestamp || misfit(o) || openRequest(o.canary)) return nothing;
  const phase = phaseOf(o);
  switch (phase) {
    case 'Initialized':
    case 'Succeeded':
    case 'Failed':
    case 'Waiting':
      if (!isChanged(o) || o.dueIn > 0 || primaryReadiness(o).state !== 'ready') return nothing;
      return { hooks: phase === 'Waiting' ? ['rollback'] : [], metrics: false, gates: isPaused(o.canary) ? [] : ['confirm-rollout'] };
    case 'Progressing':
    case 'WaitingPromotion': {
      if (
        o.dueIn > 0 ||
        o.judge?.verdict === 'harm' ||
        !isApplied(o) ||
        targetReadiness(o).state !== 'ready' ||
        overThreshold(o) ||
        o.settings.skipAnalysis
      )
        return nothing;
      const strategy = strategyOf(o.settings);
      const begun = strategy.hasBegun(o);
      if (isPaused(o.canary)) return { hooks: begun ? ['rollback', 'rollout'] : ['rollback'], metrics: begun, gates: [] };
      return {
        hooks: ['rollback', begun ? 'rollout' : 'pre-rollout'],
        metrics: begun,
        gates: [
          ...(strategy.asksForTraffic(o) ? (['confirm-traffic-increase'] as const) : []),
          ...(strategy.isTried(o) || provenSafe(o) ? (['confirm-promotion'] as const) : []),
        ],
      };
    }
    default:
      return nothing;
  }
}

const listed = (names: readonly string[]): string => [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');

/** Why nothing can be done with this target; undefined when it can be released. */
function misfit(o: Observation): string | undefined {
  const { kind } = o.settings;
  if (!o.target) return `${kind} ${targetIs(o)} not found: create it, or correct spec.targetRef.name.`;
  if (kind !== 'Service' && !selectorLabel(o.target, o.settings)) {
    const { selectorLabels } = o.settings;
    return `${kind} ${targetIs(o)} selects its pods by none of the labels ${listed(selectorLabels)}: add one to spec.selector.matchLabels.`;
  }
  const owner = o.primary && controllerOf(o.primary);
  if (owner && owner.uid !== o.canary.metadata?.uid)
    return `${kind} ${primaryIs(o)} belongs to ${owner.kind} ${owner.name}: two Canaries cannot release one target, delete one of them.`;
  return undefined;
}

export function decide(o: Observation, answers: Answers): Decision {
  if (o.canary.metadata?.deletionTimestamp) return terminate(o);
  if (o.canary.spec.suspend) return decision(o, { says: [info('skipping canary run as object is suspended')] });
  const message = misfit(o);
  if (message) return decision(o, { says: [warn(message)], problem: message });
  const revert = o.canary.spec.revertOnDeletion ?? false;
  if (revert !== isHeld(o)) return decision(o, { effects: [{ do: revert ? 'hold' : 'let-go' }], after: 0 });
  const made = obey(o) ?? byPhase(o, answers);
  const lost = made.begins || phaseOf(o) === 'Initializing' ? unscaled(o) : undefined;
  return lost ? { ...made, says: [...made.says, warn(lost)] } : made;
}

/** The autoscaler that is named is not there; releases do without one until it is. */
function unscaled({ settings: { autoscaler, namespace }, scaler }: Observation): string | undefined {
  if (!autoscaler || scaler) return undefined;
  return `${autoscaler.kind} ${autoscaler.name}.${namespace} not found: create it, or correct spec.autoscalerRef; until then the primary has none.`;
}

function byPhase(o: Observation, answers: Answers): Decision {
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
    const stuck = o.primary && sinceTold(o) > o.settings.progressDeadlineMs;
    const message = stuck ? `${primaryIs(o)} is not ready: ${ready.message}. Requests go where they went before, until it is.` : undefined;
    return decision(o, { effects, says, status: { phase: 'Initializing' }, message, after: SOON_MS });
  }
  return decision(o, {
    effects: [...effects, { do: 'create-apex', weights: ALL_PRIMARY }, { do: 'scale-target', replicas: 0 }],
    says: [info(`Initialization done! ${canaryIs(o)}`)],
    status: { phase: 'Initialized', ...applied(o), lastPromotedSpec: revisionOf(o) },
  });
}

/** No release goes on: objects are kept as they should be, and a new revision starts one. */
function rest(o: Observation, answers: Answers): Decision {
  const keep: Effect[] = [{ do: 'create-backends' }, { do: 'create-apex', weights: o.weights ?? ALL_PRIMARY }];
  const left = windowLeft(o);
  if (left === 0) return decision(o, { effects: [{ do: 'drop-previous' }], status: { phase: phaseOf(o), previous: undefined }, after: 0 });
  if (!isChanged(o)) {
    if (isUndone(o) && phaseOf(o) !== 'Failed' && !saysUndone(o)) return held(o, keep);
    // What waited for approval has been taken back.
    const status = phaseOf(o) === 'Waiting' ? ({ phase: 'Succeeded', ...applied(o) } as const) : undefined;
    if (status) return decision(o, { effects: keep, status, stepped: true });
    return o.dueIn === 0 ? decision(o, { effects: keep, after: left, stepped: true }) : decision(o, { after: left });
  }
  const primary = primaryReadiness(o);
  if (primary.state !== 'ready' && o.weights?.canary === 100) return rescue(o);
  if (primary.state !== 'ready')
    return decision(o, { effects: keep, says: [warn(`${primaryIs(o)} not ready: ${primary.message}`)], after: SOON_MS });
  if (o.dueIn > 0) return decision(o, { after: o.dueIn });
  if (answers.hooks.rollback?.some((r) => r.ok)) return rollBackByHook(o, answers, applied(o));
  const other = phaseOf(o) === 'Waiting' && fallen(o);
  if (other) return rollBack(o, warn(`Rolling back ${canaryIs(o)} since ${other}`), applied(o));
  const late = phaseOf(o) === 'Waiting' && overdue(o);
  if (late) return rollBack(o, warn(`Rolling back ${canaryIs(o)} ${late}`), applied(o));
  if (isPaused(o.canary)) {
    const says = wasPaused(o) ? [] : [info(`Paused ${canaryIs(o)}${byWhom(o)}: the new revision of ${targetIs(o)} is not released`)];
    return decision(o, { says, status: { phase: 'Waiting' }, after: o.settings.intervalMs, stepped: true });
  }
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
  const passed = (answers.hooks['confirm-rollout'] ?? []).map((r) => info(`Confirm-rollout check ${r.hook.name} passed`));
  return begin(o, passed);
}

const UNDONE_TEXT = 'Undone by request: what was undone is not released again until it changes.';
const saysUndone = (o: Observation): boolean => o.canary.status?.conditions?.[0]?.message === UNDONE_TEXT;

/** What was undone has been applied again, by a sync from Git perhaps. */
function held(o: Observation, keep: Effect[]): Decision {
  return decision(o, {
    effects: keep,
    says: [warn(`${targetIs(o)} is again what was undone: it is not released until it changes, or by "retry"`)],
    status: { phase: 'Succeeded' },
    message: UNDONE_TEXT,
    stepped: true,
  });
}
