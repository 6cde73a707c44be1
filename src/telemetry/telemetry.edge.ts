import { Worker } from 'node:worker_threads';
import { Fault, type Clock, type Log } from '../base/index.ts';
import type { QueryResult } from '../promql/index.ts';
import type { Reply, Request, WorkerData } from './protocol.ts';
import type { Target } from './scrape.ts';

/** Wait before a worker that died is replaced, in milliseconds. */
const RESTART_MS = 1000;

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the Prometheus HTTP API on 127.0.0.1; 0 is any free port. */
  readonly port: number;
  /** Unix socket on which the same API is served, to this user alone; undefined: nowhere else. */
  readonly socketPath?: string;
  /** Time between two readings of a target, in milliseconds; 1,000 when absent. */
  readonly intervalMs?: number;
}

export interface Telemetry {
  /** The port of the Prometheus HTTP API. */
  readonly port: number;
  /** From now on exactly these are read; a target is told from others by its id. */
  setTargets(targets: readonly Target[]): void;
  /** The value of an expression at a time in milliseconds, now when absent. Rejects with a Fault: `PromqlInvalid` or `PromqlFailed`. */
  query(expr: string, at?: number): Promise<QueryResult>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: Fault) => void;
}

/** Starts the worker. Throws a Fault when the port cannot be had. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { clock, log } = options;
  const waiting = new Map<number, Waiting>();
  let targets: readonly Target[] = [];
  let asked = 0;
  let closing = false;
  let alive = false;
  let worker: Worker;
  let port = options.port;

  function start(): Promise<void> {
    const data: WorkerData = { port, socketPath: options.socketPath, intervalMs: options.intervalMs ?? 1000 };
    worker = new Worker(new URL('./worker.edge.ts', import.meta.url), { workerData: data });
    return new Promise((resolve, reject) => {
      worker.on('message', (reply: Reply) => {
        if (reply.kind === 'listening') {
          port = reply.port;
          alive = true;
          send({ kind: 'targets', targets });
          resolve();
        } else if (reply.kind === 'failed') {
          reject(
            new Fault('TelemetryPort', `the Prometheus API cannot listen on 127.0.0.1:${port}: ${reply.message}`, {
              hint: 'Stop what uses the port, or choose another one.',
            }),
          );
          void worker.terminate();
        } else take(reply);
      });
      worker.on('error', (error) => log.error('the telemetry worker failed', { error: error.message }));
      worker.on('exit', () => {
        // For a worker that never came to listen; for one that did, nobody hears this.
        reject(gone());
        alive = false;
        for (const w of waiting.values()) w.reject(gone());
        waiting.clear();
        if (closing) return;
        // What was collected is lost, collecting goes on.
        clock.after(RESTART_MS, () => {
          if (!closing) start().catch((error: Fault) => log.error(error.message));
        });
      });
    });
  }

  function take(reply: Reply): void {
    if (reply.kind === 'log') return log[reply.level](reply.msg, reply.fields);
    if (reply.kind !== 'result' && reply.kind !== 'fault') return;
    const w = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === 'result') w?.resolve(reply.result);
    else w?.reject(new Fault(reply.code, reply.message, reply.hint === undefined ? {} : { hint: reply.hint }));
  }

  function send(request: Request): void {
    worker.postMessage(request, []);
  }

  try {
    await start();
  } catch (error) {
    closing = true;
    throw error;
  }
  log.info('the Prometheus API is served', { address: `http://127.0.0.1:${port}` });
  return {
    port,
    setTargets(next) {
      targets = next;
      send({ kind: 'targets', targets });
    },
    query(expr, at = clock.now()) {
      if (!alive) return Promise.reject(gone());
      const id = ++asked;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ kind: 'query', id, expr, at });
      });
    },
    async close() {
      closing = true;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      send({ kind: 'close' });
      await ended;
    },
  };
}

function gone(): Fault {
  return new Fault('TelemetryGone', 'the telemetry worker is not there to answer', {
    hint: 'It is started again within seconds; ask again.',
  });
}
