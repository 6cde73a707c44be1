/** Sidecars: what a workload's proxy takes in, at what ports, and how much of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { ask, echo, envoyOf, serve, serviceAt } from './envoy-of.edge.ts';
import { istio, podOf } from './mesh-objects.ts';
import { HeldBack } from './narrow.ts';
import { freePort } from './real-envoy.edge.ts';

/** A Service of the pod `server`. */
const before = (name: string, number: number): KubeObject[] =>
  serviceAt(name, number, { number }).map((o) =>
    o.kind === 'Service' ? { ...o, spec: { ...(o as { spec?: object }).spec, selector: { app: 'server' } } } : o,
  );

test('inboundConnectionPool: what is too much for the application is refused before it', { timeout: 60_000 }, async (t) => {
  const held = new HeldBack();
  const app = await serve(t, (_req, res) => held.hold(() => res.end()));
  const port = await freePort();
  const envoy = await envoyOf(t, {
    pod: 'default/server',
    inbound: [port],
    clusters: { [`inbound|${port}||`]: app },
    objects: [
      podOf('server'),
      ...before('app', port),
      istio('Sidecar', 'narrow', {
        workloadSelector: { labels: { app: 'server' } },
        inboundConnectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } },
      }),
    ],
  });
  assert.deepEqual(envoy.problems, []);
  const refused = await held.overflow(() => ask(envoy.port(port), 'app'));
  assert.deepEqual(
    [refused.status, refused.headers['x-envoy-overloaded'], refused.body],
    [503, 'true', 'upstream connect error or disconnect/reset before headers. reset reason: overflow'],
  );
});

test(
  'ingress: the ports that a Sidecar names, at other ports of the application, at a socket, each with its own limits',
  { timeout: 60_000 },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'sidecar-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const socket = createServer(echo('socket')).listen(join(dir, 's'));
    t.after(() => socket.close());
    let sockets = 0;
    const counting = createServer({ keepAliveTimeout: 60_000 }, echo('counting'));
    counting.on('connection', () => sockets++);
    const [app, fresh] = [await serve(t, echo('app')), await serve(t, counting)];
    const [one, two, three, ofService] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const ingress = (number: number, defaultEndpoint: string, more: object = {}): object => ({
      port: { number, name: `http-${number}`, protocol: 'HTTP' },
      defaultEndpoint,
      ...more,
    });
    const envoy = await envoyOf(t, {
      pod: 'default/server',
      inbound: [one, two, three, ofService],
      clusters: { InboundPassthroughCluster: app },
      objects: [
        podOf('server'),
        ...before('app', one),
        ...before('other', ofService),
        istio('Sidecar', 'own', {
          workloadSelector: { labels: { app: 'server' } },
          ingress: [
            ingress(one, `127.0.0.1:${app}`),
            ingress(two, `unix://${join(dir, 's')}`),
            ingress(three, `127.0.0.1:${fresh}`, { connectionPool: { http: { maxRequestsPerConnection: 1 } } }),
          ],
        }),
      ],
    });
    assert.deepEqual(envoy.problems, []);
    const name = async (port: number): Promise<string> => (JSON.parse((await ask(envoy.port(port), 'app')).body) as { name: string }).name;
    assert.deepEqual([await name(one), await name(two), await name(three), await name(three)], ['app', 'socket', 'counting', 'counting']);
    assert.equal(sockets, 2, 'a connection for each request');
    const stats = await envoy.admin('/stats?filter=^http\\.inbound_.*downstream_rq_2xx');
    assert.ok(
      stats.includes(`inbound_${one}.`) && !stats.includes(`inbound_${ofService}.`),
      `the port of the Service is none of its own: ${stats}`,
    );
    // What nobody declares is passed on as bytes.
    assert.equal(await name(ofService), 'app');
  },
);
