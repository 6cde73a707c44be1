import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ApiError, EndpointSlices, Pods, Services } from '../api/index.ts';
import { createDialer } from './dialer.ts';
import { NS, refused, world } from './testing.ts';

const slice = (name: string, of: string, endpoints: { pod?: string; ready?: boolean }[], port = 8080) => ({
  metadata: { namespace: NS, name, labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port }],
  endpoints: endpoints.map(({ pod, ready }) => ({
    addresses: ['10.244.0.2'],
    ...(ready === undefined ? {} : { conditions: { ready } }),
    ...(pod ? { targetRef: { kind: 'Pod', name: pod } } : {}),
  })),
});

async function start() {
  const { client } = await world();
  const dialed: string[] = [];
  const dead = new Set<string>();
  const dialer = createDialer(() => client, {
    async portForward(namespace, pod, port) {
      dialed.push(`${namespace}/${pod}:${port}`);
      if (dead.has(pod)) throw new ApiError('NotFound', `pods "${pod}" not found on the node`);
      return new PassThrough();
    },
  });
  const ports = [
    { name: 'http', port: 80 },
    { name: 'grpc', port: 9000 },
  ];
  await client.create(Services, { metadata: { namespace: NS, name: 'web' }, spec: { ports } });
  return { client, dialer, dialed, dead };
}

test('a service leads to its ready pods in turn, in whatever slice they are, and past one that has just gone', async () => {
  const { client, dialer, dialed, dead } = await start();
  await client.create(EndpointSlices, slice('s0', 'other', [{ pod: 'not-ours' }]));
  await client.create(EndpointSlices, slice('s1', 'web', [{ pod: 'down', ready: false }, { ready: true }, { pod: 'a' }]));
  await client.create(EndpointSlices, slice('s2', 'web', [{ pod: 'b', ready: true }], 8081));
  for (const port of ['80', 'http', '80']) await dialer.service(NS, 'web', port);
  assert.deepEqual(dialed.splice(0), ['default/a:8080', 'default/b:8081', 'default/a:8080']);
  dead.add('b');
  await dialer.service(NS, 'web', '80');
  assert.deepEqual(dialed.splice(0), ['default/b:8081', 'default/a:8080']);
  dead.add('a');
  await assert.rejects(dialer.service(NS, 'web', '80'), /not found on the node/);
});

test('a service that leads nowhere says why', async () => {
  const { client, dialer } = await start();
  await assert.rejects(dialer.service(NS, 'no', '80'), refused('NotFound', /services "no" not found/));
  await assert.rejects(dialer.service(NS, 'web', '81'), refused('ServiceUnavailable', /no service port 81 found for service "web"/));
  await assert.rejects(dialer.service(NS, 'web', '80'), refused('ServiceUnavailable', /no endpoints available for service "web"/));
  await client.create(EndpointSlices, slice('s1', 'web', [{ pod: 'a' }]));
  for (const port of ['9000', 'grpc', 'nothing', undefined]) {
    await assert.rejects(dialer.service(NS, 'web', port), refused('ServiceUnavailable', /no endpoints available/), port);
  }
});

test('a pod is dialed at a number, at a name, at the first port it declares, or at the standard one', async () => {
  const { client, dialer, dialed } = await start();
  const pod = (name: string, ports: object[]) => ({
    metadata: { namespace: NS, name },
    spec: { containers: [{ name: 'c', image: 'i', ports }] },
  });
  await client.create(Pods, pod('web', [{ containerPort: 8080 }, { name: 'admin', containerPort: 9901 }]) as never);
  await client.create(Pods, pod('mute', []) as never);
  for (const port of ['1234', 'admin', undefined]) await dialer.pod(NS, 'web', port, 80);
  await dialer.pod(NS, 'mute', undefined, 443);
  assert.deepEqual(dialed, ['default/web:1234', 'default/web:9901', 'default/web:8080', 'default/mute:443']);
  await assert.rejects(dialer.pod(NS, 'web', 'none', 80), refused('ServiceUnavailable', /has no port "none"/));
  await assert.rejects(dialer.pod(NS, 'no', '80', 80), refused('NotFound'));
});
