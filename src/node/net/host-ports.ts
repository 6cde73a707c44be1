import type { HostPort } from './types.ts';

/**
 * Configuration of the two Envoys that carry host ports into the node. Sockets with a path do not belong to a network
 * namespace: the one outside hands each connection of 127.0.0.1:<port> to `<port>.sock`, the one inside takes it from there
 * to the address in the node. Plain TCP: TLS, SNI and HTTP pass through.
 */
export type Side = 'inside' | 'outside';

const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

export interface EdgeFiles {
  readonly bootstrap: string;
  readonly listeners: string;
  readonly clusters: string;
  readonly admin: string;
  readonly log: string;
  readonly pid: string;
}

/** Where a side's files are, under `<runDir>/edge`. Socket paths must stay below 108 bytes. */
export function edgeFiles(runDir: string, side: Side): EdgeFiles {
  const at = (suffix: string): string => `${runDir}/edge/${side}${suffix}`;
  return {
    bootstrap: at('.json'),
    listeners: at('-lds.json'),
    clusters: at('-cds.json'),
    admin: at('-admin.sock'),
    log: at('.log'),
    pid: at('.pid'),
  };
}

export function portSocket(runDir: string, hostPort: number): string {
  return `${runDir}/edge/${hostPort}.sock`;
}

/** The name of a host port's listener, as `/listeners` of the admin lists it. */
export function listenerName(hostPort: number): string {
  return `host-${hostPort}`;
}

/** Listeners and clusters are read from files, and again whenever a new file is moved into their place. */
export function edgeBootstrap(runDir: string, side: Side): unknown {
  const files = edgeFiles(runDir, side);
  const fromFile = (path: string): unknown => ({ resource_api_version: 'V3', path_config_source: { path } });
  return {
    node: { id: `sluice-edge-${side}`, cluster: 'sluice-edge' },
    admin: { address: pipe(files.admin) },
    dynamic_resources: { lds_config: fromFile(files.listeners), cds_config: fromFile(files.clusters) },
  };
}

export function edgeListeners(runDir: string, side: Side, ports: readonly HostPort[]): unknown {
  return {
    resources: ports.map(({ hostPort }) => ({
      '@type': LISTENER,
      name: listenerName(hostPort),
      address: side === 'outside' ? tcp('127.0.0.1', hostPort) : pipe(portSocket(runDir, hostPort)),
      // Sharing a port would split connections with another program instead of reporting that it is taken.
      enable_reuse_port: false,
      filter_chains: [
        {
          filters: [
            {
              name: 'tcp_proxy',
              typed_config: {
                '@type': TCP_PROXY,
                stat_prefix: listenerName(hostPort),
                cluster: listenerName(hostPort),
                idle_timeout: '0s',
              },
            },
          ],
        },
      ],
    })),
  };
}

/** By itself Envoy closes what is more than 1,024 connections. Who is on the other side has limits of its own. */
const MOST = 2 ** 32 - 1;
const NO_LIMITS = { thresholds: [{ max_connections: MOST, max_pending_requests: MOST }] };

export function edgeClusters(runDir: string, side: Side, ports: readonly HostPort[]): unknown {
  return {
    resources: ports.map(({ hostPort, address, port }) => ({
      '@type': CLUSTER,
      name: listenerName(hostPort),
      type: 'STATIC',
      connect_timeout: '5s',
      circuit_breakers: NO_LIMITS,
      load_assignment: {
        cluster_name: listenerName(hostPort),
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: side === 'outside' ? pipe(portSocket(runDir, hostPort)) : tcp(address, port) } }] },
        ],
      },
    })),
  };
}

function tcp(address: string, port: number): unknown {
  return { socket_address: { address, port_value: port } };
}

function pipe(path: string): unknown {
  return { pipe: { path, mode: 0o600 } };
}
