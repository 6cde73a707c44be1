import type { Duplex, Readable } from 'node:stream';

export interface LogOptions {
  readonly container?: string | undefined;
  readonly follow?: boolean | undefined;
  readonly previous?: boolean | undefined;
  readonly timestamps?: boolean | undefined;
  readonly tailLines?: number | undefined;
  readonly sinceSeconds?: number | undefined;
  readonly sinceTime?: string | undefined;
  readonly limitBytes?: number | undefined;
}

export interface ExecOptions {
  readonly container?: string | undefined;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Streams of one exec or attach, multiplexed in frames by `Channel`. */
export interface ExecSession {
  /** Bytes the client typed; `end()` closes the process' stdin. */
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: Readable;
  readonly stderr: Readable;
  resize(width: number, height: number): void;
  /** Resolves with the exit code; rejects when the process could not be started. */
  readonly exit: Promise<number>;
  /** Ends the session (the client went away). */
  close(): void;
}

/**
 * What the API server asks of the node for `logs`, `exec`, `attach` and `port-forward`.
 * Failures are thrown as `ApiError` (NotFound, BadRequest, ...).
 */
export interface Kubelet {
  logs(namespace: string, pod: string, options: LogOptions): Promise<Readable>;
  exec(namespace: string, pod: string, options: ExecOptions): Promise<ExecSession>;
  attach(namespace: string, pod: string, options: Omit<ExecOptions, 'command'>): Promise<ExecSession>;
  /** A byte stream to `127.0.0.1:port` inside the pod. */
  portForward(namespace: string, pod: string, port: number): Promise<Duplex>;
}
