import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/index.ts';
import { podBehind, serviceNamed } from './cluster-address.ts';

test('names of services', () => {
  const tester = { namespace: 'test', name: 'flagger-loadtester' };
  const table: [string, unknown][] = [
    ['flagger-loadtester.test', tester],
    ['flagger-loadtester.test.svc', tester],
    ['flagger-loadtester.test.svc.cluster.local', tester],
    ['flagger-loadtester', undefined],
    ['flagger-loadtester.test.svc.example.org', undefined],
    ['a.b.c', undefined],
    ['127.0.0.1', undefined],
    ['', undefined],
  ];
  for (const [host, expected] of table) assert.deepEqual(serviceNamed(host), expected, host);
});

const service = {
  metadata: { namespace: 'test', name: 'web' },
  spec: {
    ports: [
      { name: 'http', port: 80 },
      { name: 'grpc', port: 9000 },
    ],
  },
};
const slice = (of: string, endpoints: { pod?: string; ready?: boolean }[], port = 8080) => ({
  metadata: { labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port }],
  endpoints: endpoints.map(({ pod, ready }) => ({
    addresses: ['10.244.0.2'],
    ...(ready === undefined ? {} : { conditions: { ready } }),
    ...(pod ? { targetRef: { kind: 'Pod', name: pod } } : {}),
  })),
});

test('the first ready pod behind a port, whatever slice it is in', () => {
  const slices = [
    slice('other', [{ pod: 'not-ours' }]),
    slice('web', [{ pod: 'down', ready: false }, { ready: true }]),
    slice('web', [{ pod: 'up', ready: true }], 8081),
  ];
  assert.deepEqual(podBehind(service, 80, slices), { pod: 'up', port: 8081 });
});

test('what leads nowhere says why', () => {
  const refused = (port: number, slices: Parameters<typeof podBehind>[2], code: string, words: RegExp): void =>
    assert.throws(
      () => podBehind(service, port, slices),
      (e) => e instanceof Fault && e.code === code && words.test(`${e.message} ${e.hint}`),
    );
  refused(81, [], 'NoSuchPort', /web\.test has no port 81.*80, 9000/);
  refused(80, [slice('web', [{ pod: 'down', ready: false }])], 'NoEndpoints', /web\.test has no ready pod/);
  refused(9000, [slice('web', [{ pod: 'up' }])], 'NoEndpoints', /no ready pod/);
});
