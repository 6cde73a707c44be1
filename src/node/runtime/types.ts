import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { ContainerPlan, VolumePlan } from '../plan/types.ts';

/** One run of a container: attempt 0 is the first, each restart is the next. */
export interface ContainerRef {
  readonly uid: string;
  readonly container: string;
  readonly attempt: number;
}

/** Times in milliseconds since the epoch. */
export type Inspection =
  | { readonly state: 'running'; readonly startedAt: number }
  | {
      readonly state: 'exited';
      readonly startedAt: number;
      readonly finishedAt: number;
      readonly exitCode: number;
      readonly message?: string | undefined;
      /** It was killed together with its shim, as when the node goes down: no sign of a fault of its own. */
      readonly lost?: boolean;
    }
  /** There is no trace of it. */
  | { readonly state: 'absent' };

/** What a container gets from its pod. */
export interface PodSetting {
  readonly hostname: string;
  /** Text of /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
  readonly volumes: readonly VolumePlan[];
}

/** A container that could not be started. */
export class StartError extends Error {}

/** Runs containers. They are found again by their {@link ContainerRef}, also by a later agent. */
export interface ContainerRuntime {
  /**
   * Resolves when the container's command has taken over. Throws {@link StartError}; then nothing of it runs. `beside`: a container whose
   * processes it shares; it ends with it.
   */
  start(ref: ContainerRef, plan: ContainerPlan, pod: PodSetting, beside?: ContainerRef): Promise<void>;
  inspect(ref: ContainerRef): Inspection;
  /** Calls `ended` once, after all output was written; at once when it has ended already. Returns what forgets about it. */
  watch(ref: ContainerRef, ended: () => void): () => void;
  /** False when it does not run. */
  signal(ref: ContainerRef, signal: 'SIGTERM' | 'SIGKILL'): boolean;
  /** Runs a command inside. Throws `Fault` when the container does not run. */
  exec(
    ref: ContainerRef,
    argv: readonly string[],
    options: { readonly stdio: StdioOptions; readonly tty?: boolean; readonly env?: readonly (readonly [string, string])[] },
  ): ChildProcess;
  /** Brings the files of the pod's volumes up to date. */
  syncVolumes(uid: string, volumes: readonly VolumePlan[]): void;
  /** Forgets what attempts before `keep` have left. */
  prune(uid: string, container: string, keep: number): void;
  /** Ends whatever still runs of a pod and removes its files. */
  remove(uid: string): Promise<void>;
  /** Uids of the pods that have files here. */
  pods(): string[];
}
