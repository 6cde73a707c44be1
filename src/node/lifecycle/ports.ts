import type { ExecAction, HTTPGetAction, Pod } from '../objects.ts';
import type { PlanInputs } from '../plan/types.ts';
import type { ContainerRef } from '../runtime/types.ts';
import type { Records } from './decide.ts';

/** One way to look at a container: the action of a probe or of a lifecycle hook. */
export interface Action {
  readonly exec?: ExecAction | undefined;
  readonly httpGet?: HTTPGetAction | undefined;
  readonly tcpSocket?: { readonly host?: string; readonly port: number | string } | undefined;
  readonly grpc?: { readonly port: number; readonly service?: string } | undefined;
}

export interface ActionTarget {
  readonly ref: ContainerRef;
  readonly podIP: string;
  /** The container's ports by name. */
  readonly ports: ReadonlyMap<string, number>;
}

export interface ActionResult {
  readonly ok: boolean;
  /** What went wrong, in the kubelet's words; empty when ok. */
  readonly message: string;
}

/** Carries out probes and hooks. Never rejects: what fails is a result. `timeout` in milliseconds. */
export interface Prober {
  run(target: ActionTarget, action: Action, timeout: number): Promise<ActionResult>;
}

/** What of a pod outlives the agent. */
export interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  /** When the agent took it over, in milliseconds since the epoch. */
  readonly startTime: number;
  readonly records: Records;
}

export interface PodRecords {
  load(uid: string): PodRecord | undefined;
  save(uid: string, record: PodRecord): void;
}

/** What containers of a pod are planned from, as it is now. */
export interface PlanSource {
  /**
   * Fetches what the pod needs and is not at hand, its tokens. Resolves with when to ask for it again, in milliseconds since the epoch;
   * undefined: never. Throws `ConfigProblem` when it cannot be had.
   */
  fetch(pod: Pod): Promise<number | undefined>;
  inputs(pod: Pod, podIP: string): PlanInputs;
  /** The pod is gone: what was fetched for it goes. */
  forget(uid: string): void;
}

/**
 * How many requests the pod's proxy has taken from others so far, and connections of what is not HTTP; undefined: it does not say.
 * Resolves within a second.
 */
export type TakenByProxy = (podUid: string) => Promise<number | undefined>;
