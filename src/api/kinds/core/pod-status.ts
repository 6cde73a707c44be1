import type { ContainerState, ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import { age } from '../columns.ts';

/** What `kubectl get pods` says of a pod. */
export interface PodSummary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
}

/** Sums up a pod as the real server's printer does. `now` in milliseconds. */
export function podSummary(pod: Pod, now: number): PodSummary {
  const inits = pod.spec?.initContainers ?? [];
  const sidecars = new Set(inits.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const init = initialisation(pod, sidecars);
  const initialized = pod.status?.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True') ?? false;

  let status = init.status ?? pod.status?.reason ?? pod.status?.phase ?? '';
  if (pod.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) status = 'SchedulingGated';
  let { restarts, lastRestart } = init;
  let ready = init.readySidecars;

  if (!init.status || initialized) {
    ({ restarts, lastRestart } = init.sidecars);
    let running = false;
    for (const c of [...(pod.status?.containerStatuses ?? [])].reverse()) {
      restarts += c.restartCount;
      lastRestart = later(lastRestart, c.lastState?.terminated?.finishedAt);
      if (c.state?.waiting?.reason) status = c.state.waiting.reason;
      else if (c.state?.terminated) status = endOf(c.state);
      else if (c.ready && c.state?.running) {
        running = true;
        ready++;
      }
    }
    if (status === 'Completed' && running) {
      status = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ? 'Running' : 'NotReady';
    }
  }

  if (pod.metadata?.deletionTimestamp) {
    if (pod.status?.reason === 'NodeLost') status = 'Unknown';
    else if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') status = 'Terminating';
  }
  return {
    ready: `${ready}/${(pod.spec?.containers ?? []).length + sidecars.size}`,
    status,
    restarts: restarts && lastRestart ? `${restarts} (${age(lastRestart, now)} ago)` : String(restarts),
  };
}

interface Restarts {
  restarts: number;
  lastRestart: string | undefined;
}

/** How far the init containers are; `status` is absent once they are through. Sidecars are init containers that keep running. */
function initialisation(
  pod: Pod,
  sidecarNames: ReadonlySet<string>,
): Restarts & { status: string | undefined; readySidecars: number; sidecars: Restarts } {
  const sidecars: Restarts = { restarts: 0, lastRestart: undefined };
  const all: Restarts = { restarts: 0, lastRestart: undefined };
  let readySidecars = 0;
  for (const [i, c] of (pod.status?.initContainerStatuses ?? []).entries()) {
    count(all, c);
    const sidecar = sidecarNames.has(c.name);
    if (sidecar) count(sidecars, c);
    if (c.state?.terminated?.exitCode === 0) continue;
    if (sidecar && c.started) {
      if (c.ready) readySidecars++;
      continue;
    }
    const waiting = c.state?.waiting?.reason;
    const status = c.state?.terminated
      ? `Init:${endOf(c.state)}`
      : waiting && waiting !== 'PodInitializing'
        ? `Init:${waiting}`
        : `Init:${i}/${pod.spec?.initContainers?.length ?? 0}`;
    return { ...all, status, readySidecars, sidecars };
  }
  return { ...all, status: undefined, readySidecars, sidecars };
}

function count(into: Restarts, c: ContainerStatus): void {
  into.restarts += c.restartCount;
  into.lastRestart = later(into.lastRestart, c.lastState?.terminated?.finishedAt);
}

function endOf(state: ContainerState): string {
  const end = state.terminated!;
  return end.reason || (end.signal ? `Signal:${end.signal}` : `ExitCode:${end.exitCode}`);
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  return !a || (b && Date.parse(b) > Date.parse(a)) ? b : a;
}

/** `1/2` gates that hold, or `<none>`. */
export function readinessGatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (!gates.length) return '<none>';
  const holding = gates.filter((g) => pod.status?.conditions?.some((c) => c.type === g.conditionType && c.status === 'True'));
  return `${holding.length}/${gates.length}`;
}
