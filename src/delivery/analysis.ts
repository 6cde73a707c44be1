/** The part of the canary machine in which a new revision is tried out: step by step to a promotion or back. Pure. */
import { isPaused, type CanaryStatus, type WebhookType } from '../api/index.ts';
import { applied, isApplied, isPromoted } from './change.ts';
import { windowMs, type Verdict } from './checks.ts';
import {
  SOON_MS,
  ageOf,
  byWhom,
  canaryIs,
  canaryNotReady,
  closedGate,
  decision,
  failedChecks,
  info,
  kindOf,
  overdue,
  overThreshold,
  phaseOf,
  primaryIs,
  provenSafe,
  sinceMoved,
  targetIs,
  targetReadiness,
  troubled,
  wantedReplicas,
  warn,
  wasPaused,
  type Answers,
  type Decision,
  type Effect,
  type Observation,
  type Said,
} from './decision.ts';
import { allReady, fallen, isLocked, isReady, together, whenLocked } from './group.ts';
import { ALL_PRIMARY } from './routes.ts';
import { strategyOf } from './strategies/index.ts';

/** A release begins: the target wakes. */
export function begin(o: Observation, says: Said[]): Decision {
  return decision(o, {
    effects: [
      { do: 'create-backends' },
      { do: 'create-apex', weights: o.weights ?? ALL_PRIMARY },
      { do: 'route', weights: ALL_PRIMARY },
      ...(o.previous ? [{ do: 'drop-previous' } as const] : []),
      { do: 'scale-target', replicas: wantedReplicas(o) },
    ],
    says: [...says, info(`New revision detected! Scaling up ${targetIs(o)}`)],
    status: { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, ...applied(o) },
    after: SOON_MS,
    begins: true,
  });
}

export function progress(o: Observation, answers: Answers): Decision {
  if (!isApplied(o)) return restart(o);
  if (isLocked(o)) return whenLocked(o, () => startPromotion(o, []));
  const other = fallen(o);
  if (other) return rollBack(o, warn(`Rolling back ${canaryIs(o)} since ${other}`));
  if (kindOf(o).isAsleep(o.target!)) return decision(o, { effects: [{ do: 'scale-target', replicas: wantedReplicas(o) }], after: SOON_MS });
  const ready = targetReadiness(o);
  if (ready.state === 'failed') return rollBack(o, warn(`Rolling back ${canaryIs(o)} progress deadline exceeded: ${ready.message}`));
  const late = overdue(o);
  if (late) return rollBack(o, warn(`Rolling back ${canaryIs(o)} ${late}`));
  if (ready.state === 'waiting' && !strategyOf(o.settings).hasBegun(o) && sinceMoved(o) > o.settings.progressDeadlineMs)
    return rollBack(o, warn(`Rolling back ${canaryIs(o)} progress deadline exceeded: ${ready.message}`));
  if (ready.state === 'waiting')
    return decision(o, {
      says: o.dueIn === 0 ? [canaryNotReady(o, ready.message)] : [],
      after: SOON_MS,
      stepped: o.dueIn === 0,
    });
  if (o.settings.skipAnalysis) return together(o, [], () => skip(o));
  if (overThreshold(o)) return rollBack(o, warn(`Rolling back ${canaryIs(o)} failed checks threshold reached ${failedChecks(o)}`));
  if (o.judge?.verdict === 'harm') return rollBack(o, warn(`Rolling back ${canaryIs(o)} ${o.judge.message}`));
  const locked = isReady(o) && !isPaused(o.canary) ? allReady(o) : undefined;
  if (locked) return locked;
  if (o.dueIn > 0) return decision(o, { after: o.dueIn });
  if (answers.hooks.rollback?.some((r) => r.ok)) return rollBackByHook(o, answers);
  return analyse(o, answers);
}

/** The target changed under the analysis. Back to the promoted version means the release is off; anything else starts over. */
function restart(o: Observation): Decision {
  const back: Effect = { do: 'route', weights: ALL_PRIMARY };
  if (isPromoted(o))
    return decision(o, {
      effects: [back, { do: 'scale-target', replicas: 0 }],
      says: [info(`Revision reverted! Ending analysis for ${targetIs(o)}`)],
      status: { phase: 'Succeeded', canaryWeight: 0, failedChecks: 0, iterations: 0, ...applied(o) },
    });
  return decision(o, {
    effects: [back],
    says: [info(`New revision detected! Restarting analysis for ${targetIs(o)}`)],
    status: { phase: 'Progressing', canaryWeight: 0, failedChecks: 0, iterations: 0, ...applied(o) },
    after: SOON_MS,
    begins: true,
  });
}

function halt(o: Observation, says: Said[], counts: boolean): Decision {
  const failures = failedChecks(o) + (counts ? 1 : 0);
  // At the threshold there is nothing to wait for: the next look rolls back.
  const after = failures >= o.settings.threshold ? 0 : o.settings.intervalMs;
  return decision(o, { says, status: { phase: phaseOf(o), failedChecks: failures, group: undefined }, after, stepped: true });
}

/** Paused: the canary is still watched, and gets no more traffic. */
function hold(o: Observation, says: Said[]): Decision {
  const noticed = wasPaused(o) ? [] : [info(`Paused ${canaryIs(o)} at canary weight ${o.weights?.canary ?? 0}${byWhom(o)}`)];
  return decision(o, {
    says: [...says, ...noticed],
    status: { phase: phaseOf(o), group: undefined },
    after: o.settings.intervalMs,
    stepped: true,
  });
}

function analyse(o: Observation, answers: Answers): Decision {
  const strategy = strategyOf(o.settings);
  const begun = strategy.hasBegun(o);
  if (!begun && isPaused(o.canary)) return hold(o, []);
  const says: Said[] = wasPaused(o) && !isPaused(o.canary) ? [info(`Resumed ${canaryIs(o)}`)] : [];
  if (!begun) says.push(info(`Starting canary analysis for ${targetIs(o)}`), ...o.settings.warnings.map(warn));
  const failed = closedGate(answers, begun ? 'rollout' : 'pre-rollout');
  if (failed) {
    const what = begun ? 'external check' : 'pre-rollout check';
    return halt(o, [...says, warn(`Halt ${canaryIs(o)} advancement ${what} ${failed.hook.name} failed ${failed.error}`)], true);
  }
  says.push(...passed(answers, 'pre-rollout', 'Pre-rollout'));
  for (const r of answers.hooks.rollback ?? []) says.push(info(`Rollback hook ${r.hook.name} not signaling a rollback`));
  if (begun && answers.metrics && answers.metrics.kind !== 'pass')
    return halt(o, [warn(textOf(o, answers.metrics))], counts(o, answers.metrics));
  if (isPaused(o.canary)) return hold(o, says);
  const closed = closedGate(answers, 'confirm-traffic-increase');
  if (closed)
    return decision(o, {
      says: [...says, warn(`Halt ${canaryIs(o)} advancement waiting for traffic increase approval ${closed.hook.name}`)],
      after: o.settings.intervalMs,
      stepped: true,
    });
  says.push(...passed(answers, 'confirm-traffic-increase', 'Confirm-traffic-increase'));
  const gate = closedGate(answers, 'confirm-promotion');
  if (gate) {
    const entered = phaseOf(o) !== 'WaitingPromotion';
    return decision(o, {
      says: entered ? [...says, warn(`Halt ${canaryIs(o)} advancement waiting for promotion approval ${gate.hook.name}`)] : says,
      status: { phase: 'WaitingPromotion', group: undefined },
      after: o.settings.intervalMs,
      stepped: true,
    });
  }
  says.push(...passed(answers, 'confirm-promotion', 'Confirm-promotion'));
  if (provenSafe(o)) {
    says.push(info(`Ending analysis of ${canaryIs(o)} early: ${o.judge?.message}`));
    return together(o, says, () => startPromotion(o, says));
  }
  if (strategy.isTried(o)) return together(o, says, () => finish(o, says));
  // By request, before all was tried.
  if (isReady(o)) return together(o, says, () => startPromotion(o, says));
  return finish(o, says);
}

/** The next step, or the promotion. */
function finish(o: Observation, says: Said[]): Decision {
  const step = strategyOf(o.settings).step(o);
  if (!step) return startPromotion(o, says);
  return decision(o, {
    effects: step.weights ? [{ do: 'route', weights: step.weights }] : [],
    says: [...says, ...step.says],
    status: { phase: 'Progressing', ...step.status },
    after: o.settings.intervalMs,
    stepped: true,
  });
}

function passed(answers: Answers, type: WebhookType, name: string): Said[] {
  return (answers.hooks[type] ?? []).map((r) => info(`${name} check ${r.hook.name} passed`));
}

/** Whether a metric that did not pass is a failed check: no values are one only by the author's word, or when there was no traffic. */
function counts(o: Observation, verdict: Verdict): boolean {
  if (verdict.kind !== 'inconclusive') return verdict.kind === 'fail';
  return verdict.policy ? verdict.policy === 'fail' : measurable(o);
}

/** The metrics' windows have been under the canary's traffic in full, so that "no values" means "no traffic". */
const measurable = (o: Observation): boolean => ageOf(o) > measurableAfter(o);

const measurableAfter = ({ settings }: Observation): number => Math.max(0, ...settings.metrics.map(windowMs)) + settings.intervalMs;

/** Why it halts; of a release that has only begun also that what it lacks may still come. */
function textOf(o: Observation, verdict: Exclude<Verdict, { kind: 'pass' }>): string {
  if (verdict.kind === 'fail' || !verdict.lacks || verdict.policy || measurable(o)) return verdict.message;
  return `${verdict.message}; ${verdict.lacks} are waited for, this is a failed check from ${measurableAfter(o) / 1000}s of the release on`;
}

const kept = (o: Observation): Effect[] => (o.settings.undoWindowMs > 0 ? [{ do: 'keep-previous' }] : []);

export function startPromotion(o: Observation, says: Said[]): Decision {
  return decision(o, {
    effects: [...kept(o), { do: 'copy-to-primary' }],
    says: [...says, info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting' },
    after: SOON_MS,
  });
}

/** `skipAnalysis`: the new version goes to the primary as soon as its own pods are ready. */
function skip(o: Observation): Decision {
  return decision(o, {
    effects: [{ do: 'route', weights: ALL_PRIMARY }, ...kept(o), { do: 'copy-to-primary' }],
    says: [info(`Copying ${targetIs(o)} template spec to ${primaryIs(o)}`)],
    status: { phase: 'Promoting' },
    after: SOON_MS,
  });
}

/** A webhook says that it is to end. */
export function rollBackByHook(o: Observation, answers: Answers, noted?: Partial<CanaryStatus>): Decision {
  const { says, ...back } = rollBack(o, warn(`Rolling back ${canaryIs(o)} manual webhook invoked`), noted);
  const passed = (answers.hooks.rollback ?? []).filter((r) => r.ok).map((r) => warn(`Rollback check ${r.hook.name} passed`));
  // What it comes to is said first: it is the decision that is told of.
  return { ...back, says: says.toSpliced(1, 0, ...passed) };
}

/** `noted`: what else the status says from now on. */
export function rollBack(o: Observation, reason: Said, noted: Partial<CanaryStatus> = {}): Decision {
  return decision(o, {
    effects: [
      { do: 'route', weights: ALL_PRIMARY },
      { do: 'scale-target', replicas: 0 },
      { do: 'post-rollout', phase: 'Failed' },
    ],
    says: [reason, ...troubled(o), warn(`Canary failed! Scaling down ${canaryIs(o)}`)],
    status: { phase: 'Failed', canaryWeight: 0, failedChecks: 0, iterations: 0, group: undefined, ...noted },
  });
}
