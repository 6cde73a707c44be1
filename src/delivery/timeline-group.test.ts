/** Releases of several Canaries that are promoted together or not at all, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, PAUSED, REQUEST, VirtualServices } from '../api/index.ts';
import { all, MEMBERS, shop, simulateShop, type Shop } from './testing/shop.ts';
import { iterations, NS } from './testing/world.ts';

const annotate = (s: Shop, name: string, annotations: Record<string, string | null>): Promise<unknown> =>
  s.w.client.patch(Canaries, { namespace: NS, name }, { type: 'merge', body: { metadata: { annotations } } });

const OLD = ['podinfo:1', 'podinfo:1', 'podinfo:1'];
const NEW = ['podinfo:2', 'podinfo:2', 'podinfo:2'];

async function releaseAll(s: Shop): Promise<void> {
  for (const name of MEMBERS) await s.release(name, 2);
}

test('who is ready first waits for the slowest, and then all are promoted', async () => {
  const s = await shop({}, { pay: { stepWeight: 5 } });
  await releaseAll(s);
  await s.until('waiting for pay', async () => {
    const [a, b] = await Promise.all([s.status('podinfo'), s.status('cart')]);
    return a.group?.state === 'ready' && b.group?.state === 'ready';
  });
  await s.w.pass(10_000);
  const { phase, conditions, canaryWeight } = await s.status('podinfo');
  assert.deepEqual([phase, canaryWeight, conditions?.[0]?.message], ['WaitingPromotion', 60, 'Waiting for pay of group shop.']);
  assert.deepEqual(await s.running(), OLD);
  await s.until('promoted', () => all(s, ['Succeeded']));
  assert.deepEqual(await s.running(), NEW);
  const ends = await Promise.all(MEMBERS.map(async (name) => Date.parse((await s.status(name)).history!.at(-1)!.endedAt!)));
  assert.ok(Math.max(...ends) - Math.min(...ends) <= 5_000, String(ends));
  s.w.stop();
});

test('one that fails takes all back, also those that are ready', async () => {
  const s = await shop({}, { pay: { stepWeight: 5 } });
  await releaseAll(s);
  await s.until('ready', async () => (await s.status('podinfo')).group?.state === 'ready');
  s.w.failing.add('pay');
  await s.until('rolled back', () => all(s, ['Failed']));
  assert.deepEqual(await s.running(), OLD);
  assert.ok((await s.w.events()).includes('Rolling back podinfo.test since pay of group shop was rolled back'));
  s.w.stop();
});

test('one that is ready is still checked, and takes all back', async () => {
  const s = await shop({}, { pay: { stepWeight: 5 } });
  await releaseAll(s);
  await s.until('ready', async () => (await s.status('podinfo')).group?.state === 'ready');
  s.w.failing.add('podinfo');
  await s.until('rolled back', () => all(s, ['Failed']));
  assert.deepEqual(await s.running(), OLD);
  s.w.stop();
});

test('members without a change are not waited for, nor is one that failed before', async () => {
  const s = await shop();
  s.w.failing.add('pay');
  await s.release('pay', 2);
  await s.until('failed', async () => (await s.status('pay')).phase === 'Failed');
  await s.w.pass(2_000);
  await s.release('podinfo', 2);
  await s.release('cart', 2);
  await s.until('promoted', async () => (await s.running()).join() === 'podinfo:2,podinfo:2,podinfo:1');
  s.w.stop();
});

test('one that waits at its gate holds the others, and goes back with them', async () => {
  const s = await shop({}, { pay: { webhooks: [{ name: 'gate', type: 'confirm-rollout', url: 'http://gate/' }] } });
  s.w.hook = () => 403;
  await releaseAll(s);
  await s.w.pass(120_000);
  assert.deepEqual(await s.running(), OLD);
  await annotate(s, 'cart', { [REQUEST]: 'abort 1' });
  await s.until('rolled back', () => all(s, ['Failed']));
  s.w.stop();
});

test('one that is paused holds the others; promote by request makes it ready, no more', async () => {
  const s = await shop({}, { pay: { stepWeight: 5 } });
  await annotate(s, 'cart', { [PAUSED]: 'now' });
  await releaseAll(s);
  await s.w.pass(60_000);
  await annotate(s, 'pay', { [REQUEST]: 'promote 1' });
  await s.until('ready', async () => (await s.status('pay')).group?.state === 'ready');
  await s.w.pass(30_000);
  assert.deepEqual(await s.running(), OLD);
  await annotate(s, 'cart', { [PAUSED]: null });
  await s.until('promoted', () => all(s, ['Succeeded']));
  assert.deepEqual(await s.running(), NEW);
  s.w.stop();
});

test('blue/green: users move to no canary before all are ready', async () => {
  const s = await shop(iterations(1), { pay: iterations(12) });
  await releaseAll(s);
  await s.until('ready', async () => (await s.status('podinfo')).group?.state === 'ready');
  const share = async (): Promise<unknown> =>
    (await s.w.client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec.http?.[0]?.route?.[1]?.weight;
  assert.equal(await share(), 0);
  const seen = new Set<unknown>();
  await s.until('promoted', async () => {
    seen.add(await share());
    return all(s, ['Succeeded']);
  });
  assert.ok(seen.has(100), 'while the primary follows');
  assert.deepEqual(await s.running(), NEW);
  s.w.stop();
});

test('an undo is of one alone, and says who keeps the new version', async () => {
  const s = await shop();
  await releaseAll(s);
  await s.until('promoted', () => all(s, ['Succeeded']));
  await annotate(s, 'podinfo', { [REQUEST]: 'undo 1' });
  await s.until('undone', async () => (await s.status('podinfo')).undone !== undefined);
  const { handled } = await s.status('podinfo');
  assert.match(
    handled?.message ?? '',
    / goes to podinfo-previous\.test; cart, pay of group shop keep their new versions until they are undone, too$/,
  );
  await annotate(s, 'cart', { [REQUEST]: 'undo 2' });
  await s.until('undone', async () => (await s.status('cart')).undone !== undefined);
  assert.match((await s.status('cart')).handled?.message ?? '', /; pay of group shop keep/);
  await s.until('back', () => all(s, ['Succeeded']));
  assert.deepEqual(await s.running(), ['podinfo:1', 'podinfo:1', 'podinfo:2']);
  s.w.stop();
});

test('a new revision of one begins anew, and the others wait for it', async () => {
  const s = await shop();
  await releaseAll(s);
  await s.w.pass(25_000);
  await s.release('cart', 3);
  await s.until('promoted', () => all(s, ['Succeeded']));
  assert.deepEqual(await s.running(), ['podinfo:2', 'podinfo:3', 'podinfo:2']);
  s.w.stop();
});

for (const seed of [1, 2, 3]) test(`killed between any two writes: a group (${seed})`, () => simulateShop(seed).then(() => {}));
