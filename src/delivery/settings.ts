/** What a Canary asks for, with Flagger's defaults filled in and everything parsed. Pure. */
import {
  DEADLINE,
  type Canary,
  type CanaryMetric,
  type CanarySpec,
  type CanaryWebhook,
  type HTTPMatchRequest,
  type SessionAffinity,
} from '../api/index.ts';
import { parseDuration } from '../base/index.ts';
import { BUILTIN_METRICS } from './builtin-metrics.ts';
import type { JudgeSettings } from './judge/judge.ts';
import { judgeSettingsOf } from './judge/judgement.ts';
import { SELECTOR_LABELS } from './names.ts';
import { TARGET_KINDS } from './targets/index.ts';

/** What can route the requests of a release. */
export const PROVIDERS = ['istio', 'kubernetes', 'nginx', 'gatewayapi:v1', 'gatewayapi:v1beta1'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** What holds where a Canary says nothing else. */
export interface Defaults {
  readonly provider?: string | undefined;
  /** URL of a Prometheus. */
  readonly metricsServer?: string | undefined;
  readonly selectorLabels?: readonly string[] | undefined;
}

export interface Settings {
  readonly name: string;
  readonly namespace: string;
  /** Kind of what is released: Deployment, DaemonSet or Service. */
  readonly kind: string;
  /** Name of what is released. */
  readonly target: string;
  /** Labels that may tell its pods from others', in the order in which they are looked for. */
  readonly selectorLabels: readonly string[];
  /** Name of the Service that clients call. */
  readonly apex: string;
  readonly provider: Provider;
  /** Milliseconds between two steps of an analysis. */
  readonly intervalMs: number;
  /** Failed checks at which the release is rolled back. */
  readonly threshold: number;
  /** Weights the canary goes through, ascending; the last is the one it is promoted from. Empty with iterations. */
  readonly steps: readonly number[];
  /** Weight the primary gains a tick while traffic returns to it; 0: all at once. */
  readonly promotionStep: number;
  /** Checks to pass in blue/green and A/B testing; 0: traffic moves by weights. */
  readonly iterations: number;
  /** Whose requests the canary gets in A/B testing. */
  readonly match: readonly HTTPMatchRequest[];
  /** The canary is first given a copy of the primary's requests. */
  readonly mirror: boolean;
  /** Percent of the requests that are copied. */
  readonly mirrorWeight: number;
  readonly affinity: SessionAffinity | undefined;
  /** In lower case: who sends this header as `canary` gets the canary while traffic is shared; undefined: nobody. */
  readonly previewHeader: string | undefined;
  readonly autoscaler: NonNullable<CanarySpec['autoscalerRef']> | undefined;
  readonly progressDeadlineMs: number;
  /** How long a release may take until its promotion: as written, and in milliseconds. Undefined: as long as it takes. */
  readonly deadline: string | undefined;
  readonly deadlineMs: number | undefined;
  /** How long the version before is kept warm after a promotion, in milliseconds; 0: not at all. */
  readonly undoWindowMs: number;
  readonly primaryReadyPercent: number;
  readonly canaryReadyPercent: number;
  readonly skipAnalysis: boolean;
  /** The Ingress whose traffic is split, and the route; the target's name where there is none. */
  readonly ingress: string;
  readonly route: string;
  /** URL of a Prometheus; undefined: the one that is built in. */
  readonly metricsServer: string | undefined;
  readonly metrics: readonly CanaryMetric[];
  readonly webhooks: readonly CanaryWebhook[];
  readonly judge: JudgeSettings;
  /** What is done otherwise than asked, said at the start of each analysis. */
  readonly warnings: readonly string[];
}

/** Flagger does not go below 10 s; here the floor only keeps a typing slip from spinning. */
const SHORTEST_INTERVAL_MS = 500;
/** Long enough to see what only all users show. */
const UNDO_WINDOW_MS = 600_000;
/** Iterations of a canary without a mesh that asks for none. */
const KUBERNETES_ITERATIONS = 10;

/** The weights of `stepWeight` are clamped to 100 but not to maxWeight: 20 up to 50 goes 20, 40, 60 (as Flagger has it). */
function stepsOf({ stepWeight = 0, stepWeights, maxWeight = 0 }: CanarySpec['analysis']): number[] {
  if (stepWeight > 0) {
    const max = maxWeight > 0 ? Math.min(maxWeight, 100) : 100;
    const steps: number[] = [];
    for (let w = 0; w < max;) steps.push((w = Math.min(w + stepWeight, 100)));
    return steps;
  }
  return (stepWeights ?? []).map((w) => Math.min(w, 100));
}

/** Without a mesh there are no shares and no matches: what is left is blue/green. */
function withoutMesh(analysis: CanarySpec['analysis']): Pick<Settings, 'steps' | 'iterations' | 'match' | 'warnings'> {
  const matchless = analysis.match?.length ? ['A/B testing is not supported when using the kubernetes provider'] : [];
  if (analysis.iterations) return { steps: [], iterations: analysis.iterations, match: [], warnings: matchless };
  return {
    steps: [],
    iterations: KUBERNETES_ITERATIONS,
    match: [],
    warnings: [
      ...matchless,
      'Progressive traffic is not supported when using the kubernetes provider',
      `Setting canaryAnalysis.iterations: ${KUBERNETES_ITERATIONS}`,
    ],
  };
}

function course(spec: CanarySpec, provider: Provider): Pick<Settings, 'steps' | 'iterations' | 'match' | 'warnings'> {
  const { analysis } = spec;
  if (provider === 'kubernetes') return withoutMesh(analysis);
  const iterations = analysis.iterations ?? 0;
  return { steps: iterations > 0 ? [] : stepsOf(analysis), iterations, match: analysis.match ?? [], warnings: [] };
}

/** A sentence that says which field cannot be followed and what to write instead; undefined when all can. */
function problemOf({ spec }: Canary, provider: string): string | undefined {
  const { kind } = spec.targetRef;
  if (!TARGET_KINDS.includes(kind)) return `spec.targetRef.kind ${kind} is not supported: use one of ${TARGET_KINDS.join(', ')}.`;
  if (!(PROVIDERS as readonly string[]).includes(provider))
    return `spec.provider ${provider} is not supported yet: use one of ${PROVIDERS.join(', ')}, or leave it out.`;
  if (provider === 'kubernetes' && kind === 'Service')
    return 'spec.provider kubernetes cannot release a Service, as there is no mesh to shift its traffic: use istio or gatewayapi:v1.';
  if (provider === 'nginx' && !spec.ingressRef) return 'spec.ingressRef is missing: name the Ingress whose traffic is to be split.';
  if (provider.startsWith('gatewayapi') && !spec.service.gatewayRefs?.length)
    return 'GatewayRefs must be specified when using Gateway API as a provider.';
  if (spec.autoscalerRef && spec.autoscalerRef.kind !== 'HorizontalPodAutoscaler')
    return `spec.autoscalerRef.kind ${spec.autoscalerRef.kind} is not supported yet: use a HorizontalPodAutoscaler.`;
  const steps = course(spec, provider as Provider);
  if (steps.steps.length === 0 && steps.iterations === 0 && !spec.skipAnalysis)
    return 'spec.analysis has neither stepWeight nor stepWeights nor iterations: give one, so that the canary gets traffic.';
  const unusable = (spec.analysis.metrics ?? []).find((m) => !m.query && !m.templateRef && !BUILTIN_METRICS.includes(m.name));
  if (unusable)
    return `spec.analysis.metrics: ${unusable.name} is neither ${BUILTIN_METRICS.join(' nor ')}, and has neither a templateRef nor a query.`;
  return undefined;
}

const deadlineOf = ({ metadata }: Canary): string | undefined => metadata?.annotations?.[DEADLINE];

/** The settings, or a sentence that says which field cannot be followed and what to write instead. */
export function settingsOf(canary: Canary, defaults: Defaults = {}): Settings | { problem: string } {
  const { spec } = canary;
  const { analysis } = spec;
  const { kind, name } = spec.targetRef;
  const asked = spec.provider || defaults.provider || 'istio';
  const problem = problemOf(canary, asked);
  if (problem) return { problem };
  const provider = asked as Provider;
  return {
    name: canary.metadata?.name ?? '',
    namespace: canary.metadata?.namespace ?? 'default',
    kind,
    target: name,
    selectorLabels: defaults.selectorLabels ?? SELECTOR_LABELS,
    // A Service that is released is the one that clients call.
    apex: kind === 'Service' ? name : (spec.service.name ?? name),
    provider,
    ...course(spec, provider),
    intervalMs: Math.max(parseDuration(analysis.interval ?? '60s') ?? 60_000, SHORTEST_INTERVAL_MS),
    threshold: Math.max(analysis.threshold ?? 1, 1),
    promotionStep: analysis.iterations ? 0 : (analysis.stepWeightPromotion ?? 0),
    mirror: (analysis.mirror ?? false) && canMirror(provider),
    mirrorWeight: analysis.mirrorWeight || 100,
    affinity: provider === 'kubernetes' || provider === 'nginx' ? undefined : analysis.sessionAffinity,
    previewHeader: canPreview(spec, provider) ? analysis.previewHeader?.toLowerCase() : undefined,
    autoscaler: spec.autoscalerRef,
    deadline: deadlineOf(canary),
    deadlineMs: parseDuration(deadlineOf(canary) ?? ''),
    progressDeadlineMs: (spec.progressDeadlineSeconds ?? 600) * 1000,
    undoWindowMs: parseDuration(spec.undoWindow ?? '') ?? UNDO_WINDOW_MS,
    primaryReadyPercent: analysis.primaryReadyThreshold ?? 100,
    canaryReadyPercent: analysis.canaryReadyThreshold ?? 100,
    skipAnalysis: spec.skipAnalysis ?? false,
    ingress: spec.ingressRef?.name ?? name,
    route: spec.routeRef?.name ?? name,
    metricsServer: spec.metricsServer || defaults.metricsServer,
    metrics: analysis.metrics ?? [],
    webhooks: analysis.webhooks ?? [],
    judge: judgeSettingsOf(
      canary,
      (analysis.metrics ?? []).some((m) => BUILTIN_METRICS.includes(m.name)),
    ),
  };
}

const canPreview = ({ analysis, service }: CanarySpec, provider: Provider): boolean =>
  provider !== 'kubernetes' && !analysis.iterations && service.appProtocol?.toLowerCase() !== 'tcp';
const canMirror = (provider: Provider): boolean => provider === 'istio' || provider.startsWith('gatewayapi');

/** The fields that are set and change nothing, so that their author can be told. */
export function unheeded({ spec }: Canary, { provider }: Settings): string[] {
  const { analysis, service } = spec;
  const shares = provider !== 'kubernetes' && provider !== 'nginx';
  const fields: Readonly<Record<string, unknown>> = {
    'spec.ingressRef': spec.ingressRef && provider !== 'nginx',
    'spec.service.mirror': service.mirror?.length && !provider.startsWith('gatewayapi'),
    'spec.analysis.mirror': analysis.mirror && !canMirror(provider),
    'spec.analysis.previewHeader': analysis.previewHeader && !canPreview(spec, provider),
    'spec.analysis.sessionAffinity': analysis.sessionAffinity && !shares,
  };
  return Object.keys(fields).filter((field) => fields[field]);
}
