import { Jobs, keyOf, keyText, parseKey, Pods } from '../api/index.ts';
import { again, changesOf, controllerOf, settled, updateStatus } from '../control/index.ts';
import { decideJob } from './job-decide.ts';
import { podControl } from './pod-control.ts';
import type { Controller, World } from './world.ts';

/** Runs pods to completion. */
export function jobController(world: World): Controller {
  const { informers, client, clock } = world;
  const jobs = informers.of(Jobs);
  const pods = informers.of(Pods);
  const podsByController = pods.index('controller', (p) => [controllerOf(p)?.uid ?? '']);
  const events = world.events('job-controller');
  const control = podControl(client, events);

  return {
    name: 'job',
    sources: [
      changesOf(jobs),
      changesOf(pods, (pod) => {
        const owner = controllerOf(pod);
        return owner?.kind === Jobs.kind ? [keyText({ namespace: pod.metadata?.namespace, name: owner.name })] : [];
      }),
    ],
    async reconcile(key) {
      const job = jobs.get(parseKey(key));
      if (!job || job.metadata?.deletionTimestamp) return settled;
      const plan = decideJob(job, podsByController(job.metadata?.uid ?? ''), clock.now());
      const failure = await control.create(job, plan.create);
      await control.remove(job, plan.remove);
      await updateStatus(client, Jobs, job, plan.status);
      if (plan.finished?.type === 'Complete') await events.record(job, 'Normal', 'Completed', 'Job completed');
      else if (plan.finished) await events.record(job, 'Warning', plan.finished.reason ?? 'Failed', plan.finished.message ?? '');
      if (plan.expired) await client.delete(Jobs, keyOf(job), { propagationPolicy: 'Foreground' });
      if (failure !== undefined) throw new Error(failure);
      return plan.after === undefined ? settled : again(plan.after);
    },
  };
}
