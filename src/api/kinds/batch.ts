import type { CronJob, Job } from 'kubernetes-types/batch/v1.js';
import { canonicalJson, humanDuration, isTimeZone, parseSchedule } from '../../base/index.ts';
import { CronJobs, Jobs } from '../resources.ts';
import { labelSelectorOf } from '../selector.ts';
import { checkTemplate, templateColumns } from './apps/template.ts';
import type { Causes } from './check.ts';
import { age, ageColumn, column, nameColumn, selectorText, wide } from './columns.ts';
import { defaultPodSpec } from './core/pod-defaults.ts';
import { define } from './define.ts';
import { oldCronJobs } from './legacy/others.ts';

type JobSpec = NonNullable<Job['spec']>;

const LONGEST_CRON_NAME = 52;

function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  spec.completionMode ||= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

const MAX_INT32 = 2_147_483_647;

/** Labels that tell the pods of a Job, in the new way and in the old. */
function markPods(o: Job): void {
  const { uid = '', name = '' } = o.metadata ?? {};
  const template = (o.spec!.template ??= {});
  (template.metadata ??= {}).labels = {
    ...template.metadata.labels,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

function checkJobSpec(causes: Causes, at: string, spec: Partial<JobSpec> = {}): void {
  for (const field of ['completions', 'parallelism', 'backoffLimit', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished'] as const) {
    causes.nonNegative(`${at}.${field}`, spec[field]);
  }
  causes.oneOf(`${at}.completionMode`, spec.completionMode, ['NonIndexed', 'Indexed']);
  const indexed = spec.completionMode === 'Indexed';
  if (indexed && spec.completions === undefined) causes.required(`${at}.completions`, 'when completion mode is Indexed');
  if (spec.backoffLimitPerIndex !== undefined && !indexed) {
    causes.invalid(`${at}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode');
  }
  causes.oneOf(`${at}.podReplacementPolicy`, spec.podReplacementPolicy, ['Failed', 'TerminatingOrFailed']);
  spec.podFailurePolicy?.rules?.forEach(({ action }, i) =>
    causes.oneOf(`${at}.podFailurePolicy.rules[${i}].action`, action, ['Count', 'FailIndex', 'FailJob', 'Ignore']),
  );
  checkTemplate(causes, spec.template, undefined, `${at}.template`);
  const policy = spec.template?.spec?.restartPolicy ?? '';
  const field = `${at}.template.spec.restartPolicy`;
  if (policy === '' || policy === 'Always') causes.required(field, 'valid values: "OnFailure", "Never"');
  else causes.oneOf(field, policy, ['OnFailure', 'Never']);
}

/** A Job's own labels and selector are the server's, and what is to run cannot change. */
function checkJob(causes: Causes, o: Job, old: Job | undefined): void {
  checkJobSpec(causes, 'spec', o.spec);
  const labels = o.spec?.template?.metadata?.labels;
  if (!o.spec?.selector) causes.required('spec.selector');
  if (!labelSelectorOf(o.spec?.selector).matches(labels)) {
    causes.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`');
  }
  if (!old?.spec) return;
  for (const field of ['completions', 'completionMode', 'selector', 'podFailurePolicy', 'backoffLimitPerIndex'] as const) {
    const [is, was] = [o.spec?.[field] ?? null, old.spec[field] ?? null];
    if (canonicalJson(is) !== canonicalJson(was)) causes.invalid(`spec.${field}`, is, 'field is immutable');
  }
  if (canonicalJson(o.spec?.template ?? null) !== canonicalJson(old.spec.template ?? null)) {
    causes.invalid('spec.template', o.spec?.template ?? null, 'field is immutable');
  }
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
    const spec = (o.spec ??= {} as JobSpec);
    const labels = spec.template?.metadata?.labels;
    const unlabelled = !Object.keys(o.metadata?.labels ?? {}).length;
    if (labels && unlabelled) (o.metadata ??= {}).labels = { ...labels };
    defaultJobSpec(spec);
    (o as { status?: object }).status ??= {};
    // Nobody writes a Job's selector, and those who look for its pods (kubectl logs, describe) go by it.
    if (spec.manualSelector) return;
    if (!old) spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': o.metadata?.uid ?? '' } };
    else if (old.spec?.selector) spec.selector ??= old.spec.selector;
    markPods(o);
    if (unlabelled) (o.metadata ??= {}).labels = { ...spec.template.metadata?.labels };
  },
  check: checkJob,
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
    o.spec ??= {} as NonNullable<CronJob['spec']>;
    o.spec.concurrencyPolicy ||= 'Allow';
    o.spec.suspend ??= false;
    o.spec.successfulJobsHistoryLimit ??= 3;
    o.spec.failedJobsHistoryLimit ??= 1;
    (o as { status?: object }).status ??= {};
    if (o.spec.jobTemplate) o.spec.jobTemplate.metadata ??= {};
    const template = o.spec.jobTemplate?.spec?.template;
    if (template) template.metadata ??= {};
    if (template?.spec) defaultPodSpec(template.spec);
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
    const job = o.spec?.jobTemplate?.spec;
    checkJobSpec(causes, 'spec.jobTemplate.spec', job);
    if (job?.selector) causes.invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated');
    if (job?.manualSelector) causes.unsupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']);
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
