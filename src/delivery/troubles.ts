/** What keeps pods from being ready, in the words of the node: a crash loop, an image that does not come, memory, probes. Pure. */
import type { ContainerStatus, Event, Pod } from 'kubernetes-types/core/v1.js';
import type { CanaryTrouble } from '../api/index.ts';
import { quote } from './quote.ts';

/** Troubles told of; those of more pods are mostly the same. */
const MOST = 5;

/** What every container goes through. */
const NORMAL: ReadonlySet<string | undefined> = new Set([undefined, 'ContainerCreating', 'PodInitializing', 'Completed']);

/** One of a kind, those of the newest pods. `events` are those of the pods; of a probe, the last is told. */
export function troublesOf(pods: readonly Pod[], events: readonly Event[]): CanaryTrouble[] {
  const newest = pods.toSorted((a, b) => String(b.metadata?.creationTimestamp).localeCompare(String(a.metadata?.creationTimestamp)));
  const found = new Map<string, CanaryTrouble>();
  for (const trouble of newest.flatMap((pod) => troublesIn(pod, events))) {
    const kind = `${trouble.container ?? ''} ${trouble.reason}`;
    if (!found.has(kind)) found.set(kind, trouble);
  }
  return [...found.values()].slice(0, MOST);
}

function troublesIn(pod: Pod, events: readonly Event[]): CanaryTrouble[] {
  const name = pod.metadata?.name ?? '';
  const { status } = pod;
  const scheduled = status?.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False');
  if (scheduled) return [trouble(name, undefined, scheduled.reason ?? 'Unschedulable', scheduled.message)];
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers.flatMap((c) => troubleIn(name, c, events));
}

function troubleIn(pod: string, container: ContainerStatus, events: readonly Event[]): CanaryTrouble[] {
  const { name, state, lastState, ready, restartCount } = container;
  const ended = state?.terminated ?? lastState?.terminated;
  const end = ended && ended.exitCode !== 0 ? `last ended with ${ended.reason ?? 'Error'}, exit code ${ended.exitCode}` : '';
  if (!NORMAL.has(state?.waiting?.reason)) {
    const said = [end, state?.waiting?.message].filter(Boolean).join(': ');
    return [trouble(pod, name, state!.waiting!.reason!, said)];
  }
  if (end && (state?.terminated || restartCount > 0)) return [trouble(pod, name, ended!.reason ?? 'Error', end)];
  if (ready || !state?.running) return [];
  const isOf = ({ involvedObject: of }: Event): boolean => of.name === pod && (!of.fieldPath || of.fieldPath.includes(`{${name}}`));
  const probe = events.findLast((e) => e.reason === 'Unhealthy' && isOf(e));
  return probe ? [trouble(pod, name, 'Unhealthy', probe.message)] : [];
}

function trouble(pod: string, container: string | undefined, reason: string, message: string | undefined): CanaryTrouble {
  return { pod, ...(container ? { container } : {}), reason, ...(message ? { message: quote(message) } : {}) };
}

/** In one sentence. */
export function troubleText({ pod, container, reason, message }: CanaryTrouble): string {
  return `${container ? `container ${container} of pod ${pod}` : `pod ${pod}`}: ${reason}${message ? ` (${message})` : ''}`;
}
