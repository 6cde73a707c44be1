/** The part of the canary machine in which a new revision is tried out: step by step to a promotion or back. Pure. */
import { windowMs, type Verdict } from './checks.ts';
import {
  SOON_MS,
  canaryIs,
  closedGate,
  decision,
  failedChecks,
  info,
  overThreshold,
  phaseOf,
  primaryIs,
  provenSafe,
  targetIs,
  targetReadiness,
  wantedReplicas,
  warn,
  type Answers,
  type Decision,
  type Effect,
  type Observation,
  type Said,
} from './decision.ts';
import { revisionOf } from './revision.ts';
import { ALL_PRIMARY } from './routes.ts';
import { maxWeight, nextWeight } from './settings.ts';

/** During an analysis: the target is no longer the revision that is analysed. */
export function restarts(o: Observation): boolean {
  return revisionOf(o.target!) !== o.canary.status?.lastAppliedSpec;
}

export function progress(o: Observation, answers: Answers): Decision {
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
  if (o.judge?.verdict === 'harm') return rollBack(o, warn(`Rolling back ${canaryIs(o)} worse than the primary: ${o.judge.message}`));
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
    return halt(o, [warn(answers.metrics.message)], counts(o, answers.metrics));
  const gate = closedGate(answers, 'confirm-traffic-increase');
  if (gate)
    return decision(o, {
      says: [...says, warn(`Halt ${canaryIs(o)} advancement waiting for traffic increase approval ${gate.hook.name}`)],
      after: o.settings.intervalMs,
      stepped: true,
    });
  if (provenSafe(o)) says.push(info(`Ending analysis of ${canaryIs(o)} early: ${o.judge?.message}`));
  else if (weight < maxWeight(o.settings.steps)) {
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

/** Whether a metric that did not pass is a failed check: no values are one only by the author's word, or when there was no traffic. */
function counts(o: Observation, verdict: Verdict): boolean {
  if (verdict.kind !== 'inconclusive') return verdict.kind === 'fail';
  return verdict.policy ? verdict.policy === 'fail' : measurable(o);
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
