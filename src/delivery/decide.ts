/**
 * The canary machine: from what is seen, what to do. Pure; every phase of Flagger's state machine is a function here.
 * Effects are idempotent and come in an order that is safe to cut at any point: traffic moves before capacity goes.
 */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Canary, CanaryPhase, CanaryStatus, WebhookType } from '../api/index.ts';
import { windowMs, type HookResult, type Verdict } from './checks.ts';
import { statusWith } from './conditions.ts';
import { selectorLabel } from './primary.ts';
import { readinessOf, type Readiness } from './readiness.ts';
import { revisionOf } from './revision.ts';
import { ALL_PRIMARY, type Weights } from './routes.ts';
import { maxWeight, nextWeight, type Settings } from './settings.ts';

export interface Observation {
  readonly canary: Canary;
  readonly settings: Settings;
  readonly target: Deployment | undefined;
  readonly primary: Deployment | undefined;
  /** What the VirtualService says; undefined when it is missing or names neither backend. */
  readonly weights: Weights | undefined;
  /** Milliseconds until the next step of the analysis is due; 0: now. */
  readonly dueIn: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Answers to what {@link wanted} asked for. */
export interface Answers {
  readonly hooks: Readonly<Partial<Record<WebhookType, readonly HookResult[]>>>;
  /** The first metric that did not pass; undefined when all did. */
  readonly metrics: Verdict | undefined;
}

export type Effect =
  /** Creates the primary, and the Services and DestinationRules of both. */
  | { readonly do: 'create-backends' }
  /** Creates or corrects the apex Service and the VirtualService. */
  | { readonly do: 'create-apex'; readonly weights: Weights }
  | { readonly do: 'route'; readonly weights: Weights }
  | { readonly do: 'scale-target'; readonly replicas: number }
  | { readonly do: 'copy-to-primary' }
  | { readonly do: 'post-rollout'; readonly phase: CanaryPhase };

export interface Said {
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
}

export interface Decision {
  readonly effects: readonly Effect[];
  readonly says: readonly Said[];
  readonly status: CanaryStatus | undefined;
  /** Look again after so many milliseconds; undefined: when something changes. */
  readonly after: number | undefined;
  /** A step of the analysis was taken: the next one is an interval away. */
  readonly stepped: boolean;
}

/** How long to wait before looking again at something that is about to change and is watched anyway. */
const SOON_MS = 1_000;

const info = (message: string): Said => ({ type: 'Normal', message });
const warn = (message: string): Said => ({ type: 'Warning', message });

interface Plan {
  effects?: Effect[];
  says?: Said[];
  status?: Partial<CanaryStatus>;
  /** In place of the phase's own text in the condition. */
  message?: string;
  after?: number;
  stepped?: boolean;
}

function decision(o: Observation, plan: Plan): Decision {
  return {
    effects: plan.effects ?? [],
    says: plan.says ?? [],
    status: plan.status ? statusWith(o.canary.status, plan.status, o.now, plan.message) : undefined,
    after: plan.after,
    stepped: plan.stepped ?? false,
  };
}

const phaseOf = (o: Observation): CanaryPhase => o.canary.status?.phase || 'Initializing';
const canaryIs = (o: Observation): string => `${o.settings.name}.${o.settings.namespace}`;
const targetIs = (o: Observation): string => `${o.settings.target}.${o.settings.namespace}`;
const primaryIs = (o: Observation): string => `${o.settings.target}-primary.${o.settings.namespace}`;

function targetReadiness(o: Observation): Readiness {
  return readinessOf(o.target!, o.settings.canaryReadyPercent, o.settings.progressDeadlineMs, o.now);
}

function primaryReadiness(o: Observation): Readiness {
  if (!o.primary) return { state: 'waiting', message: 'it does not exist yet' };
  return readinessOf(o.primary, o.settings.primaryReadyPercent, o.settings.progressDeadlineMs, o.now);
}

/** True when the target is neither what was last tried nor what is promoted: returning to the promoted version is no release. */
function changed(o: Observation): boolean {
  const { lastAppliedSpec, lastPromotedSpec } = o.canary.status ?? {};
  const revision = revisionOf(o.target!);
  return !lastAppliedSpec || (revision !== lastAppliedSpec && revision !== lastPromotedSpec);
}

const failedChecks = (o: Observation): number => o.canary.status?.failedChecks ?? 0;
const overThreshold = (o: Observation): boolean => failedChecks(o) >= o.settings.threshold;

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
      if (o.dueIn > 0 || restarts(o) || targetReadiness(o).state !== 'ready' || overThreshold(o) || o.settings.skipAnalysis) return nothing;
      const weight = o.weights?.canary ?? 0;
      const first = weight === 0;
      const full = weight >= maxWeight(o.settings.steps);
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

/** During an analysis: the target is no longer the revision that is analysed. */
function restarts(o: Observation): boolean {
  return revisionOf(o.target!) !== o.canary.status?.lastAppliedSpec;
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

/** What the target runs at while it is tried out: its own count, or the primary's when it was scaled to zero. */
function wantedReplicas(o: Observation): number {
  return o.target!.spec?.replicas || o.primary?.spec?.replicas || 1;
}

function closedGate(answers: Answers, type: WebhookType): HookResult | undefined {
  return answers.hooks[type]?.find((r) => !r.ok);
}

function progress(o: Observation, answers: Answers): Decision {
  if (restarts(o)) return restart(o);
  const replicas = wantedReplicas(o);
  const scaleUp: Effect[] = o.target!.spec?.replicas === 0 ? [{ do: 'scale-target', replicas }] : [];
  if (scaleUp.length > 0) return decision(o, { effects: scaleUp, after: SOON_MS });
  const ready = targetReadiness(o);
  if (ready.state === 'failed') return rollBack(o, warn(`Rolling back ${canaryIs(o)} progress deadline exceeded: ${ready.message}`));
  if (ready.state === 'waiting')
    return decision(o, {
      says: o.dueIn === 0 ? [warn(`canary deployment ${targetIs(o)} not ready: ${ready.message}`)] : [],
      after: SOON_MS,
      stepped: o.dueIn === 0,
    });
  if (o.settings.skipAnalysis) return skip(o);
  if (overThreshold(o)) return rollBack(o, warn(`Rolling back ${canaryIs(o)} failed checks threshold reached ${failedChecks(o)}`));
  if (o.dueIn > 0) return decision(o, { after: o.dueIn });
  if (answers.hooks.rollback?.some((r) => r.ok)) return rollBack(o, warn(`Rolling back ${canaryIs(o)} manual webhook invoked`));
  return analyse(o, answers);
}

/** The target changed under the analysis. Back to the promoted version means the release is off; anything else starts over. */
function restart(o: Observation): Decision {
  const revision = revisionOf(o.target!);
  const back: Effect = { do: 'route', weights: ALL_PRIMARY };
  if (revision === o.canary.status?.lastPromotedSpec)
    return decision(o, {
      effects: [back, { do: 'scale-target', replicas: 0 }],
      says: [info(`Revision reverted! Ending analysis for ${targetIs(o)}`)],
      status: { phase: 'Succeeded', canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: revision },
    });
  return decision(o, {
    effects: [back],
    says: [info(`New revision detected! Restarting analysis for ${targetIs(o)}`)],
    status: { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: revision },
    after: SOON_MS,
  });
}

function halt(o: Observation, says: Said[], counts: boolean): Decision {
  const failures = failedChecks(o) + (counts ? 1 : 0);
  // At the threshold there is nothing to wait for: the next look rolls back.
  const after = failures >= o.settings.threshold ? 0 : o.settings.intervalMs;
  return decision(o, { says, status: { phase: phaseOf(o), failedChecks: failures }, after, stepped: true });
}

function analyse(o: Observation, answers: Answers): Decision {
  const weight = o.weights?.canary ?? 0;
  const first = weight === 0;
  const says: Said[] = [];
  if (first) says.push(info(`Starting canary analysis for ${targetIs(o)}`));
  const failed = closedGate(answers, first ? 'pre-rollout' : 'rollout');
  if (failed) {
    const what = first ? 'pre-rollout check' : 'external check';
    return halt(o, [...says, warn(`Halt ${canaryIs(o)} advancement ${what} ${failed.hook.name} failed ${failed.error}`)], true);
  }
  if (first) for (const r of answers.hooks['pre-rollout'] ?? []) says.push(info(`Pre-rollout check ${r.hook.name} passed`));
  if (!first && answers.metrics && answers.metrics.kind !== 'pass')
    return halt(o, [warn(answers.metrics.message)], answers.metrics.kind === 'fail' || measurable(o));
  const gate = closedGate(answers, 'confirm-traffic-increase');
  if (gate)
    return decision(o, {
      says: [...says, warn(`Halt ${canaryIs(o)} advancement waiting for traffic increase approval ${gate.hook.name}`)],
      after: o.settings.intervalMs,
      stepped: true,
    });
  if (weight < maxWeight(o.settings.steps)) {
    const next = nextWeight(o.settings.steps, weight);
    return decision(o, {
      effects: [{ do: 'route', weights: { primary: 100 - next, canary: next } }],
      says: [...says, info(`Advance ${canaryIs(o)} canary weight ${next}`)],
      status: { phase: 'Progressing', canaryWeight: next },
      after: o.settings.intervalMs,
      stepped: true,
    });
  }
  return startPromotion(o, answers, says);
}

/** The metrics' windows have been under the canary's traffic in full, so that "no values" means "no traffic". */
function measurable(o: Observation): boolean {
  const since = Date.parse(o.canary.status?.conditions?.[0]?.lastUpdateTime ?? '');
  const longest = Math.max(0, ...o.settings.metrics.map(windowMs));
  return o.now - since > longest + o.settings.intervalMs;
}

function startPromotion(o: Observation, answers: Answers, says: Said[]): Decision {
  const gate = closedGate(answers, 'confirm-promotion');
  if (gate) {
    const entered = phaseOf(o) !== 'WaitingPromotion';
    return decision(o, {
      says: entered ? [...says, warn(`Halt ${canaryIs(o)} advancement waiting for promotion approval ${gate.hook.name}`)] : says,
      status: { phase: 'WaitingPromotion' },
      after: o.settings.intervalMs,
      stepped: true,
    });
  }
  for (const r of answers.hooks['confirm-promotion'] ?? []) says.push(info(`Confirm-promotion check ${r.hook.name} passed`));
  return decision(o, {
    effects: [{ do: 'copy-to-primary' }],
    says: [...says, info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting' },
    after: SOON_MS,
  });
}

/** `skipAnalysis`: the new version goes to the primary as soon as its own pods are ready. */
function skip(o: Observation): Decision {
  return decision(o, {
    effects: [{ do: 'route', weights: ALL_PRIMARY }, { do: 'copy-to-primary' }],
    says: [info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting' },
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

function rollBack(o: Observation, reason: Said): Decision {
  return decision(o, {
    effects: [
      { do: 'route', weights: ALL_PRIMARY },
      { do: 'scale-target', replicas: 0 },
      { do: 'post-rollout', phase: 'Failed' },
    ],
    says: [reason, warn(`Canary failed! Scaling down ${canaryIs(o)}`)],
    status: { phase: 'Failed', canaryWeight: 0, failedChecks: 0, iterations: 0 },
  });
}
