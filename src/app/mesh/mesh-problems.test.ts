import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, VirtualServices } from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createInformers } from '../../control/index.ts';
import { FakeClient } from '../../control/testing.ts';
import type { Problem } from '../../mesh/index.ts';
import { createConditionWriter } from './mesh-conditions.ts';
import { createProblemReporter, type ProblemReporter } from './mesh-problems.ts';

const problem = (message: string, severity: Problem['severity'] = 'error', kind = 'VirtualService'): Problem => ({
  object: { kind, namespace: 'default', name: 'reviews' },
  code: 'IST0101',
  severity,
  path: 'spec.http[0]',
  message,
  fix: 'Correct it.',
});
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function world(): Promise<{
  client: FakeClient;
  reporter(): Promise<ProblemReporter>;
  condition(): Promise<unknown>;
  events(): Promise<number>;
}> {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  await client.create(VirtualServices, { metadata: { namespace: 'default', name: 'reviews' }, spec: { hosts: ['reviews'] } });
  return {
    client,
    /** As a control plane that has just started makes one. */
    async reporter() {
      const informers = createInformers(client, { clock, log: silentLog, signal: new AbortController().signal });
      const conditions = createConditionWriter({ client, clock });
      const made = createProblemReporter({ informers, conditions, clock, log: silentLog });
      await informers.of(VirtualServices).synced;
      return made;
    },
    async condition() {
      const object = await client.get(VirtualServices, { namespace: 'default', name: 'reviews' });
      const found = object?.status?.conditions?.find((c) => c.type === 'Accepted');
      return found && [found.status, found.reason, found.message];
    },
    events: async () => (await client.list(Events)).items.reduce((sum, e) => sum + (e.count ?? 1), 0),
  };
}

test('an object hears what is wrong with it, once, and when it no longer is', async () => {
  const w = await world();
  const reporter = await w.reporter();
  reporter.report([]);
  await settled();
  assert.equal(await w.condition(), undefined, 'an object without problems is left alone');

  reporter.report([problem('no host a')]);
  await settled();
  assert.deepEqual(await w.condition(), ['False', 'IST0101', 'spec.http[0]: no host a Correct it.']);
  reporter.report([problem('no host a')]);
  await settled();
  assert.equal(await w.events(), 1);

  reporter.report([problem('no host b', 'warning')]);
  await settled();
  assert.deepEqual(await w.condition(), ['True', 'IST0101', 'spec.http[0]: no host b Correct it.']);

  reporter.report([]);
  await settled();
  assert.deepEqual(await w.condition(), ['True', 'Accepted', 'The whole object is in force.']);
  assert.equal(await w.events(), 2);
});

test('a later control plane repeats nothing, and takes back what was mended meanwhile', async () => {
  const w = await world();
  (await w.reporter()).report([problem('no host a')]);
  await settled();
  const second = await w.reporter();
  second.report([problem('no host a')]);
  await settled();
  assert.equal(await w.events(), 1);
  (await w.reporter()).report([]);
  await settled();
  assert.deepEqual(await w.condition(), ['True', 'Accepted', 'The whole object is in force.']);
});

test('a write that fails is made up for with the next report; kinds without a status are passed over', async () => {
  const w = await world();
  const reporter = await w.reporter();
  w.client.hooks.before = () => {
    throw new Error('no');
  };
  reporter.report([problem('no host a'), problem('odd', 'error', 'EnvoyFilter')]);
  await settled();
  assert.equal(await w.condition(), undefined);
  w.client.hooks = {};
  reporter.report([problem('no host a')]);
  await settled();
  assert.deepEqual(await w.condition(), ['False', 'IST0101', 'spec.http[0]: no host a Correct it.']);
});
