/** Who may import whom, lowest first: the table of ARCHITECTURE.md in a form that a test can hold the code against. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  cel: ['base'],
  api: ['base', 'cel'],
  store: ['base'],
  control: ['base', 'api'],
  apiserver: ['base', 'cel', 'api', 'store', 'control'],
  workloads: ['base', 'api', 'control'],
  mesh: ['base', 'api'],
  envoy: ['base', 'api', 'mesh'],
  xds: ['base', 'envoy'],
  ca: ['base'],
  delivery: ['base', 'api', 'control'],
  promql: ['base'],
  telemetry: ['base', 'promql'],
  node: ['base', 'api', 'control'],
  app: [
    'base',
    'cel',
    'api',
    'store',
    'control',
    'apiserver',
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

/** What a room may import from outside `src/`. */
export const OUTSIDE: Readonly<Record<string, readonly string[]>> = { app: ['package.json', 'samples/catalog.ts'] };

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
