import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Events, Pods } from '../api/index.ts';
import { silentLog, VirtualClock } from '../base/index.ts';
import { again, changesOf, runController, settled, type Reconcile } from './controller.ts';
import { eventRecorder } from './events.ts';
import { FakeClient } from './fake-client.ts';
import { createInformer } from './informer.ts';
import { updateStatus, withCondition } from './status.ts';

function run(reconcile: Reconcile, concurrency = 1) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const client = new FakeClient(clock);
  const shared = { clock, log: silentLog, signal: stop.signal };
  const informer = createInformer(client, ConfigMaps, shared);
  const running = runController({ name: 'test', sources: [changesOf(informer)], reconcile, concurrency, ...shared });
  return { clock, client, end: () => (stop.abort(), running) };
}

test('a failing key is tried again with a growing delay, others are not held up', async () => {
  const seen: string[] = [];
  let failures = 3;
  const { clock, client, end } = run(async (key, ctx) => {
    seen.push(`${key} ${ctx.clock.now() - start}`);
    if (key === 'a/bad' && failures-- > 0) throw new Error('no');
    return settled;
  });
  const start = clock.now();
  await client.create(ConfigMaps, { metadata: { namespace: 'a', name: 'bad' } });
  await client.create(ConfigMaps, { metadata: { namespace: 'a', name: 'good' } });
  await clock.advance(1000);
  assert.deepEqual(seen, ['a/bad 0', 'a/good 0', 'a/bad 5', 'a/bad 15', 'a/bad 35']);
  await end();
});

test('again comes back after the time it names', async () => {
  let runs = 0;
  const { clock, client, end } = run(async () => (++runs < 3 ? again(1000) : settled));
  await client.create(ConfigMaps, { metadata: { namespace: 'a', name: 'm' } });
  await clock.advance(1999);
  assert.equal(runs, 2);
  await clock.advance(60_000);
  assert.equal(runs, 3);
  await end();
});

test('as many keys as asked are worked on at a time, one key never twice', async () => {
  const open = new Map<string, () => void>();
  let most = 0;
  const { clock, client, end } = run(async (key) => {
    assert.ok(!open.has(key));
    await new Promise<void>((resolve) => open.set(key, resolve));
    most = Math.max(most, open.size);
    open.delete(key);
    return settled;
  }, 2);
  for (const name of ['x', 'y', 'z']) await client.create(ConfigMaps, { metadata: { namespace: 'a', name } });
  await clock.advance(0);
  await client.patch(ConfigMaps, { namespace: 'a', name: 'x' }, { type: 'merge', body: { data: { k: 'v' } } });
  await clock.advance(0);
  for (let i = 0; i < 6; i++) {
    for (const finish of open.values()) finish();
    await clock.advance(0);
  }
  assert.equal(most, 2);
  await end();
});

test('the same event counts up; one that cannot be written is no failure', async () => {
  const clock = new VirtualClock(0);
  const client = new FakeClient(clock);
  const recorder = eventRecorder(client, { component: 'test', clock, log: silentLog });
  const pod = await client.create(Pods, { metadata: { namespace: 'a', name: 'p' } });
  await recorder.record(pod, 'Normal', 'Pulled', 'image is here');
  await clock.advance(60_000);
  await recorder.record(pod, 'Normal', 'Pulled', 'image is here');
  await recorder.record(pod, 'Warning', 'BackOff', 'restarting');
  const { items } = await client.list(Events, { namespace: 'a', fieldSelector: 'reason=Pulled' });
  assert.deepEqual(
    items.map((e) => [e.count, e.firstTimestamp, e.lastTimestamp, e.involvedObject.uid === pod.metadata?.uid]),
    [[2, '1970-01-01T00:00:00Z', '1970-01-01T00:01:00Z', true]],
  );
  assert.equal((await client.list(Events)).items.length, 2);
  client.hooks.before = () => {
    throw new Error('disk full');
  };
  await recorder.record(pod, 'Normal', 'Killing', 'bye');
});

test('an equal status is not written, a changed one is', async () => {
  const client = new FakeClient(new VirtualClock());
  const pod = await client.create(Pods, { metadata: { namespace: 'a', name: 'p' } });
  let writes = 0;
  client.hooks.before = () => writes++;
  assert.equal(await updateStatus(client, Pods, pod, { phase: 'Pending' }), pod);
  const running = await updateStatus(client, Pods, pod, { phase: 'Running' });
  assert.deepEqual([writes, running.status?.phase], [1, 'Running']);
});

test('a condition keeps its transition time while its status stays', () => {
  const first = withCondition<{ type: string; status: string; reason: string; lastTransitionTime?: string }>(
    undefined,
    { type: 'Ready', status: 'False', reason: 'A' },
    0,
  );
  const same = withCondition(first, { type: 'Ready', status: 'False', reason: 'B' }, 5000);
  const other = withCondition(same, { type: 'Ready', status: 'True', reason: 'C' }, 9000);
  assert.deepEqual(
    [first, same, other].map(([c]) => [c?.reason, c?.lastTransitionTime]),
    [
      ['A', '1970-01-01T00:00:00Z'],
      ['B', '1970-01-01T00:00:00Z'],
      ['C', '1970-01-01T00:00:09Z'],
    ],
  );
});
