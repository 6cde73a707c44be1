/** Says how an instance is. */
import { existsSync, readFileSync } from 'node:fs';
import { Pods } from '../../api/index.ts';
import { messageOf, processId } from '../../base/index.ts';
import { adoptNode } from '../../node/index.ts';
import { clientOf, probe, processOf, readRecord } from './instance.edge.ts';
import { isReady } from '../node/node-down.ts';
import type { InstancePaths } from './paths.ts';

export interface InstanceStatus {
  readonly name: string;
  readonly state: 'running' | 'stopped' | 'degraded';
  readonly api?: string;
  readonly ingress?: { http: string; https: string };
  readonly prometheus?: string;
  /** Name of the context in the kubeconfig. */
  readonly context: string;
  readonly kubeconfig: string;
  /** Whether there is state to go on from. */
  readonly exists: boolean;
  readonly components: readonly { name: string; state: string; pid?: number; memoryMB?: number }[];
  readonly pods?: { total: number; ready: number };
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
}

export async function status(paths: InstancePaths): Promise<InstanceStatus> {
  const config = readRecord(paths)?.config;
  const components = [
    component('control plane', processOf(paths, 'control-plane')?.pid),
    component('node', adoptNode(paths.runDir)?.initPid),
    component('node agent', processOf(paths, 'agent')?.pid),
    component('edge (outside)', processOf(paths, 'edge/outside')?.pid),
    component('edge (inside)', processOf(paths, 'edge/inside')?.pid),
  ];
  const base = {
    name: paths.name,
    context: paths.context,
    kubeconfig: paths.kubeconfig,
    exists: existsSync(paths.instanceFile),
    components,
  };
  if (components.every((c) => c.state !== 'running') || !config) return { ...base, state: 'stopped', problems: [] };
  const problems = components.filter((c) => c.state !== 'running').map((c) => `${c.name} does not run: run "sluice up"`);
  let pods: InstanceStatus['pods'];
  // Without a control plane nobody answers, and that is said already.
  if (components[0]?.state === 'running') {
    const readyz = await probe({ socketPath: paths.apiSocket }, '/readyz');
    if (readyz?.status !== 200) problems.push(`the API is not ready (${readyz?.body.trim() || 'no answer'}): see ${paths.logDir}`);
    else
      try {
        const { items } = await clientOf(paths).list(Pods);
        pods = { total: items.length, ready: items.filter(isReady).length };
      } catch (error) {
        problems.push(`pods cannot be listed: ${messageOf(error)}`);
      }
    if ((await probe({ port: config.prometheusPort }, '/-/ready'))?.status !== 200)
      problems.push(`the Prometheus API does not answer, and no canary advances without it: see ${paths.logDir}`);
  }
  return {
    ...base,
    state: problems.length === 0 ? 'running' : 'degraded',
    api: `https://127.0.0.1:${config.apiPort}`,
    ingress: { http: `http://127.0.0.1:${config.httpPort}`, https: `https://127.0.0.1:${config.httpsPort}` },
    prometheus: `http://127.0.0.1:${config.prometheusPort}`,
    ...(pods ? { pods } : {}),
    problems,
  };
}

function component(name: string, pid: number | undefined): InstanceStatus['components'][number] {
  if (pid === undefined || !processId(pid)) return { name, state: 'stopped' };
  const mb = memoryMB(pid);
  return { name, state: 'running', pid, ...(mb === undefined ? {} : { memoryMB: mb }) };
}

/** Memory of a process with its share of what it shares (PSS); undefined when it may not be read. */
function memoryMB(pid: number): number | undefined {
  try {
    const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return pss ? Math.round(Number(pss) / 1024) : undefined;
  } catch {
    return undefined;
  }
}
