import type { Job, JobCondition, JobStatus } from 'kubernetes-types/batch/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { Jobs } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { verdictOf } from './job-failure.ts';
import { freeIndexes, indexOf, indexText, isIndexed, parseIndexes, withIndex } from './job-index.ts';
import { byDispensability, isActive, isReady, podFromTemplate } from './pods.ts';

/** The delay before the pod after the first failure, doubling with each further one, and the longest; in milliseconds. */
const FIRST_DELAY = 10_000;
const LAST_DELAY = 360_000;

export interface JobPlan {
  readonly create: readonly Pod[];
  readonly remove: readonly Pod[];
  readonly status: JobStatus;
  /** The job has been finished for as long as it was to be kept. */
  readonly expired: boolean;
  /** What to tell of when the job has just finished. */
  readonly finished: JobCondition | undefined;
  /** Milliseconds until the next look. */
  readonly after: number | undefined;
}

/** `pods` are the job's own, `now` milliseconds since the epoch. */
export function decideJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const active = pods.filter(isActive);
  const before = job.status ?? {};
  const ended = (phase: string): Pod[] => pods.filter((p) => p.status?.phase === phase);
  const indexes = isIndexed(job) ? indexesOf(job, pods) : undefined;
  const verdicts = ended('Failed').map((pod) => verdictOf(job, pod));
  // A pod that somebody deleted still counts.
  const succeeded = indexes ? indexes.done.size : Math.max(before.succeeded ?? 0, ended('Succeeded').length);
  const failed = Math.max(before.failed ?? 0, verdicts.filter((v) => v.action !== 'Ignore').length);
  const counts: JobStatus = {
    ...before,
    startTime: before.startTime ?? rfc3339(now),
    active: active.length,
    ready: active.filter(isReady).length,
    succeeded,
    failed,
    ...(indexes && indexes.done.size > 0 ? { completedIndexes: indexText(indexes.done) } : {}),
    ...(indexes && indexes.failed.size > 0 ? { failedIndexes: indexText(indexes.failed) } : {}),
  };
  const nothing = { create: [], remove: [], expired: false, finished: undefined, after: undefined };

  const end = conditionOf(job, 'Complete') ?? conditionOf(job, 'Failed');
  if (end) return { ...nothing, remove: active, status: { ...counts, active: 0, ready: 0 }, ...expiry(job, end, now) };
  const finish = (condition: Omit<JobCondition, 'status'>): JobPlan => {
    const time = rfc3339(now);
    const finished: JobCondition = { ...condition, status: 'True', lastProbeTime: time, lastTransitionTime: time };
    const target: JobCondition = { ...finished, type: condition.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget' };
    const completion = condition.type === 'Complete' ? { completionTime: time } : {};
    const conditions = [...(before.conditions ?? []), target, finished];
    return { ...nothing, remove: active, status: { ...counts, ...completion, active: 0, ready: 0, conditions }, finished };
  };

  if (job.spec?.suspend) {
    const { startTime: _start, ...rest } = counts;
    return { ...nothing, remove: active, status: { ...rest, active: 0, ready: 0, conditions: withSuspended(job, 'True', now) } };
  }
  const resumed = conditionOf(job, 'Suspended') ? { conditions: withSuspended(job, 'False', now) } : {};
  const { completions, parallelism = 1, backoffLimit = 6, activeDeadlineSeconds } = job.spec ?? {};
  if (completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions) {
    return finish({ type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' });
  }
  const fatal = verdicts.find((v) => v.action === 'FailJob');
  if (fatal) return finish({ type: 'Failed', reason: 'PodFailurePolicy', message: fatal.message ?? '' });
  const restarts = active.flatMap((p) => p.status?.containerStatuses ?? []).reduce((n, c) => n + c.restartCount, 0);
  const spent =
    (failed > backoffLimit && !indexes?.limited) ||
    (job.spec?.template.spec?.restartPolicy === 'OnFailure' && restarts > 0 && restarts >= backoffLimit);
  if (spent) return finish({ type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' });
  if (indexes?.limited && indexes.failed.size > 0) {
    const most = (job.spec as IndexLimits | undefined)?.maxFailedIndexes;
    if (most !== undefined && indexes.failed.size > most) {
      return finish({
        type: 'Failed',
        reason: 'MaxFailedIndexesExceeded',
        message: 'Job has exceeded the specified maximal number of failed indexes',
      });
    }
    if (indexes.failed.size + succeeded >= (completions ?? 0)) {
      return finish({ type: 'Failed', reason: 'FailedIndexes', message: 'Job has failed indexes' });
    }
  }
  const deadline = activeDeadlineSeconds === undefined ? undefined : Date.parse(counts.startTime!) + activeDeadlineSeconds * 1000 - now;
  if (deadline !== undefined && deadline <= 0) {
    return finish({ type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' });
  }

  const open = (completions ?? 0) - succeeded - (indexes?.failed.size ?? 0);
  const wanted = completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, open);
  const wait = untilRetry(ended('Failed'), failed, now);
  const missing = Math.max(0, wanted - active.length);
  const surplus = [...active].sort(byDispensability).slice(0, Math.max(0, active.length - wanted));
  const looks = [...(missing > 0 && wait > 0 ? [wait] : []), ...(deadline === undefined ? [] : [deadline])];
  return {
    ...nothing,
    create:
      wait > 0
        ? []
        : indexes
          ? indexes.next(missing).map((i) => withIndex(job, jobPod(job), i))
          : Array.from({ length: missing }, () => jobPod(job)),
    remove: surplus,
    status: { ...counts, ...resumed },
    after: looks.length > 0 ? Math.min(...looks) : undefined,
  };
}

/** Beyond the types of the package. */
interface IndexLimits {
  readonly backoffLimitPerIndex?: number;
  readonly maxFailedIndexes?: number;
}

interface Indexes {
  readonly done: ReadonlySet<number>;
  readonly failed: ReadonlySet<number>;
  /** Failures count against each index, not against the job. */
  readonly limited: boolean;
  next(count: number): number[];
}

function indexesOf(job: Job, pods: readonly Pod[]): Indexes {
  const { completions = 0 } = job.spec ?? {};
  const limit = (job.spec as IndexLimits | undefined)?.backoffLimitPerIndex;
  const of = (some: readonly Pod[]): number[] => some.flatMap((p) => indexOf(p) ?? []).filter((i) => i < completions);
  const status: { completedIndexes?: string; failedIndexes?: string } = job.status ?? {};
  const done = new Set([...parseIndexes(status.completedIndexes), ...of(pods.filter((p) => p.status?.phase === 'Succeeded'))]);
  const failed = parseIndexes(status.failedIndexes);
  const failures = new Map<number, number>();
  for (const pod of pods.filter((p) => p.status?.phase === 'Failed')) {
    const [index] = of([pod]);
    const { action } = verdictOf(job, pod);
    if (index === undefined || action === 'Ignore' || done.has(index)) continue;
    failures.set(index, (failures.get(index) ?? 0) + 1);
    if (action === 'FailIndex' || (limit !== undefined && failures.get(index)! > limit)) failed.add(index);
  }
  const taken = new Set([...done, ...failed, ...of(pods.filter((p) => p.status?.phase !== 'Failed'))]);
  return { done, failed, limited: limit !== undefined, next: (count) => freeIndexes(completions, count, taken) };
}

function conditionOf(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
}

function expiry(job: Job, end: JobCondition, now: number): { expired: boolean; after: number | undefined } {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined) return { expired: false, after: undefined };
  const left = Date.parse(end.lastTransitionTime ?? '') + ttl * 1000 - now;
  return left > 0 ? { expired: false, after: left } : { expired: true, after: undefined };
}

function withSuspended(job: Job, status: 'True' | 'False', now: number): JobCondition[] {
  const conditions = job.status?.conditions ?? [];
  const old = conditions.find((c) => c.type === 'Suspended');
  if (old?.status === status) return conditions;
  const time = rfc3339(now);
  const [reason, message] = status === 'True' ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed'];
  return [
    ...conditions.filter((c) => c !== old),
    { type: 'Suspended', status, reason, message, lastProbeTime: time, lastTransitionTime: time },
  ];
}

/** Counted from the end of the last failed pod. */
function untilRetry(failedPods: readonly Pod[], failures: number, now: number): number {
  if (failures === 0) return 0;
  const ends = failedPods.flatMap((p) => (p.status?.containerStatuses ?? []).map((c) => Date.parse(c.state?.terminated?.finishedAt ?? '')));
  const last = Math.max(0, ...ends.filter((t) => !Number.isNaN(t)));
  return Math.max(0, last + Math.min(LAST_DELAY, FIRST_DELAY * 2 ** (failures - 1)) - now);
}

function jobPod(job: Job): Pod {
  const pod = podFromTemplate(job.spec?.template, Jobs, job, undefined);
  const { name = '', uid = '' } = job.metadata ?? {};
  const labels = {
    'batch.kubernetes.io/job-name': name,
    'job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'controller-uid': uid,
  };
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata?.labels, ...labels } } };
}
