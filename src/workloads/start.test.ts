import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, createCatalog, Events, Namespaces, Pods, ServiceAccounts, Services, ApiError } from '../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../base/index.ts';
import { FakeClient } from '../control/testing.ts';
import { startWorkloads } from './index.ts';

async function start() {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const stop = new AbortController();
  const { done } = await startWorkloads({
    client,
    catalog: createCatalog(),
    clock,
    rng: seededRng(3),
    log: silentLog,
    signal: stop.signal,
    rootCertificate: 'PEM',
    loadBalancerAddress: '127.0.0.1',
    volumesDirectory: '/volumes',
  });
  await clock.advance(500);
  return {
    clock,
    client,
    async end() {
      stop.abort();
      await clock.advance(0);
      await done;
    },
  };
}

test('the first namespaces are there, each with its account and its certificate, and both come back', async () => {
  const { clock, client, end } = await start();
  const names = (await client.list(Namespaces)).items.map((n) => n.metadata?.name);
  assert.deepEqual(names, ['default', 'istio-system', 'kube-node-lease', 'kube-public', 'kube-system']);
  assert.equal((await client.list(ServiceAccounts)).items.length, 5);
  const key = { namespace: 'default', name: 'kube-root-ca.crt' };
  assert.deepEqual((await client.get(ConfigMaps, key))?.data, { 'ca.crt': 'PEM' });
  await client.delete(ServiceAccounts, { namespace: 'default', name: 'default' });
  await client.patch(ConfigMaps, key, { type: 'merge', body: { data: { 'ca.crt': 'forged' } } });
  await clock.advance(100);
  assert.ok(await client.get(ServiceAccounts, { namespace: 'default', name: 'default' }));
  assert.deepEqual((await client.get(ConfigMaps, key))?.data, { 'ca.crt': 'PEM' });
  await end();
});

test('a deleted namespace is emptied first, and says what it waits for', async () => {
  const { clock, client, end } = await start();
  await client.create(Namespaces, { metadata: { name: 'shop' } });
  await clock.advance(100);
  await client.create(ConfigMaps, { metadata: { namespace: 'shop', name: 'held', finalizers: ['x/y'] } });
  // A fake server does not refuse what a real one does: nothing new in a namespace that is going.
  client.hooks.before = ({ verb, key }) => {
    if (verb !== 'create' || key.namespace !== 'shop') return;
    throw new ApiError('Forbidden', 'the namespace is being terminated', { causes: [{ reason: 'NamespaceTerminating' }] });
  };
  await client.delete(Namespaces, { name: 'shop' });
  await clock.advance(3000);
  assert.deepEqual((await client.list(ServiceAccounts, { namespace: 'shop' })).items, []);
  const waiting = await client.get(Namespaces, { name: 'shop' });
  assert.equal(waiting?.status?.phase, 'Terminating');
  assert.deepEqual(
    waiting?.status?.conditions?.map((c) => `${c.type} ${c.status}: ${c.message}`),
    [
      'NamespaceContentRemaining True: Some resources are remaining: configmaps. has 1 resource instances',
      'NamespaceFinalizersRemaining True: Some content in the namespace has finalizers remaining: x/y in 1 resource instances',
    ],
  );
  await client.patch(ConfigMaps, { namespace: 'shop', name: 'held' }, { type: 'merge', body: { metadata: { finalizers: [] } } });
  await clock.advance(3000);
  assert.equal(await client.get(Namespaces, { name: 'shop' }), undefined);
  await end();
});

test('a load-balanced service gets its address, and loses it with its type', async () => {
  const { clock, client, end } = await start();
  const key = { namespace: 'default', name: 'web' };
  await client.create(Services, { metadata: key, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
  await clock.advance(100);
  assert.deepEqual((await client.get(Services, key))?.status?.loadBalancer, { ingress: [{ ip: '127.0.0.1' }] });
  await client.patch(Services, key, { type: 'merge', body: { spec: { type: 'ClusterIP' } } });
  await clock.advance(100);
  assert.deepEqual((await client.get(Services, key))?.status?.loadBalancer, {});
  await end();
});

test('an event goes an hour after it was last seen', async () => {
  const { clock, client, end } = await start();
  await client.create(Pods, { metadata: { namespace: 'default', name: 'lonely' }, spec: { containers: [] } });
  await clock.advance(100);
  const failed = async () => (await client.list(Events)).items.filter((e) => e.reason === 'FailedScheduling').length;
  assert.equal(await failed(), 1);
  await clock.advance(3_590_000);
  assert.equal(await failed(), 1);
  await clock.advance(20_000);
  assert.equal(await failed(), 0);
  await end();
});

test('nothing is written when nothing changes', async () => {
  const { clock, client, end } = await start();
  let writes = 0;
  client.hooks.before = () => writes++;
  await clock.advance(600_000);
  assert.equal(writes, 0);
  await end();
});
