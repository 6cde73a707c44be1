import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import type { EndpointConditions, EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { changeTable, type Table } from './nftables.ts';
import { groupServices } from './service-groups.ts';
import { servicePlanner, servicesTable, type ServicePlan } from './services.ts';

function service(name: string, spec: ServiceSpec): Service {
  return { metadata: { name, namespace: 'test' }, spec };
}

function slice(
  service: string,
  port: { name?: string; port: number; protocol?: string },
  addresses: Record<string, EndpointConditions>,
  type = 'IPv4',
): EndpointSlice {
  return {
    metadata: { name: `${service}-x`, namespace: 'test', labels: { 'kubernetes.io/service-name': service } },
    addressType: type,
    ports: [port],
    endpoints: Object.entries(addresses).map(([ip, conditions]) => ({ addresses: [ip], conditions })),
  };
}

const web = service('web', { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80, targetPort: 'web' }] });
const ready = { ready: true };

const table: [string, Service[], EndpointSlice[], ServicePlan[]][] = [
  [
    'ready endpoints at their own ports',
    [web],
    [
      slice('web', { name: 'http', port: 8080 }, { '10.244.0.3': ready, '10.244.0.2': ready, '10.244.0.4': { ready: false } }),
      slice('web', { name: 'http', port: 9090 }, { '10.244.0.9': {} }),
    ],
    [
      {
        name: 'test/web/80/tcp',
        frontends: [{ address: '10.96.1.1', protocol: 'tcp', port: 80 }],
        backends: [
          { address: '10.244.0.2', port: 8080 },
          { address: '10.244.0.3', port: 8080 },
          { address: '10.244.0.9', port: 9090 },
        ],
      },
    ],
  ],
  [
    'those that end serve when nothing else does',
    [web],
    [
      slice(
        'web',
        { name: 'http', port: 80 },
        { '10.244.0.2': { ready: false, serving: true, terminating: true }, '10.244.0.3': { ready: false, serving: false } },
      ),
    ],
    [
      {
        name: 'test/web/80/tcp',
        frontends: [{ address: '10.96.1.1', protocol: 'tcp', port: 80 }],
        backends: [{ address: '10.244.0.2', port: 80 }],
      },
    ],
  ],
  ['without endpoints there is no plan', [web], [], []],
  [
    'other ports, other services, IPv6 and loopback do not count',
    [web],
    [
      slice('web', { name: 'metrics', port: 80 }, { '10.244.0.2': ready }),
      slice('api', { name: 'http', port: 80 }, { '10.244.0.2': ready }),
      slice('web', { name: 'http', port: 80 }, { '::1': ready }, 'IPv6'),
      slice('web', { name: 'http', port: 80 }, { '127.0.0.1': ready }),
    ],
    [],
  ],
  [
    'what is no address is left out',
    [
      service('web', { clusterIP: '10.96.1.999', ports: [{ name: 'http', port: 80 }] }),
      service('api', { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80 }] }),
    ],
    [slice('web', { name: 'http', port: 80 }, { '10.244.0.2': ready }), slice('api', { name: 'http', port: 80 }, { '300.1.1.1': ready })],
    [],
  ],
  [
    'headless services have no address',
    [service('web', { clusterIP: 'None', ports: [{ port: 80 }] })],
    [slice('web', { port: 80 }, { '10.244.0.2': ready })],
    [],
  ],
  [
    'node ports answer on the node; UDP is a port of its own',
    [service('dns', { clusterIP: '10.96.1.2', type: 'NodePort', ports: [{ name: 'udp', port: 53, nodePort: 30053, protocol: 'UDP' }] })],
    [slice('dns', { name: 'udp', port: 5353, protocol: 'UDP' }, { '10.244.0.2': ready })],
    [
      {
        name: 'test/dns/53/udp',
        frontends: [
          { address: '10.96.1.2', protocol: 'udp', port: 53 },
          { address: '10.244.0.1', protocol: 'udp', port: 30053 },
        ],
        backends: [{ address: '10.244.0.2', port: 5353 }],
      },
    ],
  ],
  [
    'an address belongs to the first service by name',
    [service('b', { clusterIP: '10.96.1.1', ports: [{ port: 80 }] }), service('a', { clusterIP: '10.96.1.1', ports: [{ port: 80 }] })],
    [slice('a', { port: 80 }, { '10.244.0.2': ready }), slice('b', { port: 80 }, { '10.244.0.3': ready })],
    [
      {
        name: 'test/a/80/tcp',
        frontends: [{ address: '10.96.1.1', protocol: 'tcp', port: 80 }],
        backends: [{ address: '10.244.0.2', port: 80 }],
      },
    ],
  ],
];

for (const [what, services, slices, plans] of table) {
  test(what, () => assert.deepEqual(servicePlanner()(groupServices(services, slices)), plans));
}

test('one look-up leads to a chain, several backends to a map', () => {
  const frontends = [{ address: '10.96.1.1', protocol: 'tcp' as const, port: 80 }];
  const one = { name: 'test/one/80/tcp', frontends, backends: [{ address: '10.244.0.2', port: 80 }] };
  const two = { name: 'test/two/80/tcp', frontends: [], backends: [...one.backends, { address: '10.244.0.3', port: 81 }] };
  const rules = servicesTable()([one, two]);
  assert.deepEqual(
    rules.sets.map((s) => [s.name, s.elements.length]),
    [
      ['frontends', 1],
      ['hairpins', 2],
      ['test/two/80/tcp', 2],
    ],
  );
  const key = rules.sets[0]!.elements[0]!;
  assert.equal(Buffer.from(key.key).toString('hex'), '0a600101 06000000 00500000'.replaceAll(' ', ''));
  assert.deepEqual(key.data, { goto: 'test/one/80/tcp' });
  assert.equal(Buffer.from(rules.sets[2]!.elements[1]!.data as Uint8Array).toString('hex'), '0af40003 00510000'.replaceAll(' ', ''));
});

test('a change costs what changed: what is said of the other services is the same as before', () => {
  const planner = servicePlanner();
  const tableOf = servicesTable();
  const services = ['a', 'b', 'c'].map((name, i) => service(name, { clusterIP: `10.96.1.${i}`, ports: [{ port: 80 }] }));
  const slices = services.map((s, i) => slice(s.metadata!.name!, { port: 80 }, { [`10.244.0.${i}`]: ready, '10.244.0.9': ready }));
  const said = (): Table => tableOf(planner(groupServices(services, slices)));
  const before = said();
  assert.deepEqual(changeTable(before, said()), []);
  slices[1] = slice('b', { port: 80 }, { '10.244.0.7': ready });
  const changes = changeTable(before, said()).map((r) => r.what);
  assert.deepEqual(changes, [
    'begin',
    'take from set frontends',
    'take from set hairpins',
    'delete the rules of test/b/80/tcp',
    'fill set frontends',
    'fill set hairpins',
    'add rule to test/b/80/tcp',
    'delete set test/b/80/tcp',
    'commit',
  ]);
  slices[1] = slice('b', { port: 80 }, { '10.244.0.7': ready });
  assert.equal(changeTable(said(), said()).length, 0, 'the same said again');
});
