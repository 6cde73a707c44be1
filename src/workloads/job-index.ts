/** Jobs whose pods are numbered: which indexes are done, which are to run, and what a numbered pod is. */
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Container, Pod } from 'kubernetes-types/core/v1.js';

const INDEX = 'batch.kubernetes.io/job-completion-index';
const VARIABLE = 'JOB_COMPLETION_INDEX';

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed' && job.spec.completions !== undefined;
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The numbers in `0,2-4`. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const [from = NaN, to = from] = part.split('-').map(Number);
    for (let i = from; i <= to; i++) indexes.add(i);
  }
  return indexes;
}

/** `0,2-4`, as the status of a job says it. */
export function indexText(indexes: Iterable<number>): string {
  const runs: [number, number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** The lowest indexes that are neither taken nor done. */
export function freeIndexes(completions: number, count: number, taken: ReadonlySet<number>): number[] {
  const free: number[] = [];
  for (let i = 0; i < completions && free.length < count; i++) if (!taken.has(i)) free.push(i);
  return free;
}

/** The pod that works on an index. */
export function withIndex(job: Job, pod: Pod, index: number): Pod {
  const number = { [INDEX]: String(index) };
  const variable = { name: VARIABLE, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${INDEX}']` } } };
  const told = (container: Container): Container =>
    container.env?.some((e) => e.name === VARIABLE) ? container : { ...container, env: [...(container.env ?? []), variable] };
  const spec = pod.spec!;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: `${job.metadata?.name}-${index}-`,
      labels: { ...pod.metadata?.labels, ...number },
      annotations: { ...pod.metadata?.annotations, ...number },
    },
    spec: {
      ...spec,
      hostname: `${job.metadata?.name}-${index}`,
      containers: spec.containers.map(told),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(told) } : {}),
    },
  };
}
