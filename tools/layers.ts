/** Who may import whom: the table of ARCHITECTURE.md in a form that a test can hold the code against. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: ['base'],
  store: ['base'],
  control: ['base', 'api'],
  apiserver: ['base', 'api', 'store', 'control'],
  workloads: ['base', 'api', 'control'],
  mesh: ['base', 'api'],
  envoy: ['base', 'api', 'mesh'],
  xds: ['base', 'envoy'],
  ca: ['base', 'api'],
  delivery: ['base', 'api', 'control'],
  promql: ['base'],
  telemetry: ['base', 'api', 'control', 'promql'],
  node: ['base', 'api', 'control'],
  app: [
    'base',
    'api',
    'store',
    'apiserver',
    'control',
    'workloads',
    'mesh',
    'envoy',
    'xds',
    'ca',
    'delivery',
    'promql',
    'telemetry',
    'node',
  ],
  cli: ['base', 'api', 'control', 'app'],
};

/** The doors outside `src/` that a room may use. */
export const OUTSIDE: Readonly<Record<string, readonly string[]>> = { app: ['samples/catalog.ts'] };

/** Modules of Node that touch the world; only edge files and tests may import them. */
export const EDGE_MODULES: ReadonlySet<string> = new Set(
  [
    'child_process',
    'cluster',
    'dgram',
    'dns',
    'fs',
    'fs/promises',
    'http',
    'http2',
    'https',
    'net',
    'os',
    'process',
    'readline',
    'tls',
    'worker_threads',
  ].map((m) => `node:${m}`),
);
