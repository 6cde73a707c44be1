/**
 * What two sidecars cost: a request through the client's and the server's proxy over mTLS, as the mesh configures them, beside two Envoys
 * with the least a person would write for the same (mTLS, one route), and beside the app itself. All three on this machine's loopback,
 * asked in turns, so that the ratios hold whatever else the machine does. `without metrics` is the mesh with its access loggers taken out.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../src/api/index.ts';
import { createCa, createRoot } from '../src/ca/index.ts';
import { createTranslator, type Json } from '../src/envoy/index.ts';
import { staticConfig } from '../src/envoy/static-config.ts';
import { proxyOf, snapshotOf } from '../src/mesh/index.ts';
import { findEnvoy, freePort } from '../test/real/real-envoy.edge.ts';
import { quantile, result, round } from './support/instance.ts';

const ROUNDS = 7;
const ROUND_MS = 2000;
/** Requests of one round at the latency's rate: far below what any of the paths can do. */
const LATENCY_PER_SECOND = 300;
const HOST = 'echo.default';

const TYPE = 'type.googleapis.com/envoy.';
const HCM = `${TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const tcp = (port: number): Json => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const pem = (text: string): Json => ({ inline_string: text });

/** A server that answers at once, and does nothing else. */
const app = (port: number): Json => ({
  listeners: [
    plainListener(port, {
      virtual_hosts: [
        {
          name: 'app',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: pem('x'.repeat(1000)) } }],
        },
      ],
    }),
  ],
});

function plainListener(port: number, routes: Json, transportSocket?: Json): Json {
  const router = { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}extensions.filters.http.router.v3.Router` } };
  const manager = { '@type': HCM, stat_prefix: 'http', route_config: routes, http_filters: [router] };
  return {
    name: `l${port}`,
    address: tcp(port),
    filter_chains: [
      {
        filters: [{ name: 'http', typed_config: manager }],
        ...(transportSocket ? { transport_socket: transportSocket } : {}),
      },
    ],
  };
}

/** One proxy of the two, written by hand: whatever comes goes to `to`. */
function minimal(port: number, to: number, tls: { readonly in?: Json; readonly out?: Json }): Json {
  return {
    listeners: [
      plainListener(
        port,
        { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'to' } }] }] },
        tls.in,
      ),
    ],
    clusters: [
      {
        name: 'to',
        type: 'STATIC',
        load_assignment: { cluster_name: 'to', endpoints: [{ lb_endpoints: [{ endpoint: { address: tcp(to) } }] }] },
        ...(tls.out ? { transport_socket: tls.out } : {}),
      },
    ],
  };
}

interface Identity {
  readonly certChainPem: string;
  readonly keyPem: string;
}

function tlsContexts(identity: Identity, root: string): { readonly in: Json; readonly out: Json } {
  const common = {
    tls_certificates: [{ certificate_chain: pem(identity.certChainPem), private_key: pem(identity.keyPem) }],
    validation_context: { trusted_ca: pem(root) },
  };
  const socket = (kind: string, more: Json): Json => ({
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': `${TYPE}extensions.transport_sockets.tls.v3.${kind}`, common_tls_context: common, ...more },
  });
  return { in: socket('DownstreamTlsContext', { require_client_certificate: true }), out: socket('UpstreamTlsContext', {}) };
}

const pod = (name: string, ip: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: name, 'security.istio.io/tlsMode': 'istio' } },
  spec: { containers: [{ name: 'app' }, { name: 'istio-proxy', args: ['proxy', 'sidecar'] }] },
  status: { podIP: ip },
});

/** The mesh's own configuration of both proxies; the listeners stand on ports of their own, where pods would have redirects. */
function mesh(
  ports: { readonly client: number; readonly server: number; readonly app: number },
  identity: Identity,
  root: string,
): readonly [Json, Json] {
  const [client, server] = [pod('web', '10.244.0.9'), pod('echo', '127.0.0.1')];
  const objects = [
    client,
    server,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'echo', namespace: 'default' },
      spec: { clusterIP: '10.96.1.1', selector: { app: 'echo' }, ports: [{ name: 'http', port: 80, targetPort: ports.server }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'echo', namespace: 'default', labels: { 'kubernetes.io/service-name': 'echo' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: ports.server, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: 'default', name: 'echo' } },
      ],
    },
  ] as KubeObject[];
  const translator = createTranslator();
  translator.update(snapshotOf(objects));
  const configOf = (of: Pod, pick: (listener: Json) => boolean, port: number): Json => {
    const proxy = proxyOf(of)!;
    const config = staticConfig(proxy, translator.resources(proxy), { certificate: identity.certChainPem, key: identity.keyPem });
    const { listeners, clusters, secrets } = config['static_resources'] as Record<'listeners' | 'clusters' | 'secrets', Json[]>;
    const { bind_to_port: _unbound, ...listener } = listeners.find(pick)!;
    const trust = { name: 'ROOTCA', validation_context: { trusted_ca: pem(root) } };
    return {
      listeners: [{ ...listener, address: tcp(port) }],
      clusters: clusters.map((c) => (c['name'] === `inbound|${ports.server}||` ? leadingTo(c, ports.app) : c)),
      secrets: secrets.map((s) => (s['name'] === 'ROOTCA' ? trust : s)),
    };
  };
  return [
    configOf(client, (l) => l['name'] === '0.0.0.0_80', ports.client),
    configOf(server, (l) => l['name'] === 'virtualInbound', ports.server),
  ];
}

/** The cluster of the application behind a proxy, which in a pod is wherever the connection was meant for. */
function leadingTo({ lb_policy: _original, ...cluster }: Json, port: number): Json {
  return {
    ...cluster,
    type: 'STATIC',
    upstream_bind_config: undefined,
    load_assignment: { cluster_name: cluster['name'], endpoints: [{ lb_endpoints: [{ endpoint: { address: tcp(port) } }] }] },
  };
}

const withoutMetrics = (config: Json): Json =>
  JSON.parse(JSON.stringify(config, (key, value: unknown) => (key.startsWith('access_log') ? undefined : value))) as Json;

async function startStatic(dir: string, name: string, resources: Json): Promise<() => Promise<void>> {
  const file = join(dir, `${name}.json`);
  await writeFile(file, JSON.stringify({ static_resources: resources }), { mode: 0o600 });
  const child = spawn(findEnvoy(), ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return async () => {
    const exited = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await exited;
  };
}

/** One keep-alive connection: one request at a time. */
async function openConnection(port: number): Promise<{ ask(): Promise<void>; close(): void }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const request = `GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`;
  let waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  let text = '';
  const fail = (error: Error): void => waiting?.reject(error);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was closed')));
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0);
    if (text.length < end + 4 + length) return;
    const status = text.slice(9, 12);
    text = '';
    if (status === '200') waiting?.resolve();
    else fail(new Error(`answered ${status}`));
  });
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** Milliseconds of each request, sent at a fixed rate. */
async function latencies(port: number, ms: number): Promise<number[]> {
  const connection = await openConnection(port);
  const times: number[] = [];
  const started = performance.now();
  for (let i = 0; performance.now() - started < ms; i++) {
    const due = started + (i * 1000) / LATENCY_PER_SECOND;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const asked = performance.now();
    await connection.ask();
    times.push(performance.now() - asked);
  }
  connection.close();
  return times;
}

/** Requests a second of 16 connections that ask again as soon as they are answered. */
async function throughput(port: number, ms: number): Promise<number> {
  const connections = await Promise.all(Array.from({ length: 16 }, () => openConnection(port)));
  const started = performance.now();
  let count = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() - started < ms) {
        await connection.ask();
        count++;
      }
      connection.close();
    }),
  );
  return (count * 1000) / (performance.now() - started);
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const connection = await openConnection(port);
      await connection.ask();
      connection.close();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const dir = await mkdtemp(join(tmpdir(), 'data-plane-'));
const root = await createRoot('cluster.local', Date.now());
const ca = await createCa({ root, trustDomain: 'cluster.local', now: Date.now() });
const identity = await ca.issue({ namespace: 'default', serviceAccount: 'default' }, Date.now());
const tls = tlsContexts(identity, ca.rootCertPem);
const [direct, handClient, handServer, meshClient, meshServer, quietClient, quietServer] = (await Promise.all(
  Array.from({ length: 7 }, freePort),
)) as [number, number, number, number, number, number, number];
const meshed = mesh({ client: meshClient, server: meshServer, app: direct }, identity, ca.rootCertPem);
const quiet = mesh({ client: quietClient, server: quietServer, app: direct }, identity, ca.rootCertPem).map(withoutMetrics);
const stops = await Promise.all(
  Object.entries({
    app: app(direct),
    'hand-client': minimal(handClient, handServer, { out: tls.out }),
    'hand-server': minimal(handServer, direct, { in: tls.in }),
    'mesh-client': meshed[0],
    'mesh-server': meshed[1],
    'quiet-client': quiet[0]!,
    'quiet-server': quiet[1]!,
  }).map(([name, resources]) => startStatic(dir, name, resources)),
);
try {
  const paths = { direct, 'two minimal Envoys': handClient, 'two sidecars without metrics': quietClient, 'two sidecars': meshClient };
  const times = new Map<string, number[]>();
  const rates = new Map<string, number[]>();
  for (const port of Object.values(paths)) {
    await answers(port);
    await throughput(port, 500);
  }
  for (let i = 0; i < ROUNDS; i++) {
    for (const [name, port] of Object.entries(paths)) {
      times.set(name, [...(times.get(name) ?? []), ...(await latencies(port, ROUND_MS))]);
      rates.set(name, [...(rates.get(name) ?? []), await throughput(port, ROUND_MS)]);
    }
  }
  const figures = (name: string): { p50: number; p99: number; perSecond: number } => ({
    p50: quantile(times.get(name)!, 0.5),
    p99: quantile(times.get(name)!, 0.99),
    perSecond: quantile(rates.get(name)!, 0.5),
  });
  const peer = figures('two minimal Envoys');
  for (const name of Object.keys(paths)) {
    const { p50, p99, perSecond } = figures(name);
    result('data-plane', {
      path: name,
      ms: { p50: round(p50, 3), p99: round(p99, 3) },
      perSecond: round(perSecond, 0),
      overMinimal: { p50: round(p50 / peer.p50, 2), p99: round(p99 / peer.p99, 2), perSecond: round(perSecond / peer.perSecond, 2) },
      ...(name === 'two sidecars' ? { budget: { p50: 1.3, p99: 1.4 } } : {}),
      ...(name === 'two sidecars without metrics' ? { budget: { p50: 1.1, p99: 1.1 } } : {}),
    });
  }
} finally {
  await Promise.all(stops.map((stop) => stop()));
  await rm(dir, { recursive: true, force: true });
}
