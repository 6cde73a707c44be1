import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type Answer, type RecordType } from 'dns-packet';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Ingress } from 'kubernetes-types/networking/v1.js';
import { INGRESS_GATEWAY, ingressHosts } from './ingress-hosts.ts';
import { reply } from './reply.ts';
import { resolve } from './resolver.ts';
import { resolvConf } from './resolv-conf.ts';
import { groupServices } from '../net/service-groups.ts';
import { zoneBuilder, type Zone } from './zone.ts';

const service = (name: string, spec: ServiceSpec): Service => ({ metadata: { name, namespace: 'test' }, spec });
const slice = (name: string, endpoints: EndpointSlice['endpoints']): EndpointSlice => ({
  metadata: { name: `${name}-1`, namespace: 'test', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints,
});

const zoneOf = (...objects: Parameters<typeof groupServices>): Zone => zoneBuilder()(groupServices(...objects));

const zone = zoneOf(
  [
    service('web', { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80 }] }),
    service('db', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }),
    service('alias', { type: 'ExternalName', externalName: 'web.test.svc.cluster.local.' }),
    service('out', { type: 'ExternalName', externalName: 'Example.com' }),
    service('circle', { type: 'ExternalName', externalName: 'circle.test.svc.cluster.local' }),
  ],
  [
    slice('web', [{ addresses: ['10.244.0.2'] }]),
    slice('db', [
      { addresses: ['10.244.0.3'], hostname: 'db-0' },
      { addresses: ['10.244.0.4'] },
      { addresses: ['10.244.0.5'], conditions: { ready: false } },
    ]),
  ],
);

/** Answers as `type data`, or what became of the question. */
function ask(name: string, type: RecordType): string[] {
  const found = resolve(zone, { name, type });
  if (found.kind !== 'answer') return [found.kind];
  return found.answers.map(show);
}

function show(a: Answer): string {
  if (a.type === 'SRV') return `SRV ${a.data.port} ${a.data.target}`;
  return `${a.type} ${String((a as { data: unknown }).data)}`;
}

const table: [string, RecordType, string[]][] = [
  ['web.test.svc.cluster.local', 'A', ['A 10.96.1.1']],
  ['WEB.test.svc.cluster.local.', 'A', ['A 10.96.1.1']],
  ['web.test.svc.cluster.local', 'AAAA', []],
  ['web.test.svc.cluster.local', 'SRV', ['SRV 80 web.test.svc.cluster.local']],
  ['_http._tcp.web.test.svc.cluster.local', 'SRV', ['SRV 80 web.test.svc.cluster.local']],
  ['_http._udp.web.test.svc.cluster.local', 'SRV', ['noSuchName']],
  ['10-244-0-2.web.test.svc.cluster.local', 'A', ['A 10.244.0.2']],
  ['db.test.svc.cluster.local', 'A', ['A 10.244.0.3', 'A 10.244.0.4']],
  ['db-0.db.test.svc.cluster.local', 'A', ['A 10.244.0.3']],
  [
    '_http._tcp.db.test.svc.cluster.local',
    'SRV',
    ['SRV 8080 db-0.db.test.svc.cluster.local', 'SRV 8080 10-244-0-4.db.test.svc.cluster.local'],
  ],
  ['alias.test.svc.cluster.local', 'A', ['CNAME web.test.svc.cluster.local', 'A 10.96.1.1']],
  ['alias.test.svc.cluster.local', 'CNAME', ['CNAME web.test.svc.cluster.local']],
  ['out.test.svc.cluster.local', 'A', ['elsewhere']],
  ['nope.test.svc.cluster.local', 'A', ['noSuchName']],
  ['web.other.svc.cluster.local', 'A', ['noSuchName']],
  ['web.test.svc.cluster.local.test.svc.cluster.local', 'A', ['noSuchName']],
  ['test.svc.cluster.local', 'A', []],
  ['cluster.local', 'A', []],
  ['10-1-2-3.test.pod.cluster.local', 'A', ['A 10.1.2.3']],
  ['1.1.96.10.in-addr.arpa', 'PTR', ['PTR web.test.svc.cluster.local']],
  ['3.0.244.10.in-addr.arpa', 'PTR', ['PTR db-0.db.test.svc.cluster.local']],
  ['9.9.244.10.in-addr.arpa', 'PTR', ['noSuchName']],
  ['1.1.1.1.in-addr.arpa', 'PTR', ['elsewhere']],
  ['example.com', 'A', ['elsewhere']],
];

for (const [name, type, expected] of table) {
  test(`${type} ${name}`, () => assert.deepEqual(ask(name, type), expected));
}

test('hosts of an Ingress that is served lead to the gateway, and take no name of the cluster', () => {
  const ingress = (hosts: string[], address?: string): Ingress => ({
    spec: { rules: hosts.map((host) => ({ host })) },
    ...(address ? { status: { loadBalancer: { ingress: [{ ip: address }] } } } : {}),
  });
  const served = ingress(['App.example.com', '*.example.com', 'short', 'web.test.svc.cluster.local'], '127.0.0.1');
  const hosts = ingressHosts([served, { spec: {} }, ingress(['waits.example.com'])]);
  assert.deepEqual([...hosts], ['app.example.com']);
  const gateway = {
    metadata: { name: 'istio-ingressgateway', namespace: 'istio-system' },
    spec: { clusterIP: '10.96.1.9', ports: [{ port: 80 }] },
  };
  const aliased = zoneBuilder()(groupServices([gateway], []), [['app.example.com', INGRESS_GATEWAY]]);
  const found = resolve(aliased, { name: 'app.example.com', type: 'A' });
  assert.ok(found.kind === 'answer');
  assert.deepEqual(found.answers.map(show), [`CNAME ${INGRESS_GATEWAY}`, 'A 10.96.1.9']);
});

test('an alias of itself ends', () => {
  assert.equal(
    ask('circle.test.svc.cluster.local', 'A').every((a) => a === 'CNAME circle.test.svc.cluster.local'),
    true,
  );
});

const query = (name: string, type: RecordType = 'A', additionals: Answer[] = []): Uint8Array =>
  encode({ type: 'query', id: 7, flags: 0x100, questions: [{ name, type }], additionals });
const rcode = (bytes: Uint8Array | undefined): number => (decode(Buffer.from(bytes!)).flags ?? 0) & 15;

test('replies carry the id, the question and the right code', async () => {
  const options = { overUdp: true, turn: 0 };
  const ok = decode(Buffer.from((await reply(zone, query('web.test.svc.cluster.local'), options))!));
  assert.equal(ok.id, 7);
  assert.equal(ok.flag_aa, true);
  assert.deepEqual(ok.answers!.map(show), ['A 10.96.1.1']);
  assert.equal(rcode(await reply(zone, query('nope.test.svc.cluster.local'), options)), 3);
  assert.equal(rcode(await reply(zone, query('example.com'), options)), 2, 'nobody to ask');
  assert.equal(await reply(zone, Uint8Array.of(1, 2, 3), options), undefined);
  assert.equal(await reply(zone, encode({ type: 'response', id: 1, questions: [] }), options), undefined, 'replies are not answered');
});

test('lists turn with every query', async () => {
  const first = async (turn: number): Promise<string> => {
    const bytes = await reply(zone, query('db.test.svc.cluster.local'), { overUdp: true, turn });
    return show(decode(Buffer.from(bytes!)).answers![0]!);
  };
  assert.notEqual(await first(0), await first(1));
  assert.equal(await first(0), await first(2));
});

test('what is asked elsewhere follows its aliases', async () => {
  const asked: string[] = [];
  const forward = async (message: Uint8Array): Promise<Uint8Array> => {
    const [q] = decode(Buffer.from(message)).questions!;
    asked.push(q!.name);
    return encode({ type: 'response', questions: [q!], answers: [{ type: 'A', name: q!.name, data: '192.0.2.1', ttl: 60 }] });
  };
  const bytes = await reply(zone, query('out.test.svc.cluster.local'), { overUdp: true, turn: 0, forward });
  assert.deepEqual(decode(Buffer.from(bytes!)).answers!.map(show), ['CNAME example.com', 'A 192.0.2.1']);
  assert.deepEqual(asked, ['example.com']);
});

test('a reply too long for the datagram says so, and is whole over TCP', async () => {
  const many = zoneOf(
    [service('big', { clusterIP: 'None' })],
    [
      slice(
        'big',
        Array.from({ length: 20 }, (_, i) => ({ addresses: [`10.244.1.${i}`] })),
      ),
    ],
  );
  const udp = decode(Buffer.from((await reply(many, query('big.test.svc.cluster.local'), { overUdp: true, turn: 0 }))!));
  assert.equal(udp.flag_tc, true);
  assert.deepEqual(udp.answers, []);
  const tcp = decode(Buffer.from((await reply(many, query('big.test.svc.cluster.local'), { overUdp: false, turn: 0 }))!));
  assert.equal(tcp.answers!.length, 20);
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as unknown as Answer;
  const edns = decode(Buffer.from((await reply(many, query('big.test.svc.cluster.local', 'A', [opt]), { overUdp: true, turn: 0 }))!));
  assert.equal(edns.flag_tc, false, 'EDNS makes room');
  assert.equal(edns.answers!.length, 20);
});

test('resolv.conf by policy', () => {
  const search = 'search test.svc.cluster.local svc.cluster.local cluster.local\n';
  assert.equal(resolvConf({ namespace: 'test' }, '10.96.0.10'), `nameserver 10.96.0.10\n${search}options ndots:5\n`);
  assert.equal(resolvConf({ namespace: 'test', dnsPolicy: 'Default' }, '10.96.0.10'), 'nameserver 10.96.0.10\n');
  const dnsConfig = { nameservers: ['192.0.2.53'], searches: ['corp'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] };
  assert.equal(
    resolvConf({ namespace: 'test', dnsPolicy: 'None', dnsConfig }, '10.96.0.10'),
    'nameserver 192.0.2.53\nsearch corp\noptions ndots:2 edns0\n',
  );
});
