import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../base/index.ts';
import { WorkQueue } from './work-queue.ts';

test('a key is handed out once however often it is added, and again when it was added in hand', async () => {
  const queue = new WorkQueue({ clock: new VirtualClock() });
  for (const key of ['a', 'b', 'a']) queue.add(key);
  assert.deepEqual([await queue.take(), await queue.take(), queue.length], ['a', 'b', 0]);
  queue.add('a');
  assert.equal(queue.length, 0, 'a is in hand');
  queue.done('a');
  assert.equal(await queue.take(), 'a');
});

test('of two delays the earlier counts', async () => {
  const clock = new VirtualClock();
  const queue = new WorkQueue({ clock });
  queue.addAfter('a', 1000);
  queue.addAfter('a', 200);
  queue.addAfter('a', 5000);
  await clock.advance(199);
  assert.equal(queue.length, 0);
  await clock.advance(1);
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  await clock.advance(10_000);
  assert.equal(queue.length, 0);
});

test('retries of one key back off, and start over when forgotten', () => {
  const queue = new WorkQueue({ clock: new VirtualClock(), firstDelay: 10, lastDelay: 50 });
  assert.deepEqual(
    Array.from({ length: 5 }, () => queue.retry('a')),
    [10, 20, 40, 50, 50],
  );
  queue.forget('a');
  assert.equal(queue.retry('a'), 10);
});

test('retries of many keys share a rate', () => {
  const queue = new WorkQueue({ clock: new VirtualClock() });
  const delays = Array.from({ length: 120 }, (_, i) => queue.retry(`k${i}`));
  assert.equal(delays[0], 5);
  assert.equal(delays[119], 2000);
});

test('closing lets takers go', async () => {
  const queue = new WorkQueue({ clock: new VirtualClock() });
  const taken = queue.take();
  queue.close();
  queue.add('late');
  assert.deepEqual([await taken, await queue.take()], [undefined, undefined]);
});
