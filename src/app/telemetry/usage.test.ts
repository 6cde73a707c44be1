import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../base/index.ts';
import { usageOf, type Look } from './usage.ts';

function setup() {
  const clock = new VirtualClock();
  const state = { looks: 0, cpu: 0, answers: true, more: [] as Look['pods'] };
  const usage = usageOf(async () => {
    state.looks++;
    if (!state.answers) return undefined;
    const web = { namespace: 'a', name: 'web', containers: [{ name: 'app', cpuSeconds: state.cpu, memoryBytes: 5 }] };
    return { node: { cpuSeconds: state.cpu * 2, memoryBytes: 9 }, pods: [web, ...state.more] };
  }, clock);
  return { clock, state, usage };
}

test('nobody looks before somebody asks; the first answer is of a second', async () => {
  const { clock, state, usage } = setup();
  await clock.advance(600_000);
  assert.equal(state.looks, 0);
  const [one, two] = [usage(), usage()];
  await clock.advance(500);
  state.cpu = 0.25;
  await clock.advance(500);
  assert.deepEqual((await one)?.pods, [{ namespace: 'a', name: 'web', containers: [{ name: 'app', cpuMilli: 250, memoryBytes: 5 }] }]);
  assert.deepEqual((await one)?.node, { cpuMilli: 500, memoryBytes: 9 });
  assert.equal(await two, await one);
  assert.equal(state.looks, 2);
  assert.equal(await usage(), await one, 'who asks at once again gets the same');
  assert.equal(state.looks, 2);
});

test('a later answer is of the time since the last look, unless that is long ago', async () => {
  const { clock, state, usage } = setup();
  void usage();
  await clock.advance(1000);
  state.cpu = 3;
  await clock.advance(15_000);
  const later = await usage();
  assert.equal(later?.windowMs, 15_000);
  assert.equal(later.pods[0]?.containers[0]?.cpuMilli, 200);
  await clock.advance(120_000);
  const fresh = usage();
  await clock.advance(1000);
  assert.equal((await fresh)?.windowMs, 1000);
});

test('a pod is left out while a container of it is new; a node that does not answer is not known', async () => {
  const { clock, state, usage } = setup();
  void usage();
  await clock.advance(1000);
  state.cpu = -1;
  state.more = [{ namespace: 'a', name: 'young', containers: [{ name: 'app', cpuSeconds: 1, memoryBytes: 1 }] }];
  await clock.advance(5000);
  assert.deepEqual((await usage())?.pods, []);
  state.answers = false;
  await clock.advance(5000);
  assert.equal(await usage(), undefined);
});
