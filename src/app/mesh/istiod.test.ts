import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/index.ts';
import { TypeUrl, type Json } from '../../envoy/index.ts';
import { istiod } from './istiod.fixture.ts';
import { answer, type ProxyStatus } from './istiod.ts';

const ask = (path: string, of = istiod()): ReturnType<typeof answer> => answer(of, new URL(path, 'http://istiod'));

test('syncz: what was sent, what was answered, and what was refused', () => {
  const [synced] = ask('/debug/syncz').body as ProxyStatus[];
  assert.equal(synced?.proxy, 'web.default');
  assert.deepEqual([synced.cluster_sent, synced.cluster_acked, synced.route_sent, synced.route_acked], ['4', '4', '4', '4']);
  const sync = { cluster: 'stale', endpoint: 'notSent', listener: 'stale', route: 'stale', virtualHost: 'stale', secret: 'stale' } as const;
  const rejections = [{ typeUrl: TypeUrl.cluster, name: 'outbound|80||web', version: '1', message: 'no' }];
  const [stale] = ask('/debug/syncz', istiod({ sync, acked: 3, rejections })).body as ProxyStatus[];
  assert.deepEqual([stale?.cluster_sent, stale?.cluster_acked, stale?.endpoint_sent, stale?.rejected], ['4', '3', undefined, rejections]);
  assert.deepEqual(ask('/debug/syncz', istiod({ connected: false })).body, [], 'who is not connected is not told of');
});

test('the other pages', () => {
  assert.deepEqual(ask('/ready'), { status: 200, body: 'ready\n' });
  assert.equal(ask('/version').body, '1.2.3-sluice-Clean');
  assert.equal(ask('/metrics').body, 'pilot_xds 1\n');
  assert.deepEqual(
    (ask('/debug/registryz').body as { hostname: string }[]).map((s) => s.hostname),
    ['web.default.svc.cluster.local'],
  );
  assert.deepEqual(
    (ask('/debug/configz').body as KubeObject[]).map((o) => o.kind),
    ['VirtualService'],
  );
  for (const page of ask('/debug/list').body as string[]) assert.notEqual(ask(`${page}?proxyID=web.default`).status, 404, page);
  assert.equal(ask('/debug/nosuch').status, 404);
  assert.equal(ask('/debug/config_dump?proxyID=nobody.default').status, 404);
});

test("config_dump: what a proxy is to hold, as Envoy's own", () => {
  const { configs } = ask('/debug/config_dump?proxyID=web.default').body as { configs: Json[] };
  const routes = configs.find((c) => String(c['@type']).endsWith('RoutesConfigDump'))?.['dynamic_route_configs'] as Json[];
  assert.deepEqual(
    routes.map((r) => (r['route_config'] as Json)['name']),
    ['80'],
  );
});
