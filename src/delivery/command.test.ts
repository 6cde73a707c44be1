/** Commands as people give them, to releases in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, PAUSED, REQUEST, type CanaryCommand } from '../api/index.ts';
import { historyOf, whyOf } from './account.ts';
import { commandCanary } from './command.ts';
import { NS, weight, world, type World } from './testing/world.ts';

const KEY = { namespace: NS, name: 'podinfo' };

async function give(w: World, command: CanaryCommand, meanwhile?: () => Promise<unknown>): Promise<string> {
  let said: string | undefined;
  const given = commandCanary(w.client, KEY, command, { by: 'alice', clock: w.clock }).then(
    ({ outcome, message }) => (said = `${outcome}: ${message}`),
  );
  await w.pass(500);
  await meanwhile?.();
  for (let t = 0; t < 80 && said === undefined; t++) await w.pass(500);
  return given;
}

const annotations = async (w: World): Promise<Record<string, string>> => (await w.canary()).metadata?.annotations ?? {};

test('what becomes of commands, in the words of the controller', async () => {
  const w = await world();
  await w.reach('Initialized');
  assert.equal(await give(w, { do: 'abort' }), 'refused: no release is under way');
  assert.equal(await give(w, { do: 'resume' }), 'done: It was not paused.');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  assert.equal(await give(w, { do: 'pause' }), 'done: Paused: it stays as it is until "resume".');
  const { [PAUSED]: since } = await annotations(w);
  assert.equal(await give(w, { do: 'pause' }), 'done: It is paused already.');
  assert.equal((await annotations(w))[PAUSED], since);
  assert.equal(await give(w, { do: 'set-weight', weight: 35 }), 'done: Set podinfo.test canary weight 35 by request of alice.');
  assert.equal(await weight(w), 35);
  assert.equal(await give(w, { do: 'resume' }), 'done: Resumed.');
  await give(w, { do: 'pause' });
  assert.match(await give(w, { do: 'promote' }), /^done: Promoting podinfo\.test by request of alice: /);
  assert.equal((await annotations(w))[PAUSED], undefined, 'who promotes holds nothing any longer');
  await w.reach('Succeeded');
  const canary = await w.canary();
  assert.deepEqual(
    historyOf(canary).map((r) => [r.outcome, r.requests?.map(({ request, by }) => `${request} by ${by}`)]),
    [['Promoted', ['pause by alice', 'set-weight=35 by alice', 'promote by alice']]],
  );
  const { phase, request, release } = whyOf(canary);
  assert.deepEqual([phase, request?.done, release?.outcome], ['Succeeded', true, 'Promoted']);
  w.stop();
});

test('an answer that does not come, or comes to another, is not waited for longer than it can be of use', async () => {
  const w = await world();
  await w.reach('Initialized');
  w.stop();
  assert.match(await give(w, { do: 'abort' }), /^open: it has not taken up the request within 30 s/);
  const overtaken = give(w, { do: 'abort' }, () =>
    w.client.patch(Canaries, KEY, { type: 'merge', body: { metadata: { annotations: { [REQUEST]: 'restart 1' } } } }),
  );
  assert.match(await overtaken, /^open: another request came before/);
  await assert.rejects(commandCanary(w.client, { namespace: NS, name: 'nobody' }, { do: 'abort' }, { clock: w.clock }), {
    reason: 'NotFound',
    message: 'canaries.flagger.app "nobody" not found',
  });
});
