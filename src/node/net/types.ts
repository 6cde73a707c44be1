import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Socket } from 'node:net';
import type { SidecarTraffic } from '../../api/index.ts';
import type { ServiceGroup } from './service-groups.ts';

/**
 * What of a pod's TCP traffic passes through its sidecar. Given only for pods that have one. The ports 15000, 15020, 15021, 15090
 * and 22 are never captured.
 */
export type Capture = SidecarTraffic;

/** A pod's network namespace; it needs no process to live. */
export interface PodNetns {
  readonly uid: string;
  readonly ip: string;
  /** A file that `nsenter --net=` and `setns` take; valid inside the node's mount namespace. */
  readonly path: string;
}

/**
 * The network namespaces of the pods. Runs in the agent. All calls are synchronous (about 2 ms): the thread must not be
 * left in another namespace across an await.
 */
export interface PodNetworks {
  /** Those that exist, also from an earlier agent. */
  list(): PodNetns[];
  /** Allocates an address, makes the namespace and wires it. Throws `Fault` when the kernel refuses; then nothing is left. */
  create(uid: string, capture?: Capture): PodNetns;
  /** Idempotent. */
  remove(uid: string): void;
  /** A TCP connection made inside the pod, e.g. to `127.0.0.1` for port-forward; not captured. Errors arrive as `error` events. */
  connect(uid: string, host: string, port: number): Socket;
  /** Runs `fn` with this thread inside the pod's network: a process spawned or a socket made in it belongs to the pod. `fn` must not be async. */
  within<T>(uid: string, fn: () => T): T;
}

/** Programs virtual addresses and node ports; changes the rules only where they differ. */
export interface ServiceProxy {
  /** True when the kernel was given rules. Throws `Fault` when it refused them. */
  apply(groups: readonly ServiceGroup[]): boolean;
}

/** The namespaces in which agent, proxies and pods live. */
export interface NodeSandbox {
  /** PID of its init, in the caller's PID namespace. */
  readonly initPid: number;
  /**
   * Starts a process inside all namespaces. What is returned is the `nsenter` that waits for it: its exit is the process's,
   * but signals to it do not reach the process; use {@link NodeSandbox.signal}.
   */
  enter(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Sends a signal to the process behind a child of `enter`. False when it is gone. */
  signal(child: ChildProcess, signal: NodeJS.Signals): boolean;
}

/** One requirement of a node, as `sluice doctor` prints it. */
export interface NodeCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to run or change; empty when ok. */
  readonly fix: string;
}

/** A port of 127.0.0.1 on the host that leads into the node. */
export interface HostPort {
  readonly hostPort: number;
  /** A pod, service or node address, and the port there. */
  readonly address: string;
  readonly port: number;
}
