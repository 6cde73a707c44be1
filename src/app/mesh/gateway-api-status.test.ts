import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HTTPRoutes, KubernetesGateways } from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createInformers } from '../../control/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { GATEWAY_CONTROLLER, type ObjectStatus } from '../../mesh/index.ts';
import { createStatusReporter } from './gateway-api-status.ts';

const key = { namespace: 'default', name: 'shop' };
const said = (status: 'True' | 'False'): ObjectStatus => ({
  object: { kind: 'HTTPRoute', ...key },
  generation: 3,
  parents: [
    {
      parentRef: { name: 'door' },
      controllerName: GATEWAY_CONTROLLER,
      conditions: [{ type: 'Accepted', status, reason: 'A', message: '' }],
    },
  ],
});

test('a route hears what became of it; what others say stays, and nothing is written twice', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  const other = { parentRef: { name: 'door' }, controllerName: 'example.com/other', conditions: [] };
  await client.create(HTTPRoutes, { metadata: { ...key }, spec: {} });
  await client.patch(HTTPRoutes, key, { type: 'merge', body: { status: { parents: [other] } } }, { subresource: 'status' });
  const read = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return (await client.get(HTTPRoutes, key))!;
  };
  const first = said('True');
  const { signal } = new AbortController();
  const informers = createInformers(client, { clock, log: silentLog, signal });
  const reporter = createStatusReporter({ informers, clock, log: silentLog });
  reporter.report([first]);
  const before = await read();
  assert.deepEqual(
    before.status?.parents.map((p) => [p.controllerName, p.conditions.map((c) => [c.status, c.observedGeneration])]),
    [
      ['example.com/other', []],
      [GATEWAY_CONTROLLER, [['True', 3]]],
    ],
  );
  await clock.advance(60_000);
  reporter.report([first]);
  createStatusReporter({ informers, clock, log: silentLog }).report([said('True')]);
  const again = await read();
  assert.equal(again.metadata?.resourceVersion, before.metadata?.resourceVersion, 'another control plane says the same');
  reporter.report([said('False')]);
  const [, after] = (await read()).status!.parents;
  assert.equal(after?.conditions[0]?.status, 'False');
  assert.notEqual(after?.conditions[0]?.lastTransitionTime, before.status?.parents[1]?.conditions[0]?.lastTransitionTime);
});

test('how far a route has come stands at each parent that takes it, and stays through what else is said', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  await client.create(HTTPRoutes, { metadata: { ...key }, spec: {} });
  const { signal } = new AbortController();
  const informers = createInformers(client, { clock, log: silentLog, signal });
  await informers.of(HTTPRoutes).synced;
  const refused = { type: 'Programmed', status: 'False', reason: 'Rejected', message: 'no', observedGeneration: 2 } as const;
  const conditions = async (): Promise<string[][]> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { status } = (await client.get(HTTPRoutes, key))!;
    return status!.parents.map((p) => p.conditions.map((c) => `${c.type} ${c.status} ${c.observedGeneration}`));
  };
  const [taken] = said('True').parents!;
  const [turnedAway] = said('False').parents!;
  const both: ObjectStatus = { ...said('True'), parents: [taken!, { ...turnedAway!, parentRef: { name: 'other' } }] };
  const reporter = createStatusReporter({ informers, clock, log: silentLog });
  reporter.report([both]);
  const [hearer] = [...reporter.hearers()];
  assert.deepEqual(hearer, { id: 'HTTPRoute default/shop', generation: 3, said: undefined });
  assert.ok(await reporter.say(hearer.id, refused));
  assert.deepEqual(await conditions(), [['Accepted True 3', 'Programmed False 2'], ['Accepted False 3']]);
  assert.equal(await reporter.say(hearer.id, refused), undefined, 'nothing new');
  createStatusReporter({ informers, clock, log: silentLog }).report([{ ...both, generation: 4 }]);
  assert.deepEqual(await conditions(), [['Accepted True 4', 'Programmed False 2'], ['Accepted False 4']], 'another control plane');
  assert.equal([...reporter.hearers()][0]?.said?.reason, 'Rejected');
});

test('a Gateway is programmed until a proxy refuses it', async () => {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  await client.create(KubernetesGateways, { metadata: { ...key }, spec: { gatewayClassName: 'sluice', listeners: [] } });
  const { signal } = new AbortController();
  const informers = createInformers(client, { clock, log: silentLog, signal });
  await informers.of(KubernetesGateways).synced;
  const programmed = { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'all' } as const;
  const reporter = createStatusReporter({ informers, clock, log: silentLog });
  reporter.report([{ object: { kind: 'Gateway', ...key }, generation: 1, conditions: [programmed], listeners: [] }]);
  const said = async (status: 'True' | 'False', reason: string): Promise<string | undefined> => {
    await reporter.say('KubernetesGateway default/shop', { type: 'Programmed', status, reason, message: 'no', observedGeneration: 1 });
    const c = (await client.get(KubernetesGateways, key))!.status!.conditions![0]!;
    return `${c.status} ${c.reason}: ${c.message}`;
  };
  assert.equal(await said('True', 'Programmed'), 'True Programmed: all');
  assert.equal(await said('False', 'Rejected'), 'False Invalid: no');
  assert.equal(await said('True', 'Programmed'), 'True Programmed: all');
});
