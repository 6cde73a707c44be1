/** Looking into pods that run: containers put into them, and resources changed in place. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kubectl, newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('debug');
  await it.up();
});
after(() => it.close());

test('kubectl debug looks into a running pod, beside the processes of its target', async () => {
  const overrides = JSON.stringify({ spec: { terminationGracePeriodSeconds: 1 } });
  await kubectl(it, [
    'run',
    'web',
    '--image=curl',
    `--overrides=${overrides}`,
    '--command',
    '--',
    'sh',
    '-c',
    'trap "exit 0" TERM; while :; do sleep 0.2; done',
  ]);
  await kubectl(it, 'wait pod/web --for=condition=Ready --timeout=20s');
  const done = await it.kubectl.run([
    'debug',
    'web',
    '-i',
    '--image=curl',
    '--target=web',
    '--',
    'sh',
    '-c',
    'sleep 1; ps ax -o args; echo looked',
  ]);
  assert.match(done.stdout, /trap "exit 0" TERM[^]*looked\n$/);
  const status = await kubectl(it, 'get pod web -o jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}');
  assert.equal(status, '0');
  assert.match(await kubectl(it, 'describe pod web'), /Ephemeral Containers:/);
});

test('kubectl patch --subresource=resize shows in the status', async () => {
  const containers = [{ name: 'web', resources: { requests: { cpu: '20m' } } }];
  await kubectl(it, ['patch', 'pod', 'web', '--subresource=resize', '-p', JSON.stringify({ spec: { containers } })]);
  await kubectl(it, 'wait pod/web --for=jsonpath={.status.containerStatuses[0].allocatedResources.cpu}=20m --timeout=10s');
});
