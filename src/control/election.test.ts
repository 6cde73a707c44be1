import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, ConfigMaps, Leases } from '../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import type { Client } from './client.ts';
import { electLeader, type Leadership } from './election.ts';
import { FakeClient } from './fake-client.ts';
import { fenced } from './fence.ts';

const LEASE = { namespace: 'kube-system', name: 'leader' };

/** A candidate: what it was given when it came to lead, and the way to end or cut it off. */
class Candidate {
  readonly stop = new AbortController();
  readonly terms: Leadership[] = [];
  /** Requests get no answer. */
  cutOff = false;
  /** How many of its terms are under way. */
  working = 0;
  readonly done: Promise<void>;

  constructor(client: Client, clock: VirtualClock, identity: string, linger = 0) {
    const reached = <T>(call: () => Promise<T>): Promise<T> =>
      this.cutOff ? Promise.reject(new ApiError('ServiceUnavailable', 'no answer')) : call();
    const mine = {
      ...client,
      get: ((resource, key) => reached(() => client.get(resource, key))) as Client['get'],
      create: ((resource, object) => reached(() => client.create(resource, object))) as Client['create'],
      update: ((resource, object) => reached(() => client.update(resource, object))) as Client['update'],
    };
    const rng = seededRng(identity.length);
    this.done = electLeader(
      { client: mine, lease: LEASE, identity, clock, rng, log: silentLog, signal: this.stop.signal },
      async (term) => {
        this.terms.push(term);
        this.working++;
        await new Promise<void>((resolve) => term.signal.addEventListener('abort', () => clock.after(linger, resolve), { once: true }));
        this.working--;
      },
    );
  }

  get leads(): boolean {
    return this.terms.at(-1)?.holds() ?? false;
  }
}

async function leaseOf(client: Client) {
  return (await client.get(Leases, LEASE))?.spec;
}

async function pass(clock: VirtualClock, ms: number, check: () => void = () => {}): Promise<void> {
  for (let t = 0; t < ms; t += 250) {
    await clock.advance(250);
    check();
  }
}

test('one of three leads, keeps the lease fresh, and no two ever lead', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const all = ['a', 'bb', 'ccc'].map((name) => new Candidate(client, clock, name));
  await pass(clock, 60_000, () => assert.ok(all.filter((c) => c.leads).length <= 1));
  assert.equal(all.filter((c) => c.leads).length, 1);
  const spec = await leaseOf(client);
  assert.equal(spec?.leaseDurationSeconds, 15);
  assert.equal(spec?.leaseTransitions, 0);
  assert.ok(clock.now() - Date.parse(String(spec?.renewTime)) <= 2_250);
  for (const c of all) c.stop.abort();
  await pass(clock, 1_000);
  await Promise.all(all.map((c) => c.done));
});

test('a leader that is told to end ends its work, lets the lease go, and the next leads within its retry', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const first = new Candidate(client, clock, 'first', 3_000);
  await pass(clock, 500);
  const second = new Candidate(client, clock, 'second');
  await pass(clock, 5_000);
  assert.deepEqual([first.leads, second.leads], [true, false]);
  first.stop.abort();
  await pass(clock, 2_500);
  assert.deepEqual([first.working, first.leads, second.leads], [1, true, false], 'the work in hand may still write');
  await pass(clock, 6_000);
  assert.deepEqual([first.working, second.leads], [0, true]);
  assert.equal((await leaseOf(client))?.leaseTransitions, 1);
  second.stop.abort();
  await pass(clock, 1_000);
  assert.equal((await leaseOf(client))?.holderIdentity, '');
});

test('a leader that is cut off may write for 10 s, and nobody takes over before 15; when it is back it waits', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const first = new Candidate(client, clock, 'first');
  await pass(clock, 500);
  const second = new Candidate(client, clock, 'second');
  await pass(clock, 20_000);
  const term = first.terms[0]!;
  first.cutOff = true;
  let lostAfter = 0;
  let tookOverAfter = 0;
  for (let t = 250; t <= 30_000; t += 250) {
    await clock.advance(250);
    assert.ok(!(first.leads && second.leads), `two at ${t}`);
    if (!lostAfter && !term.holds()) lostAfter = t;
    if (!tookOverAfter && second.leads) tookOverAfter = t;
  }
  assert.ok(lostAfter > 7_000 && lostAfter <= 10_250, `lost after ${lostAfter}`);
  assert.ok(tookOverAfter >= lostAfter + 2_000 && tookOverAfter <= 20_000, `took over after ${tookOverAfter}`);
  assert.ok(term.signal.aborted && term.lost.aborted);
  first.cutOff = false;
  await pass(clock, 20_000);
  assert.deepEqual([first.leads, second.leads, first.working], [false, true, 0]);
});

test('a process that stood still does not hold the lease, even before its timers say so', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const frozen = new VirtualClock();
  const first = new Candidate(client, frozen, 'first');
  await frozen.advance(500);
  const [term] = first.terms;
  assert.equal(term?.holds(), true);
  // Time goes on without timers.
  const now = frozen.monotonic();
  frozen.monotonic = () => now + 60_000;
  assert.equal(term?.holds(), false);
  assert.equal(term?.lost.aborted, false);
});

test('a lease that others took away is lost at once', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const first = new Candidate(client, clock, 'first');
  await pass(clock, 1_000);
  const held = (await client.get(Leases, LEASE))!;
  await client.update(Leases, { ...held, spec: { ...held.spec, holderIdentity: 'thief' } });
  await pass(clock, 2_250);
  assert.deepEqual([first.leads, first.terms[0]?.lost.aborted], [false, true]);
  await pass(clock, 20_000);
  assert.equal(first.leads, true, 'it is had again when the other says nothing more');
  assert.equal(first.terms.length, 2);
});

test('by seed: candidates are cut off and come back, and no two ever lead', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const clock = new VirtualClock();
    const client = new FakeClient(clock);
    const rng = seededRng(seed);
    const all = ['a', 'bb', 'ccc'].map((name) => new Candidate(client, clock, name));
    for (let t = 0; t < 300_000; t += 250) {
      await clock.advance(250);
      assert.ok(all.filter((c) => c.leads).length <= 1, `seed ${seed} at ${t}`);
      if (rng.next() < 0.02) for (const c of all) c.cutOff = rng.next() < 0.4;
    }
    assert.ok(all.some((c) => c.terms.length > 0));
  }
});

test('a fenced client reads, and writes only while it may', async () => {
  const client = new FakeClient(new VirtualClock());
  let may = true;
  const one = fenced(client, () => may);
  const key = { namespace: 'default', name: 'a' };
  await one.create(ConfigMaps, { metadata: key, data: { a: '1' } });
  may = false;
  const map = (await one.get(ConfigMaps, key))!;
  const refused = { name: 'ApiError', message: /no longer leads/ };
  await assert.rejects(one.create(ConfigMaps, { metadata: { ...key, name: 'b' } }), refused);
  await assert.rejects(one.update(ConfigMaps, map), refused);
  await assert.rejects(one.patch(ConfigMaps, key, { type: 'merge', body: {} }), refused);
  await assert.rejects(one.delete(ConfigMaps, key), refused);
  assert.equal((await client.list(ConfigMaps)).items.length, 1);
});
