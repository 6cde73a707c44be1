/** EnvoyFilters, seen in requests: each thing that a patch can be applied to, at sidecars in both directions and at a gateway. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { bytesOver } from './bytes.edge.ts';
import { ask, echo, envoyOf, gatewayObjects, serve, serviceAt, type Answered } from './envoy-of.edge.ts';
import { istio, podOf, versioned } from './mesh-objects.ts';
import { freePort } from './real-envoy.edge.ts';

const HCM = 'envoy.filters.network.http_connection_manager';
const typed = (type: string, value: object = {}): object => ({ '@type': `type.googleapis.com/envoy.extensions.${type}`, ...value });
const lua = (code: string): object => typed('filters.http.lua.v3.Lua', { default_source_code: { inline_string: code } });
/** Adds a header to answers. */
const says = (key: string, value: string): object =>
  lua(`function envoy_on_response(handle) handle:headers():add('${key}', '${value}') end`);
const bucket = (max_tokens: number): object => ({ max_tokens, tokens_per_fill: 1, fill_interval: '3600s' });
const limit = (max_tokens: number): object =>
  typed('filters.http.local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'limit',
    token_bucket: bucket(max_tokens),
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  });

interface Patch {
  readonly applyTo: string;
  readonly match?: object;
  readonly patch: { readonly operation: string; readonly value?: object; readonly filterClass?: string };
}
const filter = (name: string, configPatches: readonly Patch[], more: object = {}, namespace = 'default'): KubeObject => ({
  ...istio('EnvoyFilter', name, { configPatches, ...more }, namespace),
  apiVersion: 'networking.istio.io/v1alpha3',
});
/** Before the router of the HTTP listener at a port. */
const http = (context: string, portNumber: number | undefined, value: object, operation = 'INSERT_BEFORE'): Patch => ({
  applyTo: 'HTTP_FILTER',
  match: {
    context,
    listener: {
      ...(portNumber ? { portNumber } : {}),
      filterChain: { filter: { name: HCM, subFilter: { name: 'envoy.filters.http.router' } } },
    },
  },
  patch: { operation, value },
});
const OUT = 'SIDECAR_OUTBOUND';
const atPort = (portNumber: number, more: object = {}): object => ({ context: OUT, listener: { portNumber, ...more } });
const cluster = (port: number): object => ({ context: OUT, cluster: { service: 'app.default.svc.cluster.local', portNumber: port } });
const table = (port: number, more: object = {}): object => ({ context: OUT, routeConfiguration: { name: String(port), ...more } });
const host = (port: number, more: object = {}): object =>
  table(port, { vhost: { name: `app.default.svc.cluster.local:${port}`, ...more } });
const direct = (status: number, path: string): object => ({ match: { path }, direct_response: { status } });

/** What it was asked, and from where. */
async function app(t: TestContext): Promise<number> {
  return serve(
    t,
    (req, res) => void res.end(JSON.stringify({ name: 'app', from: req.socket.remoteAddress, url: req.url, headers: req.headers })),
  );
}
const told = ({ body }: Answered): { name: string; from: string; url: string; headers: Record<string, string> } => JSON.parse(body);

test('patches of what goes out: filters, listeners, chains, routes, clusters', { timeout: 60_000 }, async (t) => {
  const [port, other] = [await app(t), await serve(t, echo('other'))];
  const { cert, key } = await selfSigned('app');
  const ports = Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`http-${80 + i}`, 80 + i]));
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client'),
      ...versioned('app', { versions: { v1: port }, ports }),
      istio('VirtualService', 'faulty', {
        hosts: ['faulty.example'],
        http: [
          {
            fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
            route: [{ destination: { host: 'app', port: { number: 80 } } }],
          },
        ],
      }),
      filter('filters', [
        http(OUT, 80, { name: 'lua', typed_config: says('x-lua', 'yes') }),
        http(OUT, 81, { name: 'limit', typed_config: limit(2) }),
        http(OUT, 82, {
          name: 'named',
          config_discovery: {
            config_source: { ads: {} },
            type_urls: ['type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'],
          },
        }),
        {
          applyTo: 'EXTENSION_CONFIG',
          match: { context: OUT },
          patch: {
            operation: 'ADD',
            value: {
              name: 'named',
              typed_config: typed('filters.http.header_mutation.v3.HeaderMutation', {
                mutations: { response_mutations: [{ append: { header: { key: 'x-named', value: 'yes' } } }] },
              }),
            },
          },
        },
        {
          applyTo: 'HTTP_FILTER',
          match: atPort(83, { filterChain: { filter: { name: HCM, subFilter: { name: 'envoy.filters.http.fault' } } } }),
          patch: { operation: 'REMOVE' },
        },
        {
          applyTo: 'NETWORK_FILTER',
          match: atPort(84, { filterChain: { filter: { name: HCM } } }),
          patch: {
            operation: 'INSERT_BEFORE',
            value: {
              name: 'limit',
              typed_config: typed('filters.network.local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'limit', token_bucket: bucket(2) }),
            },
          },
        },
        {
          applyTo: 'NETWORK_FILTER',
          match: atPort(85, { filterChain: { filter: { name: HCM } } }),
          patch: {
            operation: 'MERGE',
            value: {
              name: HCM,
              typed_config: typed('filters.network.http_connection_manager.v3.HttpConnectionManager', { server_name: 'ours' }),
            },
          },
        },
        {
          applyTo: 'LISTENER_FILTER',
          match: atPort(86),
          patch: {
            operation: 'INSERT_FIRST',
            value: { name: 'proxy', typed_config: typed('filters.listener.proxy_protocol.v3.ProxyProtocol') },
          },
        },
      ]),
      filter('listeners', [
        { applyTo: 'LISTENER', match: atPort(87), patch: { operation: 'MERGE', value: { per_connection_buffer_limit_bytes: 1024 } } },
        ...[87, 88].map((n) => http(OUT, n, { name: 'whole', typed_config: lua('function envoy_on_request(handle) handle:body() end') })),
        { applyTo: 'LISTENER', match: atPort(89), patch: { operation: 'REMOVE' } },
        {
          applyTo: 'LISTENER',
          match: { context: OUT },
          patch: {
            operation: 'ADD',
            value: {
              name: '0.0.0.0_9999',
              address: { socket_address: { address: '127.0.0.1', port_value: 9999 } },
              filter_chains: [
                {
                  filters: [
                    {
                      name: 'say',
                      typed_config: typed('filters.network.direct_response.v3.Config', { response: { inline_string: 'hello' } }),
                    },
                  ],
                },
              ],
            },
          },
        },
        {
          applyTo: 'FILTER_CHAIN',
          match: atPort(90),
          patch: {
            operation: 'MERGE',
            value: {
              transport_socket: {
                name: 'envoy.transport_sockets.tls',
                typed_config: typed('transport_sockets.tls.v3.DownstreamTlsContext', {
                  common_tls_context: {
                    tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
                  },
                }),
              },
            },
          },
        },
      ]),
      filter('routes', [
        {
          applyTo: 'ROUTE_CONFIGURATION',
          match: table(91),
          patch: { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x-table', value: '91' } }] } },
        },
        {
          applyTo: 'VIRTUAL_HOST',
          match: host(92),
          patch: { operation: 'MERGE', value: { request_headers_to_add: [{ header: { key: 'x-host', value: '92' } }] } },
        },
        {
          applyTo: 'VIRTUAL_HOST',
          match: table(92),
          patch: { operation: 'ADD', value: { name: 'more', domains: ['more.example'], routes: [direct(418, '/tea')] } },
        },
        {
          applyTo: 'HTTP_ROUTE',
          match: host(93, { route: { action: 'ROUTE' } }),
          patch: { operation: 'MERGE', value: { route: { prefix_rewrite: '/patched/' } } },
        },
        { applyTo: 'HTTP_ROUTE', match: host(93), patch: { operation: 'INSERT_FIRST', value: direct(418, '/tea') } },
        {
          applyTo: 'CLUSTER',
          match: { context: OUT },
          patch: {
            operation: 'ADD',
            value: {
              name: 'other',
              type: 'STATIC',
              connect_timeout: '1s',
              load_assignment: {
                cluster_name: 'other',
                endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: other } } } }] }],
              },
            },
          },
        },
        {
          applyTo: 'HTTP_ROUTE',
          match: host(94),
          patch: { operation: 'INSERT_FIRST', value: { match: { prefix: '/other' }, route: { cluster: 'other' } } },
        },
        {
          applyTo: 'CLUSTER',
          match: cluster(95),
          patch: { operation: 'MERGE', value: { upstream_bind_config: { source_address: { address: '127.0.0.9', port_value: 0 } } } },
        },
        { applyTo: 'CLUSTER', match: cluster(96), patch: { operation: 'REMOVE' } },
      ]),
      // In this order whatever their names and ages are.
      filter('a-last', [http(OUT, 97, { name: 'second', typed_config: says('x-order', 'second') })], { priority: -1 }),
      filter('z-first', [http(OUT, 97, { name: 'first', typed_config: says('x-order', 'first') })], { priority: 5 }),
      filter('for-others', [http(OUT, 97, { name: 'never', typed_config: says('x-order', 'never') })], {
        workloadSelector: { labels: { app: 'other' } },
      }),
      filter('for-old', [
        {
          ...http(OUT, 97, { name: 'old', typed_config: says('x-order', 'old') }),
          match: { ...atPort(97), proxy: { proxyVersion: '^1\\.2\\..*' } },
        },
      ]),
    ],
  });
  assert.deepEqual(
    envoy.problems.filter((p) => !/for-others|for-old/.test(p)),
    [],
  );
  const at = (n: number, path = '/', more: object = {}): Promise<Answered> => ask(envoy.port(n), 'app', { path, ...more });
  const header = async (n: number, name: string): Promise<unknown> => (await at(n)).headers[name];
  const statuses = async (n: number, times: number): Promise<unknown[]> => {
    const found = [];
    for (let i = 0; i < times; i++)
      found.push(
        await at(n).then(
          (a) => a.status,
          () => 'cut',
        ),
      );
    return found;
  };
  const bare = (n: number, before = '', more: object = {}): Promise<string> =>
    bytesOver({ port: envoy.port(n), ...more }, `${before}GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n`);

  assert.equal(await header(80, 'x-lua'), 'yes');
  assert.deepEqual(await statuses(81, 4), [200, 200, 429, 429]);
  assert.equal(await header(82, 'x-named'), 'yes');
  assert.deepEqual(
    [(await ask(envoy.port(80), 'faulty.example')).status, (await ask(envoy.port(83), 'faulty.example')).status],
    [418, 200],
  );
  assert.deepEqual(await statuses(84, 4), [200, 200, 'cut', 'cut']);
  assert.equal(await header(85, 'server'), 'ours');
  assert.deepEqual([(await bare(86)).slice(9, 12), (await bare(86, 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')).slice(9, 12)], ['', '200']);

  const post = { method: 'POST', body: 'x'.repeat(4096) };
  assert.deepEqual([(await at(87, '/', post)).status, (await at(88, '/', post)).status], [413, 200]);
  assert.throws(() => envoy.port(89), /nobody listens/);
  assert.equal(await bytesOver({ port: envoy.port(9999) }, 'x'), 'hello');
  assert.deepEqual([(await bare(90)).slice(9, 12), (await bare(90, '', { servername: 'app' })).slice(9, 12)], ['', '200']);

  assert.deepEqual([await header(91, 'x-table'), await header(80, 'x-table')], ['91', undefined]);
  assert.equal(told(await at(92)).headers['x-host'], '92');
  assert.equal((await ask(envoy.port(92), 'more.example', { path: '/tea' })).status, 418);
  assert.deepEqual([told(await at(93, '/x')).url, (await at(93, '/tea')).status], ['/patched/x', 418]);
  assert.deepEqual([told(await at(94, '/other')).name, told(await at(94, '/')).name], ['other', 'app']);
  assert.deepEqual([told(await at(95)).from, told(await at(80)).from], ['127.0.0.9', '127.0.0.1']);
  assert.deepEqual(await statuses(96, 1), [503]);
  // Answers meet filters from the last to the first.
  assert.equal(await header(97, 'x-order'), 'first, second');
});

test('patches of what comes in, and of a gateway', { timeout: 60_000 }, async (t) => {
  const port = await app(t);
  const [one, two] = [await freePort(), await freePort()];
  const IN = 'SIDECAR_INBOUND';
  const service = (number: number): KubeObject[] =>
    serviceAt(`app-${number}`, number, { number }).map((o) =>
      o.kind === 'Service' ? { ...o, spec: { ...(o as { spec?: object }).spec, selector: { app: 'server' } } } : o,
    );
  const server = await envoyOf(t, {
    pod: 'default/server',
    inbound: [one, two],
    clusters: { [`inbound|${one}||`]: port, [`inbound|${two}||`]: port },
    objects: [
      podOf('server'),
      ...service(one),
      ...service(two),
      filter('inbound', [
        http(IN, one, { name: 'limit', typed_config: limit(2) }),
        http(IN, two, { name: 'lua', typed_config: says('x-in', 'yes') }),
        {
          applyTo: 'HTTP_ROUTE',
          match: { context: IN, routeConfiguration: { portNumber: two, vhost: { route: { name: 'default' } } } },
          patch: { operation: 'MERGE', value: { request_headers_to_add: [{ header: { key: 'x-route', value: 'in' } }] } },
        },
        {
          applyTo: 'NETWORK_FILTER',
          match: { context: IN, listener: { portNumber: two, filterChain: { filter: { name: HCM } } } },
          patch: {
            operation: 'MERGE',
            value: {
              name: HCM,
              typed_config: typed('filters.network.http_connection_manager.v3.HttpConnectionManager', { server_name: 'inner' }),
            },
          },
        },
      ]),
    ],
  });
  assert.deepEqual(server.problems, []);
  const limited = [];
  for (let i = 0; i < 4; i++) limited.push((await ask(server.port(one), 'app')).status);
  assert.deepEqual(limited, [200, 200, 429, 429]);
  const answer = await ask(server.port(two), 'app');
  assert.deepEqual([answer.headers['x-in'], answer.headers['server'], told(answer).headers['x-route']], ['yes', 'inner', 'in']);

  const gateway = await envoyOf(t, {
    pod: 'istio-system/istio-ingressgateway-0',
    objects: [
      ...gatewayObjects(),
      ...serviceAt('app', port),
      istio('VirtualService', 'app', {
        hosts: ['*'],
        gateways: ['web'],
        http: [{ name: 'main', route: [{ destination: { host: 'app' } }] }],
      }),
      filter(
        'gateway',
        [
          http('GATEWAY', undefined, { name: 'lua', typed_config: says('x-gate', 'yes') }),
          {
            applyTo: 'HTTP_ROUTE',
            match: { context: 'GATEWAY', routeConfiguration: { gateway: 'default/web', vhost: { route: { name: 'main' } } } },
            patch: { operation: 'INSERT_BEFORE', value: direct(418, '/tea') },
          },
        ],
        { workloadSelector: { labels: { istio: 'ingressgateway' } } },
        'istio-system',
      ),
    ],
  });
  assert.deepEqual(gateway.problems, []);
  const answers = [await ask(gateway.port(8080), 'a.example'), await ask(gateway.port(8080), 'a.example', { path: '/tea' })];
  assert.deepEqual([answers[0]!.headers['x-gate'], answers.map((a) => a.status)], ['yes', [200, 418]]);
});
