/** What pods use, asked of the node's agent: CPU from the growth of its counters between two looks. */
import { request } from 'node:http';
import { keyText } from '../api/index.ts';
import { sleep, type Clock } from '../base/index.ts';
import type { PodMetrics } from '../workloads/index.ts';

/** How often the agent is asked, in milliseconds. */
const PERIOD_MS = 5_000;

/** The agent's answer to `GET /metrics/pods`; `cpuSeconds` is cumulative. */
interface Answer {
  readonly timestamp: string;
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly containers: readonly { readonly name: string; readonly cpuSeconds: number; readonly memoryBytes: number }[];
  }[];
}

interface Use {
  readonly at: number;
  readonly cpuSeconds: number;
  readonly cpuMilli: number | undefined;
  readonly memoryBytes: number;
}

/** Keeps asking until the signal aborts. While the agent does not answer, nothing is known. */
export function podMetrics(socketPath: string, clock: Clock, signal: AbortSignal): PodMetrics {
  let uses = new Map<string, Use>();

  async function look(): Promise<void> {
    const answer = await ask(socketPath);
    const next = new Map<string, Use>();
    const at = clock.monotonic();
    for (const pod of answer?.pods ?? []) {
      const key = keyText(pod);
      const cpuSeconds = pod.containers.reduce((sum, c) => sum + c.cpuSeconds, 0);
      const memoryBytes = pod.containers.reduce((sum, c) => sum + c.memoryBytes, 0);
      const before = uses.get(key);
      // A counter that went back is a container that was started anew.
      const grown = before && cpuSeconds >= before.cpuSeconds && at > before.at;
      next.set(key, {
        at,
        cpuSeconds,
        memoryBytes,
        cpuMilli: grown ? ((cpuSeconds - before.cpuSeconds) / (at - before.at)) * 1e6 : undefined,
      });
    }
    uses = next;
  }

  void (async () => {
    while (!signal.aborted) {
      await look();
      await sleep(clock, PERIOD_MS, signal);
    }
  })();

  return {
    cpuMilli: (pod) => uses.get(keyText(pod))?.cpuMilli,
    memoryBytes: (pod) => uses.get(keyText(pod))?.memoryBytes,
  };
}

function ask(socketPath: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const none = (): void => resolve(undefined);
    const r = request({ socketPath, path: '/metrics/pods', timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('error', none).on('end', () => {
        try {
          resolve(response.statusCode === 200 ? (JSON.parse(body) as Answer) : undefined);
        } catch {
          none();
        }
      });
    });
    r.on('error', none).on('timeout', () => r.destroy());
    r.end();
  });
}
