import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { jsonLog } from '../../base/index.ts';
import { decode, encode, TypeUrl, type Json } from '../../envoy/index.ts';
import { selfSigned } from '../../../test/support/certificate.ts';
import { askIstiod, bytesOf, fieldsOf, text } from '../../../test/support/istiod-xds.ts';
import { serveIstiodXds } from './istiod-xds.edge.ts';
import { decodeAsked, tell, type Told } from './istiod-xds.ts';
import { istiod } from './istiod.fixture.ts';

const REQUEST = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryRequest';

/** Type -> status of a `ClientConfig`, by their numbers in `ConfigStatus`. */
function statuses({ value }: Told): Record<string, unknown> {
  return Object.fromEntries(
    bytesOf(value, 3).map((generic) => [text(bytesOf(generic, 1)[0]).split('.').at(-1), fieldsOf(generic).find(([f]) => f === 6)?.[1]]),
  );
}

test('syncz: a ClientConfig for each connected proxy, with the state of each type', () => {
  const told = tell(istiod(), { typeUrl: 'istio.io/debug/syncz', names: [] }) as Told[];
  assert.deepEqual(
    told.map((t) => t.typeUrl),
    ['type.googleapis.com/envoy.service.status.v3.ClientConfig'],
  );
  assert.deepEqual(statuses(told[0]!), { Cluster: 1, Listener: 1, ClusterLoadAssignment: 1, RouteConfiguration: 1 });
  const node = bytesOf(told[0]!.value, 1)[0]!;
  assert.equal(text(bytesOf(node, 1)[0]), 'web.default');
  const metadata = decode('type.googleapis.com/google.protobuf.Struct', bytesOf(node, 3)[0]!);
  assert.deepEqual([metadata['NAMESPACE'], metadata['CLUSTER_ID']], ['default', 'Kubernetes']);
  const sync = {
    cluster: 'stale',
    endpoint: 'notSent',
    listener: 'synced',
    route: 'stale',
    virtualHost: 'stale',
    secret: 'stale',
  } as const;
  const rejections = [{ typeUrl: TypeUrl.route, name: '80', version: '1', message: 'no' }];
  const [stale] = tell(istiod({ sync, rejections }), { typeUrl: 'istio.io/debug/syncz', names: [] }) as Told[];
  assert.deepEqual(statuses(stale!), { Cluster: 3, Listener: 1, ClusterLoadAssignment: 2, RouteConfiguration: 4 });
  assert.deepEqual(tell(istiod({ connected: false }), { typeUrl: 'istio.io/debug/syncz', names: [] }), []);
});

test('config_dump: what a proxy is to hold, in the messages of its own dump', () => {
  const told = tell(istiod(), { typeUrl: 'istio.io/debug/config_dump', names: ['web.default'] }) as Told[];
  assert.deepEqual(
    told.map((t) => t.typeUrl.split('.').at(-1)),
    ['ClustersConfigDump', 'EndpointsConfigDump', 'ListenersConfigDump', 'RoutesConfigDump'],
  );
  const { dynamic_active_clusters: clusters } = decode(told[0]!.typeUrl, told[0]!.value) as {
    dynamic_active_clusters: { cluster: Json }[];
  };
  assert.ok(clusters.some(({ cluster }) => cluster['name'] === 'outbound|80||web.default.svc.cluster.local'));
  assert.equal(tell(istiod(), { typeUrl: 'istio.io/debug/config_dump', names: ['nobody.x'] }), 'there is no proxy nobody.x');
});

test('any page of istiod; what is not there is said', () => {
  const [page] = tell(istiod(), { typeUrl: 'istio.io/debug', names: ['syncz'] }) as Told[];
  assert.equal((JSON.parse(text(page!.value)) as { proxy: string }[])[0]?.proxy, 'web.default');
  assert.match(tell(istiod(), { typeUrl: 'istio.io/debug', names: ['nosuch'] }) as string, /no debug\/nosuch; ask for "list"/);
  assert.match(tell(istiod(), { typeUrl: TypeUrl.cluster, names: [] }) as string, /proxies of this mesh come by a socket/);
  assert.deepEqual(decodeAsked(encode(REQUEST, { type_url: 'a', resource_names: ['b'], node: { id: 'x' } })), {
    typeUrl: 'a',
    names: ['b'],
  });
});

test('only an account of the root namespace is answered', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'istiod-'));
  const socketPath = join(dir, 'xds.sock');
  const tls = await selfSigned('istiod');
  const end = await serveIstiodXds({
    socketPath,
    istiod: istiod(),
    tls,
    namespaceOf: async (token) => ({ root: 'istio-system', other: 'default' })[token],
    rootNamespace: 'istio-system',
    log: jsonLog(() => {}, Date.now, 'error'),
  });
  t.after(async () => {
    await end();
    rmSync(dir, { recursive: true });
  });
  const ask = async (token: string, typeUrl: string): Promise<string> => {
    const answer = await askIstiod(`unix:${socketPath}`, token, typeUrl);
    return typeof answer === 'string' ? answer : answer.typeUrl;
  };
  assert.equal(await ask('root', 'istio.io/debug/syncz'), 'istio.io/debug/syncz');
  assert.match(await ask('', 'istio.io/debug/syncz'), /^16 authentication required/);
  assert.match(await ask('forged', 'istio.io/debug/syncz'), /^16 authentication required/);
  assert.match(await ask('other', 'istio.io/debug/syncz'), /^7 only accounts in istio-system/);
  assert.match(await ask('root', 'nothing'), /^5 there is no nothing/);
});
