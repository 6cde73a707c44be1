/** What the canary machine sees, and the words in which it says what to do. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Canary, CanaryJudgement, CanaryPhase, CanaryStatus, WebhookType } from '../api/index.ts';
import type { HookResult, Measured, Verdict } from './checks.ts';
import { statusWith } from './conditions.ts';
import { readinessOf, type Readiness } from './readiness.ts';
import type { Weights } from './routes.ts';
import type { Settings } from './settings.ts';

export interface Observation {
  readonly canary: Canary;
  readonly settings: Settings;
  readonly target: Deployment | undefined;
  readonly primary: Deployment | undefined;
  /** What the VirtualService says; undefined when it is missing or names neither backend. */
  readonly weights: Weights | undefined;
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
  readonly measured?: Measured['metrics'];
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
export const SOON_MS = 1_000;

export const info = (message: string): Said => ({ type: 'Normal', message });
export const warn = (message: string): Said => ({ type: 'Warning', message });

interface Plan {
  effects?: Effect[];
  says?: Said[];
  status?: Partial<CanaryStatus>;
  /** In place of the phase's own text in the condition. */
  message?: string;
  after?: number;
  stepped?: boolean;
}

export function decision(o: Observation, plan: Plan): Decision {
  return {
    effects: plan.effects ?? [],
    says: plan.says ?? [],
    status: plan.status ? statusWith(o.canary.status, plan.status, o.now, plan.message) : undefined,
    after: plan.after,
    stepped: plan.stepped ?? false,
  };
}

export const phaseOf = (o: Observation): CanaryPhase => o.canary.status?.phase || 'Initializing';
export const canaryIs = (o: Observation): string => `${o.settings.name}.${o.settings.namespace}`;
export const targetIs = (o: Observation): string => `${o.settings.target}.${o.settings.namespace}`;
export const primaryIs = (o: Observation): string => `${o.settings.target}-primary.${o.settings.namespace}`;

export function targetReadiness(o: Observation): Readiness {
  return readinessOf(o.target!, o.settings.canaryReadyPercent, o.settings.progressDeadlineMs, o.now);
}

export function primaryReadiness(o: Observation): Readiness {
  if (!o.primary) return { state: 'waiting', message: 'it does not exist yet' };
  return readinessOf(o.primary, o.settings.primaryReadyPercent, o.settings.progressDeadlineMs, o.now);
}

export const failedChecks = (o: Observation): number => o.canary.status?.failedChecks ?? 0;
/** It is proven that the canary is good enough, and that is to end the analysis. */
export const provenSafe = (o: Observation): boolean => o.settings.judge.promoteEarly && o.judge?.verdict === 'safe';
export const overThreshold = (o: Observation): boolean => failedChecks(o) >= o.settings.threshold;

/** What the target runs at while it is tried out: its own count, or the primary's when it was scaled to zero. */
export function wantedReplicas(o: Observation): number {
  return o.target!.spec?.replicas || o.primary?.spec?.replicas || 1;
}

export function closedGate(answers: Answers, type: WebhookType): HookResult | undefined {
  return answers.hooks[type]?.find((r) => !r.ok);
}
