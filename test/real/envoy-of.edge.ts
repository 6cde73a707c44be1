/** A real Envoy that runs, on loopback and without a control plane, what objects mean for one proxy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../../src/api/index.ts';
import { parseYaml } from '../../src/base/index.ts';
import { createTranslator, TypeUrl, type EnvoyResource, type Json, type ProxyResources } from '../../src/envoy/index.ts';
import { decode } from '../../src/envoy/encode.ts';
import { staticConfig } from '../../src/envoy/static-config.ts';
import { defaultMeshConfig, problemText, proxyOf, snapshotOf, type KeySet, type MeshConfig } from '../../src/mesh/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { addressOf } from './mesh-objects.ts';
import { findEnvoy, freePort, get, resourceOf } from './real-envoy.edge.ts';

/** What is asked for in tests, and what is answered. */
export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}
export interface Answered {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Secrets {
  readonly certificate: string;
  readonly key: string;
  /** What peers are checked against. */
  readonly root: string;
  /** Secrets that users name, which are otherwise the same. */
  readonly users?: Readonly<
    Record<string, { readonly certificate: string; readonly key: string; readonly trusted: string; readonly revoked?: string }>
  >;
}

export interface EnvoyOf {
  /** The port of the machine that stands for one of the proxy. */
  port(of: number): number;
  /** GET of Envoy's own administration. */
  admin(path: string): Promise<string>;
  /** What is wrong with the objects, a line each. */
  readonly problems: readonly string[];
}

interface Options {
  readonly objects: readonly KubeObject[];
  /** `namespace/name` of the pod whose proxy it is. */
  readonly pod: string;
  readonly mesh?: Partial<MeshConfig>;
  /** What came of fetching keys, by URL. */
  readonly keys?: Readonly<Record<string, KeySet>>;
  readonly secrets?: Secrets;
  /** Where clusters lead instead, by name: ports of the machine. */
  readonly clusters?: Readonly<Record<string, number>>;
  /** Of the listeners only the one of what comes in, at these ports; it is entered without the redirect before it. */
  readonly inbound?: readonly number[];
}

export async function envoyOf(t: TestContext, options: Options): Promise<EnvoyOf> {
  const { objects, pod: key, mesh, clusters = {}, inbound } = options;
  const translator = createTranslator();
  const keySets = new Map(Object.entries(options.keys ?? {}));
  const problems = translator.update({ ...snapshotOf(objects, { ...defaultMeshConfig, ...mesh }), keySets }).map(problemText);
  const proxy = proxyOf(objects.find((o) => o.kind === 'Pod' && `${o.metadata?.namespace}/${o.metadata?.name}` === key) as Pod);
  assert.ok(proxy, `no proxy in pod ${key}`);
  const own = await selfSigned('test');
  const secrets = options.secrets ?? { certificate: own.cert, key: own.key, root: own.cert };
  const config = staticConfig(proxy, translator.resources(proxy), secrets) as Config;
  problems.push(...translator.patchProblems().map(problemText));

  const dir = mkdtempSync(join(tmpdir(), 'envoy-of-'));
  const admin = join(dir, 'admin.sock');
  const resources = config.static_resources;
  const ports = new Map<number, number>();
  const listeners: Listener[] = [];
  const open = (l: Listener, of: number, at: number): unknown =>
    ports.set(of, at) && listeners.push({ ...listenAt(l, at), name: `${l.name} ${of}` });
  for (const l of resources.listeners) {
    if (inbound && l.name === 'virtualInbound') for (const port of inbound) open(l, port, port);
    else if (!inbound && l.name.startsWith('0.0.0.0_')) open(l, l.address.socket_address!.port_value, await freePort());
    // Who names a place of its own listens there, but for the number of the port.
    else if (!inbound && l.name.startsWith('127.')) {
      const { address, port_value: of } = l.address.socket_address!;
      ports.set(of, await freePort());
      listeners.push({ ...l, address: { socket_address: { address, port_value: ports.get(of)! } } });
    } else if (!inbound && l.name.startsWith('unix:')) listeners.push(l);
  }
  const trust = (pem: string, revoked?: string): Json => ({
    validation_context: { trusted_ca: { inline_string: pem }, ...(revoked ? { crl: { inline_string: revoked } } : {}) },
  });
  const secretOf = (s: Json): Json => {
    const name = s['name'] as string;
    const [, own = ''] = /^kubernetes(?:-gateway)?:\/\/(?:[^/]+\/)?(.*?)(?:-cacert)?$/.exec(name) ?? [];
    const user = secrets.users?.[own];
    if ('validation_context' in s) return { name, ...trust(user?.trusted ?? secrets.root, user?.revoked) };
    return user
      ? { name, tls_certificate: { certificate_chain: { inline_string: user.certificate }, private_key: { inline_string: user.key } } }
      : s;
  };
  const changed = {
    ...config,
    admin: { address: { pipe: { path: admin } } },
    static_resources: {
      listeners,
      clusters: resources.clusters.map((c) => (clusters[c.name] ? leadTo(c, clusters[c.name]!) : c)),
      secrets: resources.secrets.map(secretOf),
    },
  };
  const path = join(dir, 'envoy.json');
  writeFileSync(path, JSON.stringify(changed));
  const args = ['--disable-hot-restart', '--concurrency', '1', '-l', 'warning', '--log-path', join(dir, 'log'), '-c', path];
  args.push('--file-flush-interval-msec', '50');
  const child = spawn(findEnvoy(), args, { stdio: 'ignore' });
  t.after(async () => {
    const exited = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await exited;
    rmSync(dir, { recursive: true, force: true });
  });
  for (let i = 0; ; i++) {
    if ((await get({ socketPath: admin, path: '/ready' }).catch(() => undefined))?.status === 200) break;
    if (child.exitCode !== null || i === 500) assert.fail(`Envoy does not get ready: ${readFileSync(join(dir, 'log'), 'utf8')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    problems,
    admin: async (path) => (await get({ socketPath: admin, path })).body,
    port: (of) => ports.get(of) ?? assert.fail(`nobody listens for ${of}`),
  };
}

interface Listener extends Json {
  readonly name: string;
  readonly address: { socket_address?: { address: string; port_value: number } };
  readonly listener_filters?: readonly { name: string }[];
}
type Config = Json & {
  static_resources: { listeners: readonly Listener[]; clusters: readonly (Json & { name: string })[]; secrets: readonly Json[] };
};

/** The listener on loopback, entered without the redirect before it. */
function listenAt({ use_original_dst: _redirected, bind_to_port: _bound, ...l }: Listener, port: number): Listener {
  const filters = l.listener_filters?.filter((f) => f.name !== 'envoy.filters.listener.original_dst');
  return {
    ...(l as Listener),
    ...(filters ? { listener_filters: filters } : {}),
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    // A second one, so that what goes by the address that is asked for can be told apart.
    additional_addresses: [{ address: { socket_address: { address: '127.0.0.2', port_value: port } } }],
  };
}

/** What a proxy is to hold, with these listeners alone, at ports of the machine, and these clusters led to others. */
export function atLoopback(
  resources: ProxyResources,
  at: { readonly listeners: Readonly<Record<string, number>>; readonly clusters?: Readonly<Record<string, number>> },
): ProxyResources {
  const changed = (typeUrl: TypeUrl, name: string, change: (json: Json) => Json, all: ReadonlyMap<string, EnvoyResource>): EnvoyResource =>
    resourceOf(
      typeUrl,
      name,
      change(decode(typeUrl, all.get(name)?.bytes ?? assert.fail(`${name} is not among ${[...all.keys()].join()}`))),
    );
  const listeners = Object.entries(at.listeners).map(([name, port]) =>
    changed(TypeUrl.listener, name, (l) => listenAt(l as Listener, port), resources.listeners),
  );
  const clusters = Object.entries(at.clusters ?? {}).map(([name, port]) =>
    changed(TypeUrl.cluster, name, (c) => leadTo(c, port), resources.clusters),
  );
  return {
    ...resources,
    listeners: new Map(listeners.map((r) => [r.name, r])),
    clusters: new Map([...resources.clusters, ...clusters.map((r) => [r.name, r] as const)]),
  };
}

function leadTo({ name, connect_timeout, circuit_breakers, typed_extension_protocol_options: options }: Json, port: number): Json {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
  const limits = circuit_breakers ? { circuit_breakers } : {};
  return {
    name,
    type: 'STATIC',
    connect_timeout,
    load_assignment,
    ...limits,
    ...(options ? { typed_extension_protocol_options: options } : {}),
  };
}

/** The ingress gateway's pod and Service as the golden cases have them. */
export function gatewayObjects(): KubeObject[] {
  const path = new URL('../../src/envoy/golden/base/gateway.yaml', import.meta.url);
  return parseYaml(readFileSync(path, 'utf8'), 'gateway.yaml') as KubeObject[];
}

/** A Service of one port, of which the one endpoint is a port of the machine. */
export function serviceAt(
  name: string,
  port: number,
  more: { number?: number; appProtocol?: string; namespace?: string } = {},
): KubeObject[] {
  const { number = 80, appProtocol, namespace = 'default' } = more;
  const metadata = { name, namespace, creationTimestamp: '2026-01-01T00:00:00Z' };
  const objects: object[] = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: addressOf(name), ports: [{ name: 'http', port: number, ...(appProtocol ? { appProtocol } : {}) }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    },
  ];
  return objects;
}

export function objectsOf(yaml: string): KubeObject[] {
  return parseYaml(yaml, 'test') as KubeObject[];
}

/** A server on loopback for as long as the test runs. */
export async function serve(t: TestContext, server: Server | RequestListener): Promise<number> {
  const s = typeof server === 'function' ? createServer(server) : server;
  s.listen(0, '127.0.0.1');
  await once(s, 'listening');
  t.after(() => {
    s.closeAllConnections();
    s.close();
  });
  return (s.address() as AddressInfo).port;
}

/** Says what it was asked, as JSON, with a name of its own. */
export const echo =
  (name: string): RequestListener =>
  (req, res) => {
    void text(req).then((body) => res.end(JSON.stringify({ name, method: req.method, url: req.url, headers: req.headers, body })));
  };

export function ask(port: number, host: string, { path = '/', method = 'GET', headers = {}, body }: Ask = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: { host, ...headers }, agent: false, timeout: 10_000 };
    const req = httpRequest(options, (res) => {
      text(res).then((said) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: said }), reject);
    });
    req.on('timeout', () => req.destroy(new Error(`no answer of ${host}${path} within 10 s`)));
    req.on('error', reject);
    req.end(body);
  });
}
