/** Releases that people take a hand in, and deadlines, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, DEADLINE, parseRequest, PAUSED, REQUEST } from '../api/index.ts';
import { image, iterations, NS, replicas, saidAll, weight, world, type World } from './testing/world.ts';

const annotate = async (w: World, annotations: Record<string, string | null>): Promise<void> => {
  await w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { metadata: { annotations } } });
  await w.pass(500);
};

let asked = 0;
/** Asks, and returns how it was answered. */
async function ask(w: World, request: string): Promise<string> {
  const text = `${request} ${++asked}`;
  await annotate(w, { [REQUEST]: text });
  const { handled } = (await w.canary()).status ?? {};
  return handled?.request === text ? `${handled.done ? 'done' : 'refused'}: ${handled.message}` : 'open';
}

const phase = async (w: World): Promise<string> => (await w.canary()).status?.phase ?? '';
const outcomes = async (w: World): Promise<unknown[]> =>
  ((await w.canary()).status?.history ?? []).map((r) => [r.images?.[0], r.outcome ?? 'under way']);

async function atWeight(w: World, wanted: number): Promise<void> {
  for (let t = 0; t < 120 && (await weight(w)) !== wanted; t++) await w.pass(500);
  assert.equal(await weight(w), wanted);
}

test('requests as people write them', () => {
  const table: [string, unknown][] = [
    ['promote', { do: 'promote' }],
    ['abort 2026-01-01T00:00:00Z', { do: 'abort' }],
    ['set-weight=30 again', { do: 'set-weight', weight: 30 }],
    ['set-weight=101', undefined],
    ['set-weight', undefined],
    ['destroy', undefined],
    ['', undefined],
  ];
  for (const [text, want] of table) assert.deepEqual(parseRequest(text), want, text);
});

test('paused: the weight stays, checks go on, and resume goes on from there', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await atWeight(w, 20);
  await annotate(w, { [PAUSED]: 'now' });
  await w.pass(60_000);
  assert.equal(await weight(w), 20);
  assert.equal((await w.canary()).status?.conditions?.[0]?.message, 'Paused by request.');
  assert.equal((await w.eventCounts()).find(([text]) => text === 'Paused podinfo.test at canary weight 20')?.[1], 1, 'said once');
  await annotate(w, { [PAUSED]: null });
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  await saidAll(w, ['Resumed podinfo.test']);
  w.stop();
});

test('paused: a canary that fails is rolled back all the same', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await atWeight(w, 20);
  await annotate(w, { [PAUSED]: 'now' });
  w.successRate = 50;
  await w.reach('Failed');
  assert.equal(await weight(w), 0);
  w.stop();
});

test('paused: no release begins; what is taken back meanwhile was none', async () => {
  const w = await world();
  await w.reach('Initialized');
  await annotate(w, { [PAUSED]: 'now' });
  await w.setImage('podinfo:2');
  await w.pass(60_000);
  assert.deepEqual([await phase(w), await replicas(w, 'podinfo')], ['Waiting', 0]);
  await saidAll(w, ['Paused podinfo.test: the new revision of podinfo.test is not released']);
  await w.setImage('podinfo:1');
  await w.pass(15_000);
  assert.equal(await phase(w), 'Succeeded');
  await w.setImage('podinfo:2');
  await annotate(w, { [PAUSED]: null });
  await w.reach('Succeeded');
  await w.pass(2000);
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('promote: what is left of the analysis is skipped, also a gate that holds', async () => {
  for (const webhooks of [[], [{ name: 'gate', type: 'confirm-promotion' as const, url: 'http://gate/' }]]) {
    const w = await world({ analysis: { webhooks } });
    w.hook = () => 403;
    await w.reach('Initialized');
    await w.setImage('podinfo:2');
    await (webhooks.length ? w.reach('WaitingPromotion') : atWeight(w, 20));
    assert.match(await ask(w, 'promote'), /^done: Promoting podinfo.test by request/);
    await w.reach('Succeeded');
    assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
    assert.equal(await ask(w, 'promote'), 'refused: there is nothing to promote: the target is what was promoted');
    w.stop();
  }
});

test('promote: at the gate before a release it starts it; it waits until the canary is ready', async () => {
  const w = await world({ analysis: { webhooks: [{ name: 'gate', type: 'confirm-rollout', url: 'http://gate/' }] } });
  w.hook = () => 403;
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Waiting');
  w.broken.add('podinfo:2');
  assert.match(await ask(w, 'promote'), /^done: Starting the release of podinfo.test by request/);
  await w.pass(5000);
  assert.equal(await ask(w, 'promote'), 'open');
  w.broken.clear();
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  w.stop();
});

test('abort rolls back; retry tries the same version again', async () => {
  const w = await world();
  await w.reach('Initialized');
  assert.equal(await ask(w, 'abort'), 'refused: no release is under way');
  await w.setImage('podinfo:2');
  await atWeight(w, 20);
  assert.equal(await ask(w, 'retry'), 'refused: the release is under way: begin it anew with restart');
  assert.equal(await ask(w, 'abort'), 'done: Rolling back podinfo.test aborted by request');
  assert.deepEqual([await phase(w), await weight(w), await replicas(w, 'podinfo')], ['Failed', 0, 0]);
  await w.pass(60_000);
  assert.equal(await phase(w), 'Failed', 'it stays so');
  assert.equal(await ask(w, 'promote'), 'refused: the release has failed: try it again with retry');
  assert.match(await ask(w, 'retry'), /^done: Retrying/);
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2');
  assert.deepEqual(await outcomes(w), [
    ['podinfo:2', 'RolledBack'],
    ['podinfo:2', 'Promoted'],
  ]);
  w.stop();
});

test('abort at a gate: the revision is not released', async () => {
  const w = await world({ analysis: { webhooks: [{ name: 'gate', type: 'confirm-rollout', url: 'http://gate/' }] } });
  w.hook = () => 403;
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Waiting');
  assert.match(await ask(w, 'abort'), /^done/);
  w.hook = () => 200;
  await w.pass(30_000);
  assert.deepEqual([await phase(w), await image(w, 'podinfo-primary')], ['Failed', 'podinfo:1']);
  w.stop();
});

test('set-weight moves traffic now, and the analysis goes on from there', async () => {
  const w = await world();
  await w.reach('Initialized');
  assert.equal(await ask(w, 'set-weight=50'), 'refused: no release is under way');
  await w.setImage('podinfo:2');
  await atWeight(w, 20);
  await annotate(w, { [PAUSED]: 'now' });
  assert.equal(await ask(w, 'set-weight=5'), 'done: Set podinfo.test canary weight 5 by request');
  await w.pass(30_000);
  assert.equal(await weight(w), 5);
  await annotate(w, { [PAUSED]: null });
  await atWeight(w, 20);
  assert.match(await ask(w, 'set-weight=45'), /^done/);
  await atWeight(w, 60);
  await w.reach('Succeeded');
  w.stop();
});

test('set-weight is refused where traffic has no weights, and nonsense with what can be written', async () => {
  const w = await world({ analysis: iterations(5) });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  assert.equal(await ask(w, 'set-weight=5'), 'refused: its traffic does not move by weights (blue-green)');
  assert.match(await ask(w, 'destroy'), /^refused: "destroy \d+" is not a request: write promote, abort/);
  w.stop();
});

test('restart: the analysis begins anew', async () => {
  const w = await world();
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await atWeight(w, 40);
  assert.match(await ask(w, 'restart'), /^done: Restarting analysis for podinfo.test by request/);
  assert.equal((await w.canary()).status?.failedChecks, 0);
  await atWeight(w, 20);
  await w.reach('Succeeded');
  assert.deepEqual(await outcomes(w), [
    ['podinfo:2', 'Superseded'],
    ['podinfo:2', 'Promoted'],
  ]);
  w.stop();
});

test('a deadline ends a release that waits for a gate', async () => {
  const gates = ['confirm-rollout', 'confirm-promotion', 'confirm-traffic-increase'] as const;
  for (const type of gates) {
    const w = await world({ analysis: { webhooks: [{ name: 'gate', type, url: 'http://gate/' }] } });
    w.hook = () => 403;
    await w.reach('Initialized');
    await annotate(w, { [DEADLINE]: '5m' });
    await w.setImage('podinfo:2');
    await w.pass(240_000);
    assert.notEqual(await phase(w), 'Failed', type);
    await w.reach('Failed');
    await saidAll(w, ['Rolling back podinfo.test deadline of 5m exceeded']);
    assert.equal(await replicas(w, 'podinfo'), 0, type);
    w.stop();
  }
});

test('history and evidence: what was released, how it ended, and what was asked', async () => {
  const w = await world({ analysis: { webhooks: [{ name: 'load', url: 'http://load/' }] } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Succeeded');
  w.hook = () => 500;
  await w.setImage('podinfo:3');
  await w.reach('Failed');
  await w.setImage('podinfo:4');
  await w.reach('Progressing');
  assert.deepEqual(await outcomes(w), [
    ['podinfo:2', 'Promoted'],
    ['podinfo:3', 'RolledBack'],
    ['podinfo:4', 'under way'],
  ]);
  const { history = [], evidence = [] } = (await w.canary()).status ?? {};
  assert.equal(history[1]?.reason, 'Rolling back podinfo.test failed checks threshold reached 2');
  assert.ok(Date.parse(history[0]!.endedAt!) > Date.parse(history[0]!.startedAt));
  const halted = evidence.find((e) => e.decision.includes('external check'));
  assert.deepEqual(halted?.hooks, [{ name: 'load', type: 'rollout', passed: false, reason: 'said no' }]);
  w.stop();
});
