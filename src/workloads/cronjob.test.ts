import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CronJobSpec, Job } from 'kubernetes-types/batch/v1.js';
import { CronJobs, Events, Jobs } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import { cronJobController } from './cronjob.ts';
import { testWorld } from './testing.ts';

const KEY = { namespace: 'a', name: 'tick' };
const MINUTE = 60_000;

async function cron(spec: Partial<CronJobSpec>) {
  const w = testWorld();
  w.start(cronJobController(w.world));
  await w.api.create(CronJobs, {
    metadata: KEY,
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { metadata: { labels: { of: 'tick' } }, spec: { template: {} } },
      successfulJobsHistoryLimit: 2,
      failedJobsHistoryLimit: 1,
      ...spec,
    },
  });
  const jobs = async () => (await w.api.list(Jobs)).items;
  const end = async (job: Job, type = 'Complete') => {
    const time = rfc3339(w.clock.now());
    const completion = type === 'Complete' ? { completionTime: time } : {};
    await w.api.update(Jobs, { ...job, status: { ...completion, conditions: [{ type, status: 'True' }] } }, { subresource: 'status' });
  };
  return {
    ...w,
    jobs,
    end,
    running: async () =>
      (await jobs())
        .filter((job) => !job.status?.conditions)
        .map((job) => job.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']?.slice(11, 16)),
    status: async () => (await w.api.get(CronJobs, KEY))?.status,
    told: async () => [...new Set((await w.api.list(Events)).items.map((e) => e.reason ?? ''))].sort(),
  };
}

test('a job starts at each time, once, and its status and history follow', async () => {
  const w = await cron({});
  await w.clock.advance(5 * MINUTE - 1);
  assert.deepEqual(await w.running(), []);
  await w.clock.advance(1000);
  assert.deepEqual(await w.running(), ['00:05']);
  const [first] = await w.jobs();
  assert.equal(first?.metadata?.name, `tick-${Date.parse('2026-01-01T00:05:00Z') / MINUTE}`);
  assert.deepEqual(first?.metadata?.labels, { of: 'tick' });
  assert.deepEqual([first?.metadata?.ownerReferences?.[0]?.kind, first?.metadata?.ownerReferences?.[0]?.controller], ['CronJob', true]);
  assert.deepEqual(
    [(await w.status())?.active?.map((a) => a.name), (await w.status())?.lastScheduleTime],
    [[first?.metadata?.name], '2026-01-01T00:05:00Z'],
  );
  await w.end(first);
  await w.clock.advance(1000);
  assert.deepEqual([(await w.status())?.active, (await w.status())?.lastSuccessfulTime], [undefined, '2026-01-01T00:05:00Z']);
  for (let i = 0; i < 4; i++) {
    await w.clock.advance(5 * MINUTE);
    for (const job of (await w.jobs()).filter((j) => !j.status?.conditions)) await w.end(job, i % 2 ? 'Failed' : 'Complete');
  }
  await w.clock.advance(1000);
  const ended = (await w.jobs()).map((job) => job.status?.conditions?.[0]?.type ?? '').sort();
  assert.deepEqual(ended, ['Complete', 'Complete', 'Failed']);
  assert.deepEqual(await w.told(), ['SawCompletedJob', 'SuccessfulCreate', 'SuccessfulDelete']);
  await w.stop();
});

test('what happens when the job before still runs', async () => {
  for (const [concurrencyPolicy, want] of [
    ['Allow', ['00:05', '00:10', '00:15']],
    ['Forbid', ['00:05']],
    ['Replace', ['00:15']],
  ] as const) {
    const w = await cron({ concurrencyPolicy });
    await w.clock.advance(16 * MINUTE);
    assert.deepEqual(await w.running(), want, concurrencyPolicy);
    assert.equal((await w.status())?.active?.length, want.length);
    assert.equal((await w.told()).includes('JobAlreadyActive'), concurrencyPolicy === 'Forbid');
    if (concurrencyPolicy === 'Forbid') {
      await w.end((await w.jobs())[0]!);
      await w.clock.advance(1000);
      assert.deepEqual(await w.running(), ['00:15'], 'the time that was missed last is made up for');
    }
    await w.stop();
  }
});

test('a suspended one starts nothing, and starts late only within its deadline', async () => {
  for (const [startingDeadlineSeconds, want] of [
    [undefined, ['00:05']],
    [30, []],
    [120, ['00:05']],
  ] as const) {
    const w = await cron({ suspend: true, ...(startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds }) });
    await w.clock.advance(6 * MINUTE);
    assert.deepEqual(await w.running(), []);
    await w.api.patch(CronJobs, KEY, { type: 'merge', body: { spec: { suspend: false } } });
    await w.clock.advance(1000);
    assert.deepEqual(await w.running(), want, String(startingDeadlineSeconds));
    await w.stop();
  }
});

test('times are those of its zone; a long absence is made up for once, and said', async () => {
  const w = await cron({ schedule: '0 9 * * *', timeZone: 'America/New_York' });
  await w.clock.advance(14 * 60 * MINUTE + 1000);
  assert.deepEqual(await w.running(), ['14:00']);
  await w.stop();

  const late = await cron({ schedule: '* * * * *', suspend: true });
  await late.clock.advance(3 * 24 * 60 * MINUTE);
  await late.api.patch(CronJobs, KEY, { type: 'merge', body: { spec: { suspend: false } } });
  await late.clock.advance(100);
  assert.deepEqual(await late.running(), ['00:00']);
  assert.ok((await late.told()).includes('TooManyMissedTimes'));
  await late.stop();
});
