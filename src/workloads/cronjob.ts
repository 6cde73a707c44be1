import type { Job } from 'kubernetes-types/batch/v1.js';
import { CronJobs, isApiError, Jobs, keyOf, keyText, parseKey } from '../api/index.ts';
import { messageOf } from '../base/index.ts';
import { again, changesOf, controllerOf, settled, updateStatus } from '../control/index.ts';
import { decideCron, referenceTo } from './cronjob-decide.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import type { Controller, World } from './world.ts';

/** No timer of a host is set for longer, in milliseconds. */
const LONGEST_WAIT = 24 * 3_600_000;

/** Starts jobs when it is time. */
export function cronJobController(world: World): Controller {
  const { informers, client, clock } = world;
  const crons = informers.of(CronJobs);
  const jobs = informers.of(Jobs);
  const jobsByController = jobs.index('controller', (job) => [controllerOf(job)?.uid ?? '']);
  const events = world.events('cronjob-controller');

  return {
    name: 'cronjob',
    sources: [
      changesOf(crons),
      changesOf(jobs, (job) => {
        const owner = controllerOf(job);
        return owner?.kind === CronJobs.kind ? [keyText({ namespace: job.metadata?.namespace, name: owner.name })] : [];
      }),
    ],
    async reconcile(key) {
      const cron = crons.get(parseKey(key));
      if (!cron) return settled;
      const plan = decideCron(cron, jobsByController(cron.metadata?.uid ?? ''), clock.now());
      for (const { type, reason, message } of plan.events) await events.record(cron, type, reason, message);
      for (const job of plan.remove) {
        await client.delete(Jobs, keyOf(job), { propagationPolicy: 'Background', preconditions: { uid: job.metadata?.uid } });
        await events.record(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata?.name}`);
      }
      const seen = await updateStatus(client, CronJobs, cron, plan.status);
      const created = plan.create && (await create(plan.create));
      if (created) await events.record(cron, 'Normal', 'SuccessfulCreate', `Created job ${created.metadata?.name}`);
      if (plan.scheduled) {
        const removed = new Set(plan.remove.map((job) => job.metadata?.uid));
        const active = [...(plan.status.active ?? []).filter((a) => !removed.has(a.uid)), ...(created ? [referenceTo(created)] : [])];
        const { active: _before, ...rest } = plan.status;
        const status = { ...rest, ...(active.length > 0 ? { active } : {}), lastScheduleTime: plan.scheduled };
        await updateStatus(client, CronJobs, seen, status);
      }
      return plan.after === undefined ? settled : again(Math.min(plan.after, LONGEST_WAIT));

      async function create(job: Job): Promise<Job | undefined> {
        try {
          return await client.create(Jobs, job);
        } catch (error) {
          if (isApiError(error, 'AlreadyExists') || isNamespaceTerminating(error)) return undefined;
          await events.record(cron!, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
          throw error;
        }
      }
    },
  };
}
