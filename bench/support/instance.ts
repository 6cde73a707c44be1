/** An instance of its own for a benchmark, gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { down, instancePaths, status, up, type InstancePaths, type InstanceStatus } from '../../src/app/index.ts';
import { createHttpClient, type Client } from '../../src/control/index.ts';

export interface BenchInstance {
  readonly paths: InstancePaths;
  readonly client: Client;
  /** Milliseconds until `up` said that it was ready. */
  readonly upMs: number;
  status(): Promise<InstanceStatus>;
}

/** Brings a fresh instance up on ports of its own, hands it to `use`, and takes it away. */
export async function withInstance<T>(name: string, use: (instance: BenchInstance) => Promise<T>): Promise<T> {
  const state = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const paths = instancePaths(`${name}-${process.pid}`, { env: process.env, home: homedir(), uid: process.getuid!() }, state);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const started = performance.now();
    await up(paths, { ports: {}, env: process.env, userKubeconfig: undefined, say });
    const upMs = performance.now() - started;
    return await use({ paths, client: createHttpClient({ socketPath: paths.apiSocket }), upMs, status: () => status(paths) });
  } finally {
    await down(paths, { purge: true, userKubeconfig: undefined, say });
    rmSync(state, { recursive: true, force: true });
  }
}

/** One line of JSON: the question, its circumstances, the figures. */
export function result(question: string, figures: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ bench: question, ...figures })}\n`);
}

/** The q-quantile of the values, by nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export const round = (n: number, digits = 1): number => Number(n.toFixed(digits));
