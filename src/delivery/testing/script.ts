/** What a script of a release is made of, and the texts that they have in common. */
import assert from 'node:assert/strict';
import type { CanaryAnalysis, CanarySpec, WebhookType } from '../../api/index.ts';
import { replicas, type World } from './world.ts';

export interface Strategy {
  readonly analysis?: Partial<CanaryAnalysis>;
  readonly spec?: Partial<CanarySpec>;
  /** What is said of the first step, and of the last one. */
  readonly steps: readonly [first: string, last: string];
  /** What is said between the promotion gate and the copy. */
  readonly moves?: string;
  /** Which counters its builtin metrics are of. */
  readonly provider?: string;
}

export interface Script {
  readonly hooks?: readonly WebhookType[];
  readonly spec?: Partial<CanarySpec>;
  /** What happens once version 1 is served and all hooks answer 200. */
  play(play: Play): Promise<unknown>;
  /** Each phase from the first on; `*`: as many as there are. */
  readonly phases: string;
  /** These are said, in this order. */
  says(strategy: Strategy): readonly (string | RegExp)[];
  /** And this is not. */
  never?(strategy: Strategy): string;
  /** Version of the primary, percent to the canary, pods of the target. */
  readonly ends: readonly [primary: number, weight: number, pods: number];
}

export interface Play {
  readonly w: World;
  release(version: number): Promise<void>;
  /** Hooks of this type answer so from now on. */
  answer(type: WebhookType, status: number): void;
  annotate(annotations: Record<string, string | null>): Promise<void>;
  edit(spec: object): Promise<void>;
  /** Until the first step was taken. */
  begun(): Promise<void>;
}

export const RELEASED = 'New revision detected! Scaling up podinfo.test';
export const STARTED = 'Starting canary analysis for podinfo.test';
export const COPIED = 'Copying podinfo.test template spec to podinfo-primary.test';
export const ROUTED = 'Routing all traffic to primary';
export const PROMOTED = 'Promotion completed! Scaling down podinfo.test';
export const FAILED = 'Canary failed! Scaling down podinfo.test';
export const THRESHOLD = 'Rolling back podinfo.test failed checks threshold reached 2';
export const NOT_READY = 'waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available';
export const whole = ({ steps, moves }: Strategy): string[] => [...steps, ...(moves ? [moves] : []), COPIED, ROUTED, PROMOTED];
export const GOOD = 'Progressing Promoting Finalising Succeeded';

/** The promotion fails, and everyone is on the canary. */
export async function broken({ w, release, begun }: Play): Promise<void> {
  await release(2);
  await begun();
  w.brokenNames.add('podinfo-primary');
  await w.reach('Failed');
  assert.deepEqual([(await w.canary()).status?.canaryWeight, await replicas(w, 'podinfo')], [100, 2]);
}
