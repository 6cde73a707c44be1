/** What can be released: one module a kind. Pure. */
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.js';
import type { PodTemplateSpec, Service } from 'kubernetes-types/core/v1.js';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.js';
import type { Canary, Resource } from '../../api/index.ts';
import type { Readiness } from '../readiness.ts';
import type { Settings } from '../settings.ts';
import type { TrackedConfig } from '../tracking.ts';
import type { Renaming } from './template.ts';

export type Workload = Deployment | DaemonSet | Service;

/** What the primary is made of. */
export interface Origin<T extends Workload = Workload> {
  readonly canary: Canary;
  readonly settings: Settings;
  readonly target: T;
  readonly configs: readonly TrackedConfig[];
}

/** How a copy's pod template is taken over. */
export type Renamed = (copy: PodTemplateSpec) => PodTemplateSpec;

export interface ReadinessRule {
  /** Share of the updated replicas that must be available. */
  readonly percent: number;
  /** How long too few may be available. */
  readonly deadlineMs: number;
  /** When the release last moved, in milliseconds since the epoch. */
  readonly since: number;
  readonly now: number;
}

/** A kind of target: what makes a revision of it, when it is ready, what its primary looks like and how it sleeps. */
export interface TargetKind<T extends Workload = Workload> {
  readonly resource: Resource<T>;
  /** How Flagger's events call it after "canary". */
  readonly noun: string;
  /** What makes a revision: a change of it starts a release. */
  revised(target: T): unknown;
  /** The pods it makes; undefined when it makes none. */
  pods(target: T): PodTemplateSpec | undefined;
  readiness(object: T, rule: ReadinessRule): Readiness;
  /** The primary as it is created. */
  primary(origin: Origin<T>): T;
  /** The primary as it is after a promotion. */
  promoted(primary: T, origin: Origin<T>): T;
  /** A copy of the primary under another name, asleep. */
  previous(primary: T, metadata: ObjectMeta, renaming: Renaming): T;
  /** `onto` with what makes a revision taken from `copy`, a copy of an older one; asleep or not as it is. */
  restored(onto: T, copy: T, renamed: Renamed): T;
  isAsleep(target: T): boolean;
  /** The merge patch that lets it run with so many replicas, or sleep (0); undefined when it is that already. */
  scaled(target: T, replicas: number): object | undefined;
  /** Its replicas, where it counts them. */
  replicas(object: T): number | undefined;
}
