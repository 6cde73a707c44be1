import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { decideJob } from './job-decide.ts';
import { verdictOf } from './job-failure.ts';
import { indexOf, indexText, parseIndexes, withIndex } from './job-index.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const job = (spec: object, status: object = {}): Job => ({
  metadata: { name: 'j', namespace: 'a', uid: 'u' },
  spec: {
    completions: 4,
    parallelism: 2,
    backoffLimit: 6,
    completionMode: 'Indexed',
    template: { spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } },
    ...spec,
  },
  status,
});
const pod = (index: number, phase: string, exitCode = 1, conditions: object[] = []): Pod => ({
  metadata: { name: `j-${index}`, namespace: 'a', annotations: { 'batch.kubernetes.io/job-completion-index': String(index) } },
  status: {
    phase,
    conditions: conditions as never,
    containerStatuses: [
      {
        name: 'c',
        image: '',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode, finishedAt: '2026-01-01T00:00:00Z' } },
      },
    ],
  },
});

test('numbers of indexes', () => {
  for (const text of ['', '0', '0-3', '0,2-4,7', '1-2,9']) assert.equal(indexText(parseIndexes(text)), text);
});

test('an indexed job runs each index until it is done once', () => {
  const table: [string, Job, Pod[], number[], string | undefined, string[]][] = [
    ['the first', job({}), [], [0, 1], undefined, []],
    ['the next free ones', job({}), [pod(0, 'Succeeded'), pod(1, 'Running')], [2], '0', []],
    ['a failed one again', job({}), [pod(0, 'Failed'), pod(1, 'Running')], [0], undefined, []],
    ['what was done stays done', job({}, { completedIndexes: '0-1' }), [], [2, 3], '0-1', []],
    ['all', job({}, { completedIndexes: '0-2' }), [pod(3, 'Succeeded')], [], '0-3', ['SuccessCriteriaMet', 'Complete']],
    ['twice the same is once', job({}), [pod(0, 'Succeeded'), pod(0, 'Succeeded'), pod(1, 'Running'), pod(2, 'Running')], [], '0', []],
  ];
  for (const [name, of, pods, create, done, conditions] of table) {
    const plan = decideJob(of, pods, NOW);
    assert.deepEqual(plan.create.map(indexOf), create, name);
    assert.equal((plan.status as { completedIndexes?: string }).completedIndexes, done, name);
    assert.deepEqual(
      (plan.status.conditions ?? []).map((c) => c.type),
      conditions,
      name,
    );
  }
  const made = withIndex(job({}), { spec: { containers: [{ name: 'c' }] } }, 2);
  assert.deepEqual(
    [made.metadata?.generateName, made.spec?.hostname, made.metadata?.labels?.['batch.kubernetes.io/job-completion-index']],
    ['j-2-', 'j-2', '2'],
  );
  assert.equal(made.spec?.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX');
});

test('failures may count against their index', () => {
  const spec = { backoffLimitPerIndex: 1, completions: 2 };
  const twice = [pod(0, 'Failed'), pod(0, 'Failed'), pod(1, 'Running')];
  const plan = decideJob(job(spec), twice, NOW);
  assert.deepEqual([plan.create.length, (plan.status as { failedIndexes?: string }).failedIndexes], [0, '0']);
  const end = decideJob(job(spec, { failedIndexes: '0' }), [pod(1, 'Succeeded')], NOW);
  assert.deepEqual(
    end.status.conditions?.map((c) => `${c.type} ${c.reason}`),
    ['FailureTarget FailedIndexes', 'Failed FailedIndexes'],
  );
  const over = decideJob(job({ ...spec, completions: 4, maxFailedIndexes: 0 }), twice, NOW);
  assert.equal(over.finished?.reason, 'MaxFailedIndexesExceeded');
});

test('what a failure means is for the policy to say', () => {
  const rules = [
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
    { action: 'FailIndex', onExitCodes: { containerName: 'c', operator: 'NotIn', values: [1, 2] } },
  ];
  const of = job({ podFailurePolicy: { rules } });
  const table: [Pod, string, string | undefined][] = [
    [pod(0, 'Failed', 42), 'FailJob', 'Container c for pod a/j-0 failed with exit code 42 matching FailJob rule at index 0'],
    [
      pod(0, 'Failed', 1, [{ type: 'DisruptionTarget', status: 'True' }]),
      'Ignore',
      'Pod a/j-0 has condition DisruptionTarget matching Ignore rule at index 1',
    ],
    [pod(0, 'Failed', 3), 'FailIndex', 'Container c for pod a/j-0 failed with exit code 3 matching FailIndex rule at index 2'],
    [pod(0, 'Failed', 1), 'Count', undefined],
  ];
  for (const [each, action, message] of table) assert.deepEqual(verdictOf(of, each), { action, message });
  const plan = decideJob(of, [pod(0, 'Failed', 42), pod(1, 'Running')], NOW);
  assert.deepEqual([plan.finished?.reason, plan.remove.length], ['PodFailurePolicy', 1]);
  const ignored = decideJob(
    job({ podFailurePolicy: { rules }, backoffLimit: 0 }),
    [pod(0, 'Failed', 1, [{ type: 'DisruptionTarget', status: 'True' }])],
    NOW,
  );
  assert.deepEqual([ignored.finished, ignored.status.failed, ignored.create.length], [undefined, 0, 2]);
});
