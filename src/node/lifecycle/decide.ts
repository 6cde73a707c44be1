import { holdsApplication } from '../../api/index.ts';
import type { Container, Pod } from '../objects.ts';
import { NEW_CONTAINER, type ContainerRecord } from './restart.ts';

export type Records = Readonly<Record<string, ContainerRecord>>;

/** What to do for a pod now. Containers that are being stopped already may be named again. */
export interface Decision {
  readonly start: readonly string[];
  readonly stop: readonly string[];
  /** The pod is on its way out and nothing of it runs any more. */
  readonly gone: boolean;
  /** Milliseconds since the epoch; undefined: only an event changes anything. */
  readonly wakeAt: number | undefined;
}

/** The container through which a meshed pod speaks: first to start, last to stop. */
export const PROXY_CONTAINER = 'istio-proxy';

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Whether the pod's traffic passes a proxy of its own. */
export function hasProxy(pod: Pod): boolean {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].some((c) => c.name === PROXY_CONTAINER);
}

/** The restart policy that holds for a container. */
export function restartPolicyOf(pod: Pod, container: Container, init: boolean): string {
  if (init && isSidecar(container)) return 'Always';
  const policy = pod.spec?.restartPolicy ?? 'Always';
  // An init container that succeeded is done, whatever the pod's policy.
  return init && policy === 'Always' ? 'OnFailure' : policy;
}

/** Containers that were put into the pod while it runs, to look at it. */
export function ephemeralOf(pod: Pod): Container[] {
  return pod.spec?.ephemeralContainers ?? [];
}

/** `heardAt`: when the proxy of a leaving pod last took a request from others, as far as it says; milliseconds since the epoch, like `now`. */
export function decide(pod: Pod, records: Records, now: number, heardAt?: number): Decision {
  const { initContainers: inits = [], containers = [] } = pod.spec ?? {};
  const of = (c: Container): ContainerRecord => records[c.name] ?? NEW_CONTAINER;
  const running = (c: Container): boolean => of(c).phase === 'running';
  if (pod.metadata?.deletionTimestamp) return leaving(pod, running, now, heardAt);

  const start: string[] = [];
  let wakeAt: number | undefined;
  const want = (c: Container): void => {
    const record = of(c);
    if (record.phase !== 'waiting') return;
    if (record.notBefore <= now) start.push(c.name);
    else wakeAt = Math.min(wakeAt ?? Infinity, record.notBefore);
  };
  const result = (stop: readonly string[] = []): Decision => ({ start, stop, gone: false, wakeAt });

  for (const c of inits) {
    const record = of(c);
    want(c);
    if (isSidecar(c) ? record.phase === 'running' && record.started : record.phase === 'ended' && record.end.exitCode === 0) continue;
    return result(initFailed(pod, records) ? inits.filter(running).map((s) => s.name) : []);
  }
  if (containers.every((c) => of(c).phase === 'ended')) {
    return { start: [], stop: [...inits, ...ephemeralOf(pod)].filter(running).map((c) => c.name), gone: false, wakeAt: undefined };
  }
  const proxy = containers.find((c) => c.name === PROXY_CONTAINER);
  if (proxy) want(proxy);
  const proxyRecord = proxy && of(proxy);
  // An app that starts before its proxy is ready finds no network.
  const held =
    proxyRecord &&
    !(proxyRecord.phase === 'running' && proxyRecord.ready) &&
    containers.every((c) => c === proxy || of(c).attempt === 0) &&
    holdsApplication(pod.metadata?.annotations);
  if (!held) for (const c of containers) if (c !== proxy) want(c);
  for (const c of ephemeralOf(pod)) want(c);
  return result();
}

/**
 * How long a meshed pod goes on serving at least after it was told to go, in milliseconds: every proxy is to hear that it is no endpoint
 * any more. The API cuts its times to seconds, so that this is at least a third of it.
 */
const DRAIN = 1500;
/** It is taken for drained when no request has come for so long; on a busy machine some proxies hear late. */
const QUIET = 1000;
/** At most so long, whatever still comes, and no more than half of its grace. */
const LONGEST_DRAIN = 10_000;
/** How often its proxy is asked. */
const LOOK = 250;
/** A grace of fewer seconds than this asks for a quick end. */
const SHORTEST_DRAINED_GRACE = 5;

/** A leaving pod that drains: others reach it through a proxy, and there is time. */
export function drains(pod: Pod): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace = 0 } = pod.metadata ?? {};
  return deletionTimestamp !== undefined && hasProxy(pod) && grace >= SHORTEST_DRAINED_GRACE;
}

/** When the containers of a leaving pod may be told to stop, in milliseconds since the epoch. */
function drainedAt(pod: Pod, heardAt: number | undefined): number {
  if (!drains(pod)) return 0;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
  const grace = deletionGracePeriodSeconds * 1000;
  const told = Date.parse(String(deletionTimestamp)) - grace;
  const quiet = heardAt === undefined ? 0 : Math.min(heardAt + QUIET, told + Math.min(LONGEST_DRAIN, grace / 2));
  return Math.max(told + DRAIN, quiet);
}

/** Apps first, then what serves them; so that requests in flight still find their way out. */
function leaving(pod: Pod, running: (c: Container) => boolean, now: number, heardAt: number | undefined): Decision {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const plain = containers.filter((c) => c.name !== PROXY_CONTAINER);
  const apps = [...initContainers.filter((c) => !isSidecar(c)), ...plain, ...ephemeralOf(pod)].filter(running);
  const proxies = containers.filter((c) => c.name === PROXY_CONTAINER && running(c));
  const sidecars = initContainers.filter((c) => isSidecar(c) && running(c)).reverse();
  const stop = [apps, proxies, sidecars].find((group) => group.length > 0) ?? [];
  const drained = drainedAt(pod, heardAt);
  if (stop.length > 0 && now < drained) {
    return { start: [], stop: [], gone: false, wakeAt: heardAt === undefined ? drained : Math.min(drained, now + LOOK) };
  }
  return { start: [], stop: stop.map((c) => c.name), gone: stop.length === 0, wakeAt: undefined };
}

/** An init container has ended and will not be tried again. */
export function initFailed(pod: Pod, records: Records): boolean {
  return (pod.spec?.initContainers ?? []).some((c) => {
    const record = records[c.name];
    return record?.phase === 'ended' && record.end.exitCode !== 0;
  });
}

/** All init containers have done their part. */
export function initialized(pod: Pod, records: Records): boolean {
  return (pod.spec?.initContainers ?? []).every((c) => {
    const record = records[c.name];
    if (isSidecar(c)) return record?.phase === 'running' && record.started;
    return record?.phase === 'ended' && record.end.exitCode === 0;
  });
}
