import type { CronJob, Job } from 'kubernetes-types/batch/v1.js';
import { humanDuration, isTimeZone, parseSchedule } from '../../base/index.ts';
import { CronJobs, Jobs } from '../resources.ts';
import { checkTemplate, templateColumns } from './apps/template.ts';
import type { Causes } from './check.ts';
import { age, ageColumn, column, nameColumn, selectorText, wide } from './columns.ts';
import { defaultPodSpec } from './core/pod-defaults.ts';
import { define } from './define.ts';
import { oldCronJobs } from './legacy/others.ts';

type JobSpec = NonNullable<Job['spec']>;

const LONGEST_CRON_NAME = 52;

function defaultJobSpec(spec: JobSpec | undefined): void {
  if (!spec) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ||= 'NonIndexed';
  spec.suspend ??= false;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function checkJobSpec(causes: Causes, at: string, spec: JobSpec | undefined): void {
  if (!spec) return causes.required(at);
  for (const field of ['completions', 'parallelism', 'backoffLimit', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished'] as const) {
    causes.nonNegative(`${at}.${field}`, spec[field]);
  }
  checkTemplate(causes, spec.template, ['OnFailure', 'Never'], `${at}.template`);
}

function jobStatus(o: Job): string {
  if (o.metadata?.deletionTimestamp) return 'Terminating';
  const holds = (type: string): boolean => o.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
  return ['Complete', 'Failed', 'Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function completions(o: Job): string {
  const done = o.status?.succeeded ?? 0;
  if (o.spec?.completions !== undefined) return `${done}/${o.spec.completions}`;
  const parallelism = o.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function jobDuration(o: Job, now: number): string {
  if (!o.status?.startTime) return '';
  const end = o.status.completionTime ? Date.parse(o.status.completionTime) : now;
  return humanDuration(end - Date.parse(o.status.startTime));
}

export const jobs = define<Job>({
  resource: Jobs,
  categories: ['all'],
  schema: 'k8s.io.api.batch.v1.Job',
  status: true,
  default(o, old) {
    defaultJobSpec(o.spec);
    // Nobody writes a Job's selector, and those who look for its pods (kubectl logs, describe) go by it.
    if (!o.spec || o.spec.manualSelector) return;
    if (!old) o.spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': o.metadata?.uid ?? '' } };
    else if (old.spec?.selector) o.spec.selector ??= old.spec.selector;
  },
  check: (causes, o) => checkJobSpec(causes, 'spec', o.spec),
  columns: [
    nameColumn,
    column('Status', jobStatus),
    column('Completions', completions),
    column('Duration', jobDuration),
    ageColumn,
    ...templateColumns<Job>((o) => o.spec?.template),
    wide('Selector', (o) => selectorText(o.spec?.selector)),
  ],
  selectableFields: ['status.successful'],
});

export const cronJobs = define<CronJob>({
  resource: CronJobs,
  shortNames: ['cj'],
  categories: ['all'],
  schema: 'k8s.io.api.batch.v1.CronJob',
  status: true,
  default(o) {
    if (!o.spec) return;
    o.spec.concurrencyPolicy ||= 'Allow';
    o.spec.suspend ??= false;
    o.spec.successfulJobsHistoryLimit ??= 3;
    o.spec.failedJobsHistoryLimit ??= 1;
    defaultJobSpec(o.spec.jobTemplate?.spec);
  },
  check(causes, o) {
    const { schedule, timeZone, startingDeadlineSeconds, successfulJobsHistoryLimit, failedJobsHistoryLimit } = o.spec ?? {};
    if (!schedule) causes.required('spec.schedule');
    else {
      const read = parseSchedule(schedule);
      if (typeof read === 'string') causes.invalid('spec.schedule', schedule, read);
    }
    if (timeZone === '') causes.invalid('spec.timeZone', timeZone, 'timeZone must be nil or non-empty string');
    else if (timeZone !== undefined && !isTimeZone(timeZone)) causes.invalid('spec.timeZone', timeZone, `unknown time zone ${timeZone}`);
    causes.nonNegative('spec.startingDeadlineSeconds', startingDeadlineSeconds);
    causes.nonNegative('spec.successfulJobsHistoryLimit', successfulJobsHistoryLimit);
    causes.nonNegative('spec.failedJobsHistoryLimit', failedJobsHistoryLimit);
    const name = o.metadata?.name ?? '';
    // The jobs are called like it, with the time behind.
    if (name.length > LONGEST_CRON_NAME) causes.invalid('metadata.name', name, `must be no more than ${LONGEST_CRON_NAME} characters`);
    causes.oneOf('spec.concurrencyPolicy', o.spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
    checkJobSpec(causes, 'spec.jobTemplate.spec', o.spec?.jobTemplate?.spec);
  },
  columns: [
    nameColumn,
    column('Schedule', (o) => o.spec?.schedule ?? ''),
    column('Timezone', (o) => o.spec?.timeZone ?? '<none>'),
    column('Suspend', (o) => (o.spec?.suspend ? 'True' : 'False')),
    column('Active', (o) => o.status?.active?.length ?? 0, 'integer'),
    column('Last Schedule', (o, now) => (o.status?.lastScheduleTime ? age(o.status.lastScheduleTime, now) : '<none>')),
    ageColumn,
    ...templateColumns<CronJob>((o) => o.spec?.jobTemplate?.spec?.template),
    wide('Selector', (o) => selectorText(o.spec?.jobTemplate?.spec?.selector)),
  ],
  legacy: oldCronJobs,
});
