/** What Telemetry objects make of a proxy's logs, metrics and spans. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/index.ts';
import { ask, echo, envoyOf, serve, serviceAt } from './envoy-of.edge.ts';
import { podOf, versioned } from './mesh-objects.ts';

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
