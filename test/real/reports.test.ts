/** What Telemetry objects make of a proxy's logs, metrics and spans. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/index.ts';
import { decode } from '../../src/envoy/encode.ts';
import { bytesOver, greeter } from './bytes.edge.ts';
import { ask, echo, envoyOf, serve, serviceAt } from './envoy-of.edge.ts';
import { grpcServer } from './grpc.edge.ts';
import { istio, podOf, versioned } from './mesh-objects.ts';

const telemetry = (name: string, namespace: string, spec: object): KubeObject =>
  ({ apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry', metadata: { name, namespace }, spec }) as KubeObject;
const meshConfig = (mesh: object): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify(mesh) },
  }) as KubeObject;

/** The value once it is there; it comes a moment after the request. */
async function eventually<T>(read: () => T | undefined | Promise<T | undefined>, what: () => string): Promise<T> {
  for (const deadline = Date.now() + 15_000; ; await pause(25)) {
    const value = await read();
    if (value !== undefined) return value;
    assert.ok(Date.now() < deadline, what());
  }
}

test('logs: of the mesh, filtered by the namespace, and none of a workload that wants none', { timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'reports-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const app = await serve(t, (req, res) => void res.writeHead(Number(req.url?.slice(1)) || 200).end());
  const log = join(dir, 'log');
  const extensionProviders = [
    { name: 'lines', envoyFileAccessLog: { path: log, logFormat: { text: '%REQ(:PATH)% %RESPONSE_CODE% %UPSTREAM_CLUSTER_RAW%' } } },
    {
      name: 'fields',
      envoyFileAccessLog: { path: join(dir, 'json'), logFormat: { labels: { path: '%REQ(:PATH)%', code: '%RESPONSE_CODE%' } } },
    },
  ];
  const objects = [
    meshConfig({ extensionProviders, defaultProviders: { accessLogging: ['lines'] } }),
    ...versioned('app', { versions: { v1: app } }),
    telemetry('mesh', 'istio-system', {
      accessLogging: [{ match: { mode: 'CLIENT' } }, { match: { mode: 'CLIENT' }, providers: [{ name: 'lines' }, { name: 'fields' }] }],
    }),
    telemetry('errors', 'default', { accessLogging: [{ filter: { expression: 'response.code >= 400' } }] }),
    telemetry('quiet', 'default', { selector: { matchLabels: { quiet: 'yes' } }, accessLogging: [{ disabled: true }] }),
  ];
  const [loud, quiet] = [
    await envoyOf(t, { pod: 'default/loud', objects: [podOf('loud'), ...objects] }),
    await envoyOf(t, { pod: 'default/quiet', objects: [podOf('quiet', { quiet: 'yes' }), ...objects] }),
  ];
  for (const envoy of [quiet, loud]) for (const path of ['/200', '/503', '/404']) await ask(envoy.port(80), 'app', { path });
  const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const logged = await eventually(
    () => (lines(log).length >= 2 ? lines(log) : undefined),
    () => `logged: ${lines(log).join(', ')}`,
  );
  const cluster = 'outbound|80||app.default.svc.cluster.local';
  assert.deepEqual(logged, [`/503 503 ${cluster}`, `/404 404 ${cluster}`]);
  const fields = await eventually(
    () => (lines(join(dir, 'json')).length >= 2 ? lines(join(dir, 'json')) : undefined),
    () => 'no JSON was logged',
  );
  assert.deepEqual(
    fields.map((l) => JSON.parse(l) as unknown),
    [
      { path: '/503', code: 503 },
      { path: '/404', code: 404 },
    ],
  );
});

test('metrics: without one that is disabled, with labels of the user', { timeout: 60_000 }, async (t) => {
  const app = await serve(t, echo('app'));
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client'),
      ...serviceAt('app', app),
      telemetry('labels', 'default', {
        metrics: [
          {
            overrides: [
              { match: { metric: 'REQUEST_DURATION' }, disabled: true },
              {
                match: { metric: 'REQUEST_COUNT', mode: 'CLIENT' },
                tagOverrides: {
                  shop: { value: "request.headers['x-shop']" },
                  method: { value: 'request.method' },
                  response_code: { operation: 'REMOVE' },
                },
              },
              { match: { metric: 'REQUEST_COUNT', mode: 'SERVER' }, disabled: true },
            ],
          },
        ],
      }),
    ],
  });
  assert.deepEqual(envoy.problems, []);
  await ask(envoy.port(80), 'app', { headers: { 'x-shop': 'blue' } });
  await ask(envoy.port(80), 'app');
  const found = await eventually(
    async () => {
      const stats = (await envoy.admin('/stats?format=prometheus')).split('\n').filter((l) => l.startsWith('envoy_istio_request'));
      return stats.length >= 2 ? stats : undefined;
    },
    () => 'nothing was counted',
  );
  const labels = found.map((l) => Object.fromEntries([...l.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1]!, m[2]!])));
  const told = labels.map((l) => `${l['shop']} ${l['method']} ${l['response_code']} ${l['reporter']}`);
  assert.deepEqual(new Set(told), new Set(['blue GET undefined source', 'unknown GET undefined source']));
  assert.ok(!found.some((l) => l.includes('duration')), found.join('\n'));
});

test('spans: sent to Zipkin with tags, as often as is said, and not by a workload that is silent', { timeout: 60_000 }, async (t) => {
  interface Span {
    localEndpoint: { serviceName: string };
    tags: Record<string, string>;
  }
  const spans: Span[] = [];
  const zipkin = await serve(t, (req, res) => {
    void json(req).then((sent) => {
      spans.push(...(sent as Span[]));
      res.writeHead(202).end();
    });
  });
  const app = await serve(t, echo('app'));
  const objects = [
    meshConfig({ extensionProviders: [{ name: 'spans', zipkin: { service: 'zipkin.default.svc.cluster.local', port: 9411 } }] }),
    ...serviceAt('app', app),
    ...serviceAt('zipkin', zipkin, { number: 9411 }),
    telemetry('mesh', 'istio-system', {
      tracing: [
        {
          providers: [{ name: 'spans' }],
          randomSamplingPercentage: 100,
          customTags: { zone: { literal: { value: 'blue' } }, user: { header: { name: 'end-user', defaultValue: 'nobody' } } },
        },
      ],
    }),
    telemetry('silent', 'default', { selector: { matchLabels: { app: 'silent' } }, tracing: [{ disableSpanReporting: true }] }),
    telemetry('never', 'default', { selector: { matchLabels: { app: 'never' } }, tracing: [{ randomSamplingPercentage: 0 }] }),
  ];
  for (const name of ['silent', 'never', 'client']) {
    const envoy = await envoyOf(t, { pod: `default/${name}`, objects: [podOf(name), ...objects] });
    assert.deepEqual(envoy.problems, []);
    const headers = { 'end-user': 'jason' };
    assert.equal((await ask(envoy.port(80), 'app', { headers })).status, 200);
    if (name === 'client')
      await eventually(
        () => (spans.length ? true : undefined),
        () => 'no span came',
      );
  }
  assert.deepEqual(
    spans.map((s) => [s.localEndpoint.serviceName, s.tags['zone'], s.tags['user'], s.tags['http.status_code']]),
    [['client.default', 'blue', 'jason', '200']],
  );
});

test('over gRPC: requests and connections to an access log service, lines and spans to OpenTelemetry', { timeout: 60_000 }, async (t) => {
  interface Entry {
    readonly request?: { readonly path: string };
    readonly response?: { readonly response_code: number };
    readonly connection_properties?: { readonly received_bytes?: string };
    readonly common_properties: { readonly upstream_cluster: string };
  }
  interface Message {
    readonly identifier?: { readonly log_name: string };
    readonly http_logs?: { readonly log_entry: Entry[] };
    readonly tcp_logs?: { readonly log_entry: Entry[] };
  }
  const told: Message[] = [];
  const otel = { logs: '', spans: '' };
  const nothing = Buffer.alloc(0);
  const collector = await grpcServer(t, {
    unary: {
      '/opentelemetry.proto.collector.logs.v1.LogsService/Export': (sent) => ((otel.logs += sent.toString('latin1')), nothing),
      '/opentelemetry.proto.collector.trace.v1.TraceService/Export': (sent) => ((otel.spans += sent.toString('latin1')), nothing),
    },
    streams: {
      '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': (said) => {
        if (said) told.push(decode('envoy.service.accesslog.v3.StreamAccessLogsMessage', said));
        return undefined;
      },
    },
  });
  const [app, db] = [await serve(t, echo('app')), await greeter(t, 'db')];
  const there = { service: 'collector.default.svc.cluster.local', port: 4317 };
  const envoy = await envoyOf(t, {
    pod: 'default/client',
    objects: [
      podOf('client'),
      ...serviceAt('app', app),
      ...serviceAt('collector', collector, { number: 4317, appProtocol: 'grpc' }),
      istio('ServiceEntry', 'db', {
        hosts: ['db.example'],
        addresses: ['127.0.0.1'],
        resolution: 'STATIC',
        ports: [{ number: 9000, name: 'tcp', protocol: 'TCP', targetPort: db }],
        endpoints: [{ address: '127.0.0.1' }],
      }),
      meshConfig({
        extensionProviders: [
          { name: 'requests', envoyHttpAls: { ...there, logName: 'our-requests' } },
          { name: 'bytes', envoyTcpAls: there },
          { name: 'lines', envoyOtelAls: there },
          { name: 'spans', opentelemetry: there },
        ],
      }),
      telemetry('mesh', 'istio-system', {
        accessLogging: [{ providers: [{ name: 'requests' }, { name: 'bytes' }, { name: 'lines' }] }],
        tracing: [{ providers: [{ name: 'spans' }], randomSamplingPercentage: 100, customTags: { zone: { literal: { value: 'blue' } } } }],
      }),
    ],
  });
  assert.deepEqual(envoy.problems, []);
  // Envoy keeps spans until there are five, or for as many seconds.
  for (let i = 0; i < 5; i++) assert.equal((await ask(envoy.port(80), 'app', { path: `/told/${i}` })).status, 200);
  assert.equal(await bytesOver({ port: envoy.port(9000) }, 'hello'), 'db: hello');
  const entries = (kind: 'http_logs' | 'tcp_logs'): Entry[] => told.flatMap((m) => m[kind]?.log_entry ?? []);
  await eventually(
    () => (entries('http_logs').length >= 5 && entries('tcp_logs').length && otel.logs && otel.spans ? true : undefined),
    () => `told: ${JSON.stringify(told)}, OpenTelemetry ${otel.logs.length} and ${otel.spans.length} bytes`,
  );
  const requests = entries('http_logs').filter((e) => e.request?.path.startsWith('/told/'));
  assert.deepEqual(
    requests.map((e) => [e.request?.path, e.response?.response_code, e.common_properties.upstream_cluster]),
    Array.from({ length: 5 }, (_, i) => [`/told/${i}`, 200, 'outbound|80||app.default.svc.cluster.local']),
  );
  const connections = entries('tcp_logs').map((e) => [e.connection_properties?.received_bytes, e.common_properties.upstream_cluster]);
  assert.deepEqual(connections, [['5', 'outbound|9000||db.example']]);
  const names = told.flatMap((m) => m.identifier?.log_name ?? []);
  assert.deepEqual(new Set(names), new Set(['our-requests', 'bytes']));
  assert.match(otel.logs, /"GET \/told\/0 HTTP\/1\.1" 200/);
  for (const word of ['client.default', 'zone', 'blue', '/told/0']) assert.ok(otel.spans.includes(word), `${word} is in no span`);
});
