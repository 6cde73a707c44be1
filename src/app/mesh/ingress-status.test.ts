import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngressClasses, Ingresses } from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createInformers } from '../../control/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { reportIngressAddress } from './ingress-status.ts';

test('objects of our classes are told the address, others are left alone, also when a class comes later', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const stop = new AbortController();
  const named = { ours: 'nginx', theirs: 'other', later: 'late' };
  for (const [name, ingressClassName] of Object.entries(named))
    await client.create(Ingresses, { metadata: { namespace: 'default', name }, spec: { ingressClassName } });
  const informers = createInformers(client, { clock, log: silentLog, signal: stop.signal });
  const running = reportIngressAddress({ informers, address: '127.0.0.1', clock, log: silentLog, signal: stop.signal });
  const address = async (name: string): Promise<unknown> => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    return (await client.get(Ingresses, { namespace: 'default', name }))?.status?.loadBalancer?.ingress?.[0]?.ip;
  };
  assert.equal(await address('ours'), '127.0.0.1');
  assert.equal(await address('theirs'), undefined);
  assert.equal(await address('later'), undefined);
  await client.create(IngressClasses, { metadata: { name: 'late' }, spec: { controller: 'k8s.io/ingress-nginx' } });
  assert.equal(await address('later'), '127.0.0.1');
  stop.abort();
  await running;
});
