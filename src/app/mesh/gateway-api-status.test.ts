import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HTTPRoutes } from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
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
  const reporter = createStatusReporter({ client, clock, log: silentLog });
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
  createStatusReporter({ client, clock, log: silentLog }).report([said('True')]);
  const again = await read();
  assert.equal(again.metadata?.resourceVersion, before.metadata?.resourceVersion, 'another control plane says the same');
  reporter.report([said('False')]);
  const [, after] = (await read()).status!.parents;
  assert.equal(after?.conditions[0]?.status, 'False');
  assert.notEqual(after?.conditions[0]?.lastTransitionTime, before.status?.parents[1]?.conditions[0]?.lastTransitionTime);
});
