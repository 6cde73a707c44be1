import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { sha256Hex } from '../../src/base/index.ts';
import { encode, type EnvoyResource, type Json, type TypeUrl } from '../../src/envoy/index.ts';

/** A resource written as protobuf JSON. */
export function resourceOf(typeUrl: TypeUrl, name: string, json: object): EnvoyResource {
  const bytes = encode(typeUrl, json as Json);
  return { typeUrl, name, version: sha256Hex(bytes, 16), bytes };
}

/** The Envoy to test with: `SLUICE_ENVOY`, else the first on the PATH. Throws when there is none: a test that is skipped proves nothing. */
export function findEnvoy(): string {
  const named = process.env['SLUICE_ENVOY'];
  const candidates = named ? [named] : (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'envoy'));
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw new Error('no Envoy found: set SLUICE_ENVOY to its path, or put it on the PATH');
}

export interface RealEnvoy {
  readonly adminSocket: string;
  /** GET on the admin socket. */
  admin(path: string): Promise<string>;
  stop(): Promise<void>;
}

/** A way into the network of an Envoy from outside: what comes by the socket goes to the port. */
export interface Door {
  readonly socket: string;
  readonly port: number;
}

const assignment = (cluster_name: string, address: object): object => ({
  cluster_name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
});

function doorTo({ socket, port }: Door): { listener: object; cluster: object } {
  const proxy = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: 'door',
    cluster: 'door',
  };
  return {
    listener: {
      name: 'door',
      address: { pipe: { path: socket } },
      filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }] }],
    },
    cluster: {
      name: 'door',
      type: 'STATIC',
      // A Gateway may bind 127.0.0.1, and what comes there is then its own.
      load_assignment: assignment('door', { socket_address: { address: '127.0.0.2', port_value: port } }),
    },
  };
}

/** Starts Envoy, by way of `wrapper` if given, with a bootstrap that takes everything over delta ADS from `socketPath`. */
export async function startEnvoy(nodeId: string, socketPath: string, wrapper: readonly string[] = [], through?: Door): Promise<RealEnvoy> {
  const door = through && doorTo(through);
  const dir = await mkdtemp(join(tmpdir(), 'envoy-'));
  const adminSocket = join(dir, 'admin.sock');
  const bootstrap = {
    node: { id: nodeId, cluster: 'test' },
    admin: { address: { pipe: { path: adminSocket } } },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      listeners: door ? [door.listener] : [],
      clusters: [
        ...(door ? [door.cluster] : []),
        {
          name: 'xds-grpc',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: assignment('xds-grpc', { pipe: { path: socketPath } }),
        },
      ],
    },
  };
  await writeFile(join(dir, 'bootstrap.json'), JSON.stringify(bootstrap));
  const [command, ...args] = [
    ...wrapper,
    findEnvoy(),
    '-c',
    join(dir, 'bootstrap.json'),
    '--disable-hot-restart',
    '--drain-time-s',
    '5',
    '--concurrency',
    '1',
    '--log-level',
    'warn',
    '--log-path',
    join(dir, 'log'),
  ];
  const child: ChildProcess = spawn(command, args, { stdio: 'ignore' });
  return {
    adminSocket,
    admin: (path) => get({ socketPath: adminSocket, path }).then((r) => r.body),
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.kill('SIGKILL')) await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export function get({
  host,
  ...where
}: {
  socketPath?: string;
  port?: number;
  path: string;
  host?: string;
}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', agent: false as const, timeout: 5000, ...where, ...(host ? { headers: { host } } : {}) };
    const req = request(options, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (body += chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
    });
    req.on('timeout', () => req.destroy(new Error('no answer within 5 s')));
    req.on('error', reject);
    req.end();
  });
}

/** A loopback port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
