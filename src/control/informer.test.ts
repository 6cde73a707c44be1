import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { ApiError, ConfigMaps } from '../api/index.ts';
import { silentLog, VirtualClock } from '../base/index.ts';
import type { Client } from './client.ts';
import { FakeClient } from './fake-client.ts';
import { createInformer } from './informer.ts';
import { createInformers } from './informers.ts';
import type { Change } from './object-cache.ts';

const map = (name: string, app: string, namespace = 'a'): ConfigMap => ({ metadata: { namespace, name, labels: { app } } });

function world() {
  const clock = new VirtualClock();
  const stop = new AbortController();
  return { clock, stop, client: new FakeClient(clock), options: { clock, log: silentLog, signal: stop.signal } };
}

function record<T extends ConfigMap>(seen: string[]): (c: Change<T>) => void {
  return (c) => seen.push(`${c.type} ${c.object.metadata?.name}`);
}

test('an informer lists, then follows, and its indices with it', async () => {
  const { clock, stop, client, options } = world();
  await client.create(ConfigMaps, map('one', 'web'));
  const informer = createInformer(client, ConfigMaps, options);
  const byApp = informer.index('app', (o) => [o.metadata?.labels?.['app'] ?? '']);
  const seen: string[] = [];
  await clock.advance(0);
  await informer.synced;
  informer.onChange(record(seen));
  await client.create(ConfigMaps, map('two', 'web', 'b'));
  await client.patch(ConfigMaps, { namespace: 'a', name: 'one' }, { type: 'merge', body: { metadata: { labels: { app: 'shop' } } } });
  await clock.advance(0);
  assert.deepEqual(
    byApp('web').map((o) => o.metadata?.name),
    ['two'],
  );
  assert.deepEqual(
    informer.list('a').map((o) => o.metadata?.labels?.['app']),
    ['shop'],
  );
  await client.delete(ConfigMaps, { namespace: 'b', name: 'two' });
  await clock.advance(0);
  assert.deepEqual(seen, ['added one', 'added two', 'updated one', 'deleted two']);
  assert.equal(byApp('web').length, 0);
  stop.abort();
});

test('an expired watch lists again and tells only what differs', async () => {
  const { clock, stop, client, options } = world();
  await client.create(ConfigMaps, map('stays', 'x'));
  await client.create(ConfigMaps, map('goes', 'x'));
  let broken = false;
  const flaky: Client = Object.assign(Object.create(client) as Client, {
    list: client.list.bind(client),
    watch: (r: typeof ConfigMaps, o: { resourceVersion: string }) => (broken ? fails() : client.watch(r, { ...o, signal: cut.signal })),
  });
  const cut = new AbortController();
  const informer = createInformer(flaky, ConfigMaps, options);
  const seen: string[] = [];
  informer.onChange(record(seen));
  await clock.advance(5000);
  broken = true;
  cut.abort();
  await client.delete(ConfigMaps, { namespace: 'a', name: 'goes' });
  await client.create(ConfigMaps, map('comes', 'x'));
  await clock.advance(30_000);
  assert.deepEqual(seen, ['added goes', 'added stays', 'deleted goes', 'added comes']);
  stop.abort();
});

function fails(): AsyncIterable<never> {
  const next = () => Promise.reject(new ApiError('Expired', 'too old resource version'));
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

test('a server that is away is asked again with growing delays, not in a loop', async () => {
  const { clock, stop, client, options } = world();
  let asked = 0;
  const away: Client = Object.assign(Object.create(client) as Client, {
    list: () => {
      asked++;
      return Promise.reject(new Error('connection refused'));
    },
  });
  createInformer(away, ConfigMaps, options);
  await clock.advance(60_000);
  assert.ok(asked >= 5 && asked <= 12, `asked ${asked} times in a minute`);
  stop.abort();
});

test('one reads what one wrote, before the watch tells; an old watch event changes nothing', async () => {
  const { clock, stop, client, options } = world();
  const informers = createInformers(client, options);
  const cache = informers.of(ConfigMaps);
  assert.equal(informers.of(ConfigMaps), cache);
  await clock.advance(0);
  const seen: string[] = [];
  cache.onChange(record(seen));
  await informers.client.create(ConfigMaps, map('m', 'v1'));
  assert.equal(cache.get({ namespace: 'a', name: 'm' })?.metadata?.labels?.['app'], 'v1');
  await informers.client.patch(ConfigMaps, { namespace: 'a', name: 'm' }, { type: 'merge', body: { metadata: { labels: { app: 'v2' } } } });
  assert.equal(cache.get({ namespace: 'a', name: 'm' })?.metadata?.labels?.['app'], 'v2');
  await informers.client.delete(ConfigMaps, { namespace: 'a', name: 'm' });
  assert.equal(cache.get({ namespace: 'a', name: 'm' }), undefined);
  await clock.advance(0);
  assert.deepEqual(seen, ['added m', 'updated m', 'deleted m']);
  await informers.client.create(ConfigMaps, map('m', 'again'));
  assert.equal(cache.get({ namespace: 'a', name: 'm' })?.metadata?.labels?.['app'], 'again');
  stop.abort();
});

test('an answer that comes after the watch saw the object go does not bring it back', async () => {
  const { clock, stop, client, options } = world();
  const late: Client = Object.assign(Object.create(client) as Client, {
    list: client.list.bind(client),
    watch: client.watch.bind(client),
    create: async (r: typeof ConfigMaps, o: ConfigMap) => {
      const made = await client.create(r, o);
      await client.delete(r, { namespace: 'a', name: 'm' });
      await clock.advance(0);
      return made;
    },
  });
  const informers = createInformers(late, options);
  const cache = informers.of(ConfigMaps);
  await clock.advance(0);
  await informers.client.create(ConfigMaps, map('m', 'x'));
  assert.equal(cache.get({ namespace: 'a', name: 'm' }), undefined);
  stop.abort();
});

test('a deleted object is gone at once, unless something holds it', async () => {
  const { clock, stop, client, options } = world();
  /** Answers a delete as a server does that marks the object before it goes. */
  const marking: Client = Object.assign(Object.create(client) as Client, {
    list: client.list.bind(client),
    watch: client.watch.bind(client),
    delete: async (...args: Parameters<Client['delete']>) => {
      const gone = await client.delete(...args);
      return gone && { ...gone, metadata: { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 } };
    },
  });
  const informers = createInformers(marking, options);
  const cache = informers.of(ConfigMaps);
  await client.create(ConfigMaps, map('free', 'x'));
  await client.create(ConfigMaps, { metadata: { namespace: 'a', name: 'held', finalizers: ['x/y'] } });
  await clock.advance(0);
  for (const name of ['free', 'held']) await informers.client.delete(ConfigMaps, { namespace: 'a', name });
  assert.deepEqual(
    cache.list().map((o) => [o.metadata?.name, o.metadata?.deletionTimestamp !== undefined]),
    [['held', true]],
  );
  stop.abort();
});
