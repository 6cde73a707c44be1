/**
 * A route's weight is written: how long until the last of N simulated proxies (a gRPC stream each, in another process) has
 * acknowledged it, in meshes of 10 to 5,000 services of which each proxy uses 20?
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Client, credentials } from '@grpc/grpc-js';
import type { KubeObject, VirtualService } from '../src/api/index.ts';
import { jsonLog, systemClock } from '../src/base/index.ts';
import { createCa, createRoot } from '../src/ca/index.ts';
import { createTranslator, TypeUrl, type ProxyResources } from '../src/envoy/index.ts';
import { snapshotOf, type Proxy } from '../src/mesh/index.ts';
import { startXds, type Xds } from '../src/xds/index.ts';
import { quantile, result, round } from './support/instance.ts';

/** What the simulated proxies ask for by name. */
interface Names {
  readonly socketPath: string;
  readonly ids: readonly string[];
  readonly endpoints: readonly string[];
  readonly routes: readonly string[];
  readonly asked: readonly string[];
}

function services(count: number): KubeObject[] {
  const objects = Array.from({ length: count }, (_, i) => {
    const metadata = { name: `svc-${i}`, namespace: 'default' };
    return [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        endpoints: [1, 2].map((n) => ({ addresses: [`10.244.${(2 * i + n) >> 8}.${(2 * i + n) & 255}`], conditions: { ready: true } })),
      },
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata,
        spec: { host: metadata.name, subsets: ['v1', 'v2'].map((name) => ({ name, labels: { version: name } })) },
      },
    ];
  });
  return objects.flat();
}

function weights(v1: number): VirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'svc-0', namespace: 'default' },
    spec: {
      hosts: ['svc-0'],
      http: [
        {
          route: [
            { destination: { host: 'svc-0', subset: 'v1' }, weight: v1 },
            { destination: { host: 'svc-0', subset: 'v2' }, weight: 100 - v1 },
          ],
        },
      ],
    },
  };
}

function proxies(count: number): Proxy[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `client-${i}.default`,
    kind: 'sidecar',
    namespace: 'default',
    pod: `client-${i}`,
    ip: `10.244.255.${i}`,
    labels: { app: `client-${i % 10}` },
    serviceAccount: 'default',
    workload: `client-${i % 10}`,
  }));
}

/** The hosts that each proxy calls. */
const USED = 20;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when every proxy took its newest publication. */
function allAcked(xds: Xds, ids: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const missing = new Set(ids);
    const check = (id: string): void => {
      const { connected, acked, published } = xds.state(id);
      if (connected && acked === published && missing.delete(id) && missing.size === 0) {
        off();
        resolve();
      }
    };
    const off = xds.onAck(check);
    ids.forEach(check);
  });
}

async function measure(count: number, size: number, changes: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'route-change-'));
  const socketPath = join(dir, 'xds.sock');
  const translator = createTranslator();
  const all = proxies(count);
  const ids = all.map((p) => p.id);
  const snapshot = snapshotOf([...services(size), weights(50)]);
  translator.update(snapshot);
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const identity = await ca.issue({ namespace: 'default', serviceAccount: 'default' }, Date.now());
  const xds = await startXds({
    socketPath,
    clock: systemClock,
    log: jsonLog((line) => process.stderr.write(line), Date.now, 'warn'),
    resolve: (n) => ({ proxyId: n.id }),
    secrets: async (_id, name) => (name === 'ROOTCA' ? { kind: 'trust', caPem: ca.rootCertPem } : { kind: 'identity', ...identity }),
  });
  const byId = new Map(all.map((p) => [p.id, p]));
  const publish = (): void => {
    for (const p of all) xds.publish(p.id, translator.resources(p, xds.asked(p.id)));
  };
  xds.onAsk((id, set) => xds.publish(id, translator.resources(byId.get(id)!, set), 'now'));
  publish();
  const asked = new Set(Array.from({ length: Math.min(USED, size) }, (_, i) => `80/svc-${i}`));
  const { endpoints, routes } = translator.resources(all[0]!, asked);
  const names: Names = { socketPath, ids, endpoints: [...endpoints.keys()], routes: [...routes.keys()], asked: [...asked] };
  const connecting = performance.now();
  const stop = await startClients(names);
  await allAcked(xds, ids);
  while (translator.resources(all[0]!).virtualHosts.size > 0 && ids.some((id) => xds.asked(id).size < asked.size)) await pause(5);
  await allAcked(xds, ids);
  const connectMs = performance.now() - connecting;
  const before = translator.resources(all[0]!, xds.asked(ids[0]!));
  const last: number[] = [];
  const translate: number[] = [];
  let bytesPerProxy = 0;
  const cpu = process.cpuUsage();
  for (let i = 0; i < changes; i++) {
    // Past the window of coalescing: each change is on its own.
    await pause(60);
    const started = performance.now();
    translator.update({ ...snapshot, virtualServices: new Map([['default/svc-0', weights(i % 2 ? 50 : 51)]]) });
    publish();
    translate.push(performance.now() - started);
    if (i === 0) bytesPerProxy = changedBytes(before, translator.resources(all[0]!, xds.asked(ids[0]!)));
    await allAcked(xds, ids);
    last.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(cpu);
  result('route-change', {
    proxies: count,
    services: size,
    changes,
    p50: round(quantile(last, 0.5)),
    p99: round(quantile(last, 0.99)),
    translateP50: round(quantile(translate, 0.5)),
    cpuMs: round((user + system) / 1000 / changes),
    bytesPerProxy,
    connectMs: round(connectMs, 0),
  });
  await stop();
  await xds.close();
  await rm(dir, { recursive: true, force: true });
}

function changedBytes(before: ProxyResources, now: ProxyResources): number {
  return (Object.keys(now) as (keyof ProxyResources)[]).reduce(
    (sum, kind) => [...now[kind]].reduce((n, [name, r]) => (before[kind].get(name) === r ? n : n + r.bytes.length), sum),
    0,
  );
}

async function startClients(names: Names): Promise<() => Promise<void>> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['clients']);
  child.send(names);
  return async () => {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  };
}

/** The other process: proxies that ask in Envoy's order and acknowledge whatever comes. */
function runClients({ socketPath, ids, endpoints, routes, asked }: Names): void {
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  for (const id of ids) {
    const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc-node.flow_control_window': 16 * 1024 * 1024,
    });
    const stream = client.makeBidiStreamRequest(path, (b: Buffer) => b, readResponse);
    const next: Record<string, () => void> = {
      [TypeUrl.cluster]: () => stream.write(request(TypeUrl.endpoint, endpoints)),
      [TypeUrl.endpoint]: () => stream.write(request(TypeUrl.listener, [])),
      [TypeUrl.listener]: () => stream.write(request(TypeUrl.route, routes)),
      // Where the tables are whole this is never answered.
      [TypeUrl.route]: () => stream.write(request(TypeUrl.virtualHost, ['*', ...asked])),
    };
    stream.on('data', ({ typeUrl, nonce }: { typeUrl: string; nonce: string }) => {
      stream.write(request(typeUrl, [], nonce));
      next[typeUrl]?.();
      delete next[typeUrl];
    });
    stream.on('error', () => undefined);
    stream.write(request(TypeUrl.cluster, [], '', id));
  }
}

function request(typeUrl: string, subscribe: readonly string[], nonce = '', node?: string): Buffer {
  const w = new BinaryWriter();
  if (node !== undefined) w.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(node).join();
  w.tag(2, WireType.LengthDelimited).string(typeUrl);
  for (const name of subscribe) w.tag(3, WireType.LengthDelimited).string(name);
  w.tag(6, WireType.LengthDelimited).string(nonce);
  return Buffer.from(w.finish());
}

function readResponse(bytes: Buffer): { typeUrl: string; nonce: string } {
  const r = new BinaryReader(bytes);
  const out = { typeUrl: '', nonce: '' };
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    if (field === 4) out.typeUrl = r.string();
    else if (field === 5) out.nonce = r.string();
    else r.skip(type);
  }
  return out;
}

if (process.argv[2] === 'clients') process.once('message', (names) => runClients(names as Names));
else {
  for (const size of [10, 100, 1000, 5000]) for (const count of [1, 50, 500]) await measure(count, size, 40);
}
