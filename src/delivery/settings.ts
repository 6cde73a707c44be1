/** What a Canary asks for, with Flagger's defaults filled in and everything parsed. Pure. */
import type { Canary, CanaryMetric, CanaryWebhook } from '../api/index.ts';
import { parseDuration } from '../base/index.ts';
import type { JudgeSettings } from './judge/judge.ts';
import { judgeSettingsOf } from './judge/judgement.ts';

export interface Settings {
  readonly name: string;
  readonly namespace: string;
  /** Name of the Deployment that is released. */
  readonly target: string;
  /** Name of the Service that clients call. */
  readonly apex: string;
  /** Milliseconds between two steps of an analysis. */
  readonly intervalMs: number;
  /** Failed checks at which the release is rolled back. */
  readonly threshold: number;
  /** Weights the canary goes through, ascending; the last is the one it is promoted from. */
  readonly steps: readonly number[];
  /** Weight the primary gains a tick while traffic returns to it; 0: all at once. */
  readonly promotionStep: number;
  readonly progressDeadlineMs: number;
  readonly primaryReadyPercent: number;
  readonly canaryReadyPercent: number;
  readonly skipAnalysis: boolean;
  readonly metrics: readonly CanaryMetric[];
  readonly webhooks: readonly CanaryWebhook[];
  readonly judge: JudgeSettings;
}

/** Flagger does not go below 10 s; here the floor only keeps a typing slip from spinning. */
const SHORTEST_INTERVAL_MS = 500;

/** The weights of `stepWeight` are clamped to 100 but not to maxWeight: 20 up to 50 goes 20, 40, 60 (as Flagger has it). */
function stepsOf(canary: Canary): number[] {
  const { stepWeight = 0, stepWeights, maxWeight = 0 } = canary.spec.analysis;
  if (stepWeight > 0) {
    const max = maxWeight > 0 ? Math.min(maxWeight, 100) : 100;
    const steps: number[] = [];
    for (let w = 0; w < max;) steps.push((w = Math.min(w + stepWeight, 100)));
    return steps;
  }
  return (stepWeights ?? []).map((w) => Math.min(w, 100));
}

/** The settings, or a sentence that says which field cannot be followed and what to write instead. */
export function settingsOf(canary: Canary): Settings | { problem: string } {
  const { spec } = canary;
  const { kind, name } = spec.targetRef;
  if (kind !== 'Deployment') return { problem: `spec.targetRef.kind ${kind} is not supported yet: use a Deployment.` };
  if (spec.provider && spec.provider !== 'istio')
    return { problem: `spec.provider ${spec.provider} is not supported yet: use istio, or leave it out.` };
  if (spec.analysis.iterations) return { problem: 'spec.analysis.iterations is not supported yet: use stepWeight or stepWeights.' };
  const steps = stepsOf(canary);
  if (steps.length === 0 && !spec.skipAnalysis)
    return { problem: 'spec.analysis has neither stepWeight nor stepWeights: give one, so that the canary gets traffic.' };
  const unusable = (spec.analysis.metrics ?? []).find((m) => !m.query && !BUILTIN_METRICS.has(m.name));
  if (unusable)
    return { problem: `spec.analysis.metrics: ${unusable.name} is neither ${[...BUILTIN_METRICS].join(' nor ')}, and has no query.` };
  return {
    name: canary.metadata?.name ?? '',
    namespace: canary.metadata?.namespace ?? 'default',
    target: name,
    apex: spec.service.name ?? name,
    intervalMs: Math.max(parseDuration(spec.analysis.interval ?? '60s') ?? 60_000, SHORTEST_INTERVAL_MS),
    threshold: Math.max(spec.analysis.threshold ?? 1, 1),
    steps,
    promotionStep: spec.analysis.stepWeightPromotion ?? 0,
    progressDeadlineMs: (spec.progressDeadlineSeconds ?? 600) * 1000,
    primaryReadyPercent: spec.analysis.primaryReadyThreshold ?? 100,
    canaryReadyPercent: spec.analysis.canaryReadyThreshold ?? 100,
    skipAnalysis: spec.skipAnalysis ?? false,
    metrics: spec.analysis.metrics ?? [],
    webhooks: spec.analysis.webhooks ?? [],
    judge: judgeSettingsOf(
      canary,
      (spec.analysis.metrics ?? []).some((m) => BUILTIN_METRICS.has(m.name)),
    ),
  };
}

/** The fields that are set and change nothing yet, so that their author can be told. */
export function unheeded({ spec }: Canary): string[] {
  const { analysis, service } = spec;
  const fields: Readonly<Record<string, unknown>> = {
    'spec.autoscalerRef': spec.autoscalerRef,
    'spec.ingressRef': spec.ingressRef,
    'spec.metricsServer': spec.metricsServer,
    'spec.revertOnDeletion': spec.revertOnDeletion,
    'spec.service.mirror': service.mirror?.length,
    'spec.service.portDiscovery': service.portDiscovery,
    'spec.analysis.alerts': analysis.alerts?.length,
    'spec.analysis.match': analysis.match?.length,
    'spec.analysis.mirror': analysis.mirror,
    'spec.analysis.sessionAffinity': analysis.sessionAffinity,
  };
  return Object.keys(fields).filter((field) => fields[field]);
}

export const BUILTIN_METRICS: ReadonlySet<string> = new Set(['request-success-rate', 'request-duration']);

/** The weight after `current`: the next step above it; a weight beyond all steps stays (it is at its end). */
export function nextWeight(steps: readonly number[], current: number): number {
  return steps.find((w) => w > current) ?? current;
}

export const maxWeight = (steps: readonly number[]): number => steps.at(-1) ?? 100;
