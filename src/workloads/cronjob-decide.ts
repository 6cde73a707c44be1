import type { CronJob, CronJobStatus, Job } from 'kubernetes-types/batch/v1.js';
import { CronJobs } from '../api/index.ts';
import { parseSchedule, rfc3339, type Schedule } from '../base/index.ts';
import { controllerReference, isControlledBy, type EventType } from '../control/index.ts';
import { byAge } from './pods.ts';

const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** So many starts may be missed before it is said that something is wrong. */
const MANY_MISSED = 100;
/** Starts are looked for one by one only so far back: beyond, the last one is found from the end. */
const LOOK_BACK = 1000;

export interface CronPlan {
  /** Jobs to delete: those that are replaced, and those that history has no room for. */
  readonly remove: readonly Job[];
  readonly create: Job | undefined;
  /** The status before the job is created. */
  readonly status: CronJobStatus;
  /** When it was that the job should start, in RFC 3339. */
  readonly scheduled: string | undefined;
  readonly events: readonly { readonly type: EventType; readonly reason: string; readonly message: string }[];
  /** Milliseconds until the next start. */
  readonly after: number | undefined;
}

/** `jobs` are the cron job's own; `now` in milliseconds since the epoch. */
export function decideCron(cron: CronJob, jobs: readonly Job[], now: number): CronPlan {
  const events: { type: EventType; reason: string; message: string }[] = [];
  const running = jobs.filter((job) => !endOf(job)).sort(byAge);
  const known = new Set(cron.status?.active?.map((a) => a.uid));
  for (const job of jobs) {
    const end = endOf(job);
    if (end && known.has(job.metadata?.uid)) {
      events.push({
        type: 'Normal',
        reason: 'SawCompletedJob',
        message: `Saw completed job: ${job.metadata?.name}, condition: ${end.type}`,
      });
    }
  }
  const status = statusOf(cron, jobs, running);
  const remove = pastHistory(cron, jobs);
  const nothing = { remove, create: undefined, scheduled: undefined, status, events, after: undefined };
  const schedule = parseSchedule(cron.spec?.schedule ?? '');
  if (typeof schedule === 'string') {
    events.push({ type: 'Warning', reason: 'UnparseableSchedule', message: `unparseable schedule: ${cron.spec?.schedule} : ${schedule}` });
    return nothing;
  }
  if (cron.spec?.suspend || cron.metadata?.deletionTimestamp) return nothing;

  const { time, missed } = lastMissed(cron, schedule, now);
  const next = schedule.next(now, cron.spec?.timeZone);
  const idle = { ...nothing, after: next === undefined ? undefined : next - now };
  if (missed > MANY_MISSED) {
    events.push({
      type: 'Warning',
      reason: 'TooManyMissedTimes',
      message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    });
  }
  if (time === undefined) return idle;
  const deadline = cron.spec?.startingDeadlineSeconds;
  if (deadline !== undefined && time + deadline * 1000 < now) {
    events.push({ type: 'Warning', reason: 'MissSchedule', message: `Missed scheduled time to start a job: ${rfc3339(time)}` });
    return idle;
  }
  const policy = cron.spec?.concurrencyPolicy;
  if (policy === 'Forbid' && running.length > 0) {
    events.push({
      type: 'Normal',
      reason: 'JobAlreadyActive',
      message: 'Not starting job because prior execution is running and concurrency policy is Forbid',
    });
    return idle;
  }
  const replaced = policy === 'Replace' ? running : [];
  const create = jobAt(cron, time);
  if (jobs.some((job) => job.metadata?.name === create.metadata?.name)) return { ...idle, scheduled: rfc3339(time) };
  return { ...idle, remove: [...remove, ...replaced], create, scheduled: rfc3339(time) };
}

/** The latest time at which a job should have started and did not, and how many such times there were. */
function lastMissed(cron: CronJob, schedule: Schedule, now: number): { time: number | undefined; missed: number } {
  const { timeZone, startingDeadlineSeconds } = cron.spec ?? {};
  const since = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata?.creationTimestamp ?? '');
  const earliest = startingDeadlineSeconds === undefined ? since : Math.max(since, now - startingDeadlineSeconds * 1000);
  let time: number | undefined;
  let missed = 0;
  for (let at = schedule.next(earliest, timeZone); at !== undefined && at <= now; at = schedule.next(at, timeZone)) {
    time = at;
    if (++missed > LOOK_BACK) return { time: latestBefore(schedule, at, now, timeZone), missed };
  }
  return { time, missed };
}

/** The last time up to `now`, without all those before it: from ever nearer to `now`. */
function latestBefore(schedule: Schedule, known: number, now: number, timeZone: string | undefined): number {
  let time = known;
  for (let back = 60_000; back < now - known; back *= 2) {
    const first = schedule.next(now - back, timeZone);
    if (first === undefined || first > now) continue;
    time = first;
    for (let at: number | undefined = first; at !== undefined && at <= now; at = schedule.next(at, timeZone)) time = at;
    return time;
  }
  return time;
}

function statusOf(cron: CronJob, jobs: readonly Job[], running: readonly Job[]): CronJobStatus {
  const { active: _active, lastSuccessfulTime: before, ...rest } = cron.status ?? {};
  const ends = jobs.flatMap((job) => (job.status?.completionTime ? [job.status.completionTime] : []));
  const lastSuccessfulTime = [...ends, ...(before ? [before] : [])].sort().at(-1);
  return {
    ...rest,
    ...(running.length > 0 ? { active: running.map(referenceTo) } : {}),
    ...(lastSuccessfulTime ? { lastSuccessfulTime } : {}),
  };
}

export function referenceTo({ metadata }: Job): NonNullable<CronJobStatus['active']>[number] {
  const { namespace, name, uid, resourceVersion } = metadata ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
  };
}

function endOf(job: Job): { readonly type: string } | undefined {
  return job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
}

/** The oldest of those that have ended, beyond what is to be kept. */
function pastHistory(cron: CronJob, jobs: readonly Job[]): Job[] {
  const beyond = (type: string, limit: number | undefined): Job[] => {
    const ended = jobs.filter((job) => endOf(job)?.type === type && isControlledBy(job, cron)).sort(byAge);
    return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', cron.spec?.successfulJobsHistoryLimit), ...beyond('Failed', cron.spec?.failedJobsHistoryLimit)];
}

/** The job of a time. Its name follows from the time, so that there is never a second one. */
function jobAt(cron: CronJob, time: number): Job {
  const { metadata, spec } = cron.spec?.jobTemplate ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [SCHEDULED]: rfc3339(time) },
      name: `${cron.metadata?.name}-${Math.floor(time / 60_000)}`,
      ...(cron.metadata?.namespace ? { namespace: cron.metadata.namespace } : {}),
      ownerReferences: [controllerReference(CronJobs, cron)],
    },
    ...(spec ? { spec } : {}),
  };
}
