import { rfc3339 } from '../../base/index.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '../objects.ts';
import { ephemeralOf, initFailed, initialized, type Records } from './decide.ts';
import { NEW_CONTAINER, type ContainerRecord, type Ended } from './restart.ts';

export interface StatusInputs {
  readonly records: Records;
  /** Undefined until the pod has a network. */
  readonly podIP: string | undefined;
  readonly hostIP: string;
  /** When the agent took the pod over, in milliseconds since the epoch. */
  readonly startTime: number;
}

/** Reported while the first start has yet to happen. */
const CREATING: ContainerState = { waiting: { reason: 'ContainerCreating' } };
const INITIALIZING: ContainerState = { waiting: { reason: 'PodInitializing' } };
/** The conditions this node owns; others (readiness gates) are kept as they are. */
const OWN_CONDITIONS = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

/** The status of a pod, as the API shows it. `now` in milliseconds since the epoch. */
export function podStatus(pod: Pod, inputs: StatusInputs, now: number): PodStatus {
  const { records, podIP, hostIP } = inputs;
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const phase = phaseOf(pod, records);
  const initDone = initialized(pod, records);
  const statuses = containers.map((c) => containerStatus(pod, c, records[c.name], initDone ? CREATING : INITIALIZING));
  const ephemeralStatuses = ephemeralOf(pod).map((c) => containerStatus(pod, c, records[c.name], CREATING));
  const initStatuses = initContainers.map((c) => containerStatus(pod, c, records[c.name], INITIALIZING));
  return {
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditions(pod, phase, initDone, statuses, podIP !== undefined, now),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: pod.status?.startTime ?? rfc3339(inputs.startTime),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length > 0 ? { ephemeralContainerStatuses: ephemeralStatuses } : {}),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

export function phaseOf(pod: Pod, records: Records): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  const containers = pod.spec?.containers ?? [];
  if (initFailed(pod, records)) return 'Failed';
  const all = containers.map((c) => records[c.name] ?? NEW_CONTAINER);
  if (all.every((r) => r.phase === 'ended')) return all.every((r) => r.phase === 'ended' && r.end.exitCode === 0) ? 'Succeeded' : 'Failed';
  const begun = (r: ContainerRecord): boolean => r.phase !== 'waiting' || r.attempt > 0;
  return all.every(begun) ? 'Running' : 'Pending';
}

function containerStatus(
  pod: Pod,
  container: Container,
  record: ContainerRecord = NEW_CONTAINER,
  untouched: ContainerState,
): ContainerStatus {
  const running = record.phase === 'running';
  const id = (attempt: number): string => `sluice://${pod.metadata?.uid}/${container.name}/${attempt}`;
  const before = record.phase === 'waiting' && record.attempt > 0;
  const attempt = before ? record.attempt - 1 : record.attempt;
  const seen = record.phase !== 'waiting' || record.attempt > 0;
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: seen ? (container.image ?? '') : '',
    ...(seen ? { containerID: id(attempt) } : {}),
    ready: (running && record.ready) || (record.phase === 'ended' && record.end.exitCode === 0 && !isApp(pod, container)),
    started: running && record.started,
    restartCount: attempt,
    state: stateOf(pod, container, record, untouched, id),
    lastState: record.last ? { terminated: terminated(record.last, id) } : {},
    ...(seen ? granted(container) : {}),
  };
}

/** What the container has: nothing is held to less than it asks for, so that a change of it is there at once. */
function granted({ resources = {} }: Container): object {
  if (!resources.requests && !resources.limits) return {};
  return { resources, ...(resources.requests ? { allocatedResources: resources.requests } : {}) };
}

const isApp = (pod: Pod, container: Container): boolean => (pod.spec?.containers ?? []).includes(container);

function stateOf(
  pod: Pod,
  container: Container,
  record: ContainerRecord,
  untouched: ContainerState,
  id: (attempt: number) => string,
): ContainerState {
  switch (record.phase) {
    case 'running':
      return { running: { startedAt: rfc3339(record.startedAt) } };
    case 'ended':
      return { terminated: terminated(record.end, id) };
    case 'waiting': {
      if (record.why) return { waiting: { ...record.why } };
      if (!record.last) return untouched;
      const { name, namespace, uid } = pod.metadata ?? {};
      const delay = Math.round((record.notBefore - record.last.finishedAt) / 1000);
      if (delay <= 0) return { terminated: terminated(record.last, id) };
      const message = `back-off ${delay}s restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`;
      return { waiting: { reason: 'CrashLoopBackOff', message } };
    }
  }
}

function terminated(end: Ended, id: (attempt: number) => string): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: end.exitCode,
    reason: end.exitCode === 0 ? 'Completed' : 'Error',
    ...(end.exitCode > 128 && end.exitCode < 160 ? { signal: end.exitCode - 128 } : {}),
    ...(end.message === undefined ? {} : { message: end.message }),
    startedAt: rfc3339(end.startedAt),
    finishedAt: rfc3339(end.finishedAt),
    containerID: id(end.attempt),
  };
}

function conditions(
  pod: Pod,
  phase: string,
  initDone: boolean,
  statuses: readonly ContainerStatus[],
  networked: boolean,
  now: number,
): PodCondition[] {
  const old = pod.status?.conditions ?? [];
  const unready = statuses.filter((s) => !s.ready).map((s) => s.name);
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const why = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : 'ContainersNotReady';
  const notReady = { reason: why, ...(ended ? {} : { message: `containers with unready status: [${unready.join(' ')}]` }) };
  const containersReady = !ended && unready.length === 0;
  const gates = (pod.spec?.readinessGates ?? []).map((g) => g.conditionType);
  const closed = gates.filter((g) => old.find((c) => c.type === g)?.status !== 'True');
  const gated = { reason: 'ReadinessGatesNotReady', message: `the status of pod readiness gate "${closed[0]}" is not "True"` };
  const condition = (type: string, ok: boolean, otherwise: { reason?: string; message?: string } = {}): PodCondition => {
    const status = ok ? 'True' : 'False';
    const before = old.find((c) => c.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return {
      type,
      status,
      lastProbeTime: null,
      lastTransitionTime: since ?? rfc3339(now),
      ...(ok ? {} : otherwise),
    } as unknown as PodCondition;
  };
  const incomplete = (pod.spec?.initContainers ?? []).map((c) => c.name);
  return [
    condition('PodReadyToStartContainers', networked && !ended),
    condition('Initialized', initDone || phase === 'Succeeded', {
      reason: 'ContainersNotInitialized',
      message: `containers with incomplete status: [${incomplete.join(' ')}]`,
    }),
    condition('Ready', containersReady && closed.length === 0, containersReady ? gated : notReady),
    condition('ContainersReady', containersReady, notReady),
    condition('PodScheduled', true),
    ...old.filter((c) => !OWN_CONDITIONS.has(c.type)),
  ];
}

/** Guaranteed, Burstable or BestEffort, from the requests and limits of all containers. */
export function qosClass(pod: Pod): string {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((c) => c.resources ?? {});
  const set = (m: Record<string, string> | undefined): boolean => ['cpu', 'memory'].some((k) => m?.[k] !== undefined);
  if (!all.some((r) => set(r.limits) || set(r.requests))) return 'BestEffort';
  const guaranteed = all.every((r) =>
    ['cpu', 'memory'].every((k) => r.limits?.[k] !== undefined && (r.requests?.[k] ?? r.limits[k]) === r.limits[k]),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
