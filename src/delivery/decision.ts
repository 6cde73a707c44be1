/** What the canary machine sees, and the words in which it says what to do. */
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import {
  askedBy,
  isPaused,
  openRequest,
  pausedBy,
  type Canary,
  type CanaryBadRequest,
  type CanaryJudgement,
  type CanaryMetricEvidence,
  type CanaryPhase,
  type CanaryStatus,
  type CanaryTrouble,
  type WebhookType,
} from '../api/index.ts';
import { affinityStatus } from './affinity.ts';
import type { Verdict } from './checks.ts';
import { statusWith } from './conditions.ts';
import type { Group } from './group.ts';
import type { HookResult } from './hooks.ts';
import type { Readiness } from './readiness.ts';
import { revisionText } from './revision.ts';
import type { Weights } from './routes.ts';
import type { Settings } from './settings.ts';
import { targetKindOf } from './targets/index.ts';
import type { ReadinessRule, TargetKind, Workload } from './targets/target.ts';
import type { TrackedConfig } from './tracking.ts';
import { troubleText } from './troubles.ts';

export interface Observation {
  readonly canary: Canary;
  readonly settings: Settings;
  readonly target: Workload | undefined;
  readonly primary: Workload | undefined;
  /** The copy of the version before; undefined when none is kept. */
  readonly previous: Workload | undefined;
  /** The ConfigMaps and Secrets that are part of what is released. */
  readonly configs: readonly TrackedConfig[];
  /** The target's autoscaler; undefined when it has none, or it is not there. */
  readonly scaler: HorizontalPodAutoscaler | undefined;
  /** What keeps its pods, or the primary's, from being ready; empty while all goes well. */
  readonly troubles: readonly CanaryTrouble[];
  /** Some requests that failed or were slow at the canary since the decision before. */
  readonly badRequests: readonly CanaryBadRequest[];
  /** What the routes say; undefined when they are missing or name neither side. */
  readonly weights: Weights | undefined;
  /** The others that are promoted together with it; undefined when it is promoted alone. */
  readonly group: Group | undefined;
  /** What comparing the canary with the primary has come to; undefined when it is not compared. */
  readonly judge: CanaryJudgement | undefined;
  /** Milliseconds until the next step of the analysis is due; 0: now. */
  readonly dueIn: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Answers to what `wanted` (decide.ts) asked for. */
export interface Answers {
  readonly hooks: Readonly<Partial<Record<WebhookType, readonly HookResult[]>>>;
  /** The first metric that did not pass; undefined when all did. */
  readonly metrics: Verdict | undefined;
  /** All that was measured, for the record. */
  readonly measured?: CanaryMetricEvidence[];
}

/** Nothing was asked. */
export const NO_ANSWERS: Answers = { hooks: {}, metrics: undefined };

export type Effect =
  /** Holds the Canary back when it is deleted, until all is given back; or lets it go. */
  | { readonly do: 'hold' | 'let-go' }
  /** Creates the primary, its ConfigMaps, Secrets and autoscaler, the Services of both, and what the routes need of them. */
  | { readonly do: 'create-backends' }
  /** Creates or corrects the apex Service and the routes. */
  | { readonly do: 'create-apex'; readonly weights: Weights }
  | { readonly do: 'route'; readonly weights: Weights }
  | { readonly do: 'scale-target'; readonly replicas: number }
  | { readonly do: 'copy-to-primary' }
  /** The primary is copied before it follows; the copy wakes and the canary's Service leads to it; it goes again. */
  | { readonly do: 'keep-previous' | 'wake-previous' | 'drop-previous' }
  /** Target and primary get the spec that the copy is of. */
  | { readonly do: 'restore-target' | 'restore-primary' }
  /** Services and routes that were there before the Canary are made as they were. */
  | { readonly do: 'give-back' }
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
  /** A release begins here. */
  readonly begins: boolean;
  /** Why nothing can be done, as long as that is so. */
  readonly problem: string | undefined;
}

/** How long to wait before looking again at something that is about to change and is watched anyway. */
export const SOON_MS = 1_000;

export const info = (message: string): Said => ({ type: 'Normal', message });
export const warn = (message: string): Said => ({ type: 'Warning', message });

interface Plan {
  effects?: Effect[];
  says?: Said[];
  status?: Partial<CanaryStatus>;
  /** In place of the phase's own text in the condition. */
  message?: string;
  problem?: string;
  after?: number;
  stepped?: boolean;
  begins?: boolean;
}

export function decision(o: Observation, plan: Plan): Decision {
  const routed = plan.effects?.findLast((e) => e.do === 'route');
  // What begins takes the place of what was kept, and of what was undone.
  const anew = plan.begins ? { previous: undefined, undone: undefined, group: undefined, judge: undefined } : {};
  const change = plan.status && { ...(routed ? affinityStatus(o, routed.weights) : {}), ...anew, ...plan.status };
  const held = isPaused(o.canary) && HOLDABLE.has(change?.phase ?? phaseOf(o));
  const message = plan.message ?? (held ? `${PAUSED_TEXT}${of(pausedBy(o.canary))}.` : undefined);
  return {
    effects: plan.effects ?? [],
    says: plan.says ?? [],
    status: change ? statusWith(o.canary, change, o.now, { message, anew: plan.begins }) : undefined,
    after: plan.after,
    stepped: plan.stepped ?? false,
    begins: plan.begins ?? false,
    problem: plan.problem,
  };
}

const of = (name: string | undefined): string => (name ? ` of ${name}` : '');

/** What the open request is put down to. */
export const byRequest = (o: Observation): string => `by request${of(askedBy(openRequest(o.canary)))}`;

/** Of who has paused it, where that is known. */
export function byWhom(o: Observation): string {
  const name = pausedBy(o.canary);
  return name ? ` by ${name}` : '';
}

/** How the condition's message begins while a pause holds the release. */
const PAUSED_TEXT = 'Paused by request';
const HOLDABLE: ReadonlySet<CanaryPhase> = new Set(['Waiting', 'Progressing', 'WaitingPromotion']);

export const isPausedText = (status: CanaryStatus | undefined): boolean =>
  status?.conditions?.[0]?.message?.startsWith(PAUSED_TEXT) ?? false;

/** The pause was noticed: it is in the condition. */
export const wasPaused = (o: Observation): boolean => isPausedText(o.canary.status);

export const phaseOf = (o: Observation): CanaryPhase => o.canary.status?.phase || 'Initializing';
export const canaryIs = (o: Observation): string => `${o.settings.name}.${o.settings.namespace}`;
export const targetIs = (o: Observation): string => `${o.settings.target}.${o.settings.namespace}`;
export const primaryIs = (o: Observation): string => `${o.settings.target}-primary.${o.settings.namespace}`;
export const kindOf = (o: Observation): TargetKind => targetKindOf(o.settings.kind)!;
export const revisionOf = (o: Observation): string => revisionText(kindOf(o).revised(o.target!));

function readinessRule(o: Observation, percent: number): ReadinessRule {
  return { percent, deadlineMs: o.settings.progressDeadlineMs, since: o.now - sinceMoved(o), now: o.now };
}

/** Milliseconds since the release last moved. */
export const sinceMoved = (o: Observation): number => o.now - (Date.parse(o.canary.status?.lastTransitionTime ?? '') || o.now);

/** Milliseconds since the condition last changed between True, False and Unknown: waiting for a gate is part of a release. */
export const sinceTold = (o: Observation): number =>
  o.now - (Date.parse(o.canary.status?.conditions?.[0]?.lastTransitionTime ?? '') || o.now);

/** The release takes longer than its author allows: why it is to end. */
export function overdue(o: Observation): string | undefined {
  const { deadlineMs } = o.settings;
  return deadlineMs !== undefined && sinceTold(o) > deadlineMs ? `deadline of ${o.settings.deadline} exceeded` : undefined;
}

export function targetReadiness(o: Observation): Readiness {
  return kindOf(o).readiness(o.target!, readinessRule(o, o.settings.canaryReadyPercent));
}

export function primaryReadiness(o: Observation): Readiness {
  if (!o.primary) return { state: 'waiting', message: 'it does not exist yet' };
  return kindOf(o).readiness(o.primary, readinessRule(o, o.settings.primaryReadyPercent));
}

export function previousReadiness(o: Observation, previous: Workload): Readiness {
  return kindOf(o).readiness(previous, readinessRule(o, o.settings.primaryReadyPercent));
}

/** What is the matter with the pods. */
export const troubled = (o: Observation): Said[] => o.troubles.map((t) => warn(`${canaryIs(o)} ${troubleText(t)}`));

export const canaryNotReady = (o: Observation, message: string): Said =>
  warn(`canary ${kindOf(o).noun} ${targetIs(o)} not ready: ${message}`);

export const failedChecks = (o: Observation): number => o.canary.status?.failedChecks ?? 0;
/** It is proven that the canary is good enough, and that is to end the analysis. */
export const provenSafe = (o: Observation): boolean => o.settings.judge.promoteEarly && o.judge?.verdict === 'safe';
export const overThreshold = (o: Observation): boolean => failedChecks(o) >= o.settings.threshold;

/** What the target runs at while it is tried out: its own count, else its autoscaler's least, else the primary's. */
export function wantedReplicas(o: Observation): number {
  const own = kindOf(o).replicas(o.target!);
  if (own) return own;
  if (o.settings.autoscaler) return Math.max(o.scaler?.spec?.minReplicas ?? 1, 1);
  return (o.primary && kindOf(o).replicas(o.primary)) || 1;
}

/** How long the phase, or the revision that is tried in it, has been the same; in milliseconds. */
export function ageOf(o: Observation): number {
  const since = Date.parse(o.canary.status?.conditions?.[0]?.lastUpdateTime ?? '');
  return Number.isNaN(since) ? Infinity : o.now - since;
}

export function closedGate(answers: Answers, type: WebhookType): HookResult | undefined {
  return answers.hooks[type]?.find((r) => !r.ok);
}
