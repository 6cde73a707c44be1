import type { Waiting } from '../plan/types.ts';

/** How an attempt ended. Times in milliseconds since the epoch. */
export interface Ended {
  readonly attempt: number;
  readonly exitCode: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly message?: string | undefined;
}

/** Why a container waits, beside Kubernetes' reasons for a plan that cannot be made. */
export interface WaitingNote {
  readonly reason: Waiting['reason'] | 'RunContainerError' | 'ImagePullBackOff';
  readonly message: string;
}

/** What is remembered of a container, also by a later agent. */
export type ContainerRecord =
  /** `attempt` is the one to start next, not before `notBefore`. */
  | {
      readonly phase: 'waiting';
      readonly attempt: number;
      readonly notBefore: number;
      /** The delay before the attempt after this one, should it fail. */
      readonly backoff: number;
      readonly why?: WaitingNote | undefined;
      readonly last?: Ended | undefined;
    }
  | {
      readonly phase: 'running';
      readonly attempt: number;
      readonly startedAt: number;
      readonly backoff: number;
      /** The startup probe has succeeded, or there is none. */
      readonly started: boolean;
      readonly ready: boolean;
      readonly last?: Ended | undefined;
    }
  /** It will not be started again. */
  | { readonly phase: 'ended'; readonly attempt: number; readonly end: Ended; readonly last?: Ended | undefined };

export type ContainerEvent =
  | { readonly type: 'started'; readonly at: number; readonly hasStartupProbe: boolean; readonly hasReadinessProbe: boolean }
  | { readonly type: 'refused'; readonly why: WaitingNote }
  /** `lost`: it went down with the node, while no agent ran. */
  | { readonly type: 'exited'; readonly end: Omit<Ended, 'attempt'>; readonly restart: boolean; readonly lost?: boolean }
  | { readonly type: 'startup-passed' }
  | { readonly type: 'readiness'; readonly ready: boolean };

const FIRST_BACKOFF = 10_000;
const LAST_BACKOFF = 300_000;
/** A container that ran this long is not in a crash loop. */
const HEALTHY_RUN = 600_000;
/** A missing ConfigMap or Secret is looked for again this soon: looking costs nothing here. */
const CONFIG_RETRY = 1000;

export const NEW_CONTAINER: ContainerRecord = { phase: 'waiting', attempt: 0, notBefore: 0, backoff: 0 };

const doubled = (backoff: number): number => (backoff === 0 ? FIRST_BACKOFF : Math.min(LAST_BACKOFF, backoff * 2));

/** The record after an event; events that do not fit the phase change nothing. */
export function containerStep(record: ContainerRecord, event: ContainerEvent, now: number): ContainerRecord {
  switch (event.type) {
    case 'started':
      if (record.phase !== 'waiting') return record;
      return {
        phase: 'running',
        attempt: record.attempt,
        startedAt: event.at,
        backoff: record.backoff,
        started: !event.hasStartupProbe,
        ready: !event.hasStartupProbe && !event.hasReadinessProbe,
        last: record.last,
      };
    case 'refused': {
      if (record.phase !== 'waiting') return record;
      if (event.why.reason === 'CreateContainerConfigError') return { ...record, why: event.why, notBefore: now + CONFIG_RETRY };
      const backoff = doubled(record.backoff);
      return { ...record, why: event.why, notBefore: now + backoff, backoff };
    }
    case 'exited': {
      if (record.phase !== 'running') return record;
      const end: Ended = { ...event.end, attempt: record.attempt };
      if (!event.restart) return { phase: 'ended', attempt: record.attempt, end, last: record.last };
      // A node that comes back starts all at once: no container is to blame for having been switched off.
      if (event.lost) return { phase: 'waiting', attempt: record.attempt + 1, notBefore: end.finishedAt, backoff: 0, last: end };
      const delay = end.finishedAt - end.startedAt >= HEALTHY_RUN ? 0 : record.backoff;
      return { phase: 'waiting', attempt: record.attempt + 1, notBefore: end.finishedAt + delay, backoff: doubled(delay), last: end };
    }
    case 'startup-passed':
      return record.phase === 'running' && !record.started ? { ...record, started: true } : record;
    case 'readiness':
      return record.phase === 'running' && record.ready !== event.ready ? { ...record, ready: event.ready } : record;
  }
}

/** Whether a container that ended is started again. */
export function restarts(policy: string | undefined, exitCode: number): boolean {
  return policy === 'Never' ? false : policy === 'OnFailure' ? exitCode !== 0 : true;
}
