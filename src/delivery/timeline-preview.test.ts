/** The header by which people reach the canary on purpose, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ingresses, type CanaryAnalysis, type CanarySpec, type KubeObject, type Resource } from '../api/index.ts';
import { ingress, iterations, NS, routes, saidAll, world, type World } from './testing/world.ts';

const PREVIEW = { previewHeader: 'X-Sluice-Preview' };
const WANTED = { headers: { 'x-sluice-preview': { exact: 'canary' } } };

async function sharing(analysis: Partial<CanaryAnalysis>, spec: Partial<CanarySpec> = {}): Promise<World> {
  const w = await world({ analysis: { ...PREVIEW, ...analysis }, spec });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  for (let t = 0; t < 100 && (await w.canary()).status?.canaryWeight !== 40; t++) await w.pass(500);
  return w;
}

test('istio: while weights share the traffic, and only then, a rule of its own leads to the canary alone', async () => {
  const w = await sharing({});
  const [preview, shared, ...more] = await routes(w);
  assert.deepEqual(
    preview,
    { match: [WANTED], route: [{ destination: { host: 'podinfo-canary' } }] },
    'one destination: the judge does not count it',
  );
  assert.deepEqual(
    shared?.route?.map((r) => r.weight),
    [60, 40],
  );
  assert.equal(more.length, 0);
  await w.reach('Succeeded');
  assert.equal((await routes(w)).length, 1);
  w.stop();
});

test('istio: it holds beside what the service matches, and before the cookies of sessions', async () => {
  const w = await sharing(
    { sessionAffinity: { cookieName: 'c', primaryCookieName: 'p' } },
    { service: { port: 9898, match: [{ uri: { prefix: '/api' } }] } },
  );
  const rules = await routes(w);
  assert.equal(rules.length, 4);
  assert.deepEqual(rules[0]?.match, [{ uri: { prefix: '/api' }, ...WANTED }]);
  await w.reach('Succeeded');
  w.stop();
});

test('gatewayapi: a rule with one backend', async () => {
  const w = await sharing({}, { provider: 'gatewayapi:v1', service: { port: 9898, gatewayRefs: [{ name: 'door' }] } });
  const kind: Resource<KubeObject & { spec: { rules: { matches: unknown; backendRefs: { name: string }[] }[] } }> = {
    group: 'gateway.networking.k8s.io',
    version: 'v1',
    kind: 'HTTPRoute',
    plural: 'httproutes',
    namespaced: true,
  };
  const rules = (await w.client.get(kind, { namespace: NS, name: 'podinfo' }))?.spec.rules ?? [];
  assert.deepEqual(
    rules.map((r) => r.backendRefs.map((b) => b.name)),
    [['podinfo-canary'], ['podinfo-primary', 'podinfo-canary']],
  );
  assert.deepEqual(rules[0]?.matches, [
    { path: { type: 'PathPrefix', value: '/' }, headers: [{ name: 'x-sluice-preview', type: 'Exact', value: 'canary' }] },
  ]);
  await w.reach('Succeeded');
  w.stop();
});

test('nginx: the header stands beside the weight', async () => {
  const w = await world({
    analysis: PREVIEW,
    spec: { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' } },
  });
  await w.client.create(Ingresses, ingress);
  const said = async (): Promise<Record<string, string>> => {
    const all = (await w.client.get(Ingresses, { namespace: NS, name: 'podinfo-canary' }))?.metadata?.annotations ?? {};
    return Object.fromEntries(Object.entries(all).map(([k, v]) => [k.replace('nginx.ingress.kubernetes.io/', ''), v]));
  };
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  for (let t = 0; t < 100 && (await w.canary()).status?.canaryWeight !== 40; t++) await w.pass(500);
  assert.deepEqual(await said(), {
    canary: 'true',
    'canary-weight': '40',
    'canary-by-header': 'x-sluice-preview',
    'canary-by-header-value': 'canary',
  });
  await w.reach('Succeeded');
  assert.equal((await said())['canary-weight'], '0');
  w.stop();
});

test('where no weights share the traffic, the field is named as one without effect', async () => {
  const w = await world({ analysis: iterations(2, PREVIEW) });
  await w.reach('Initialized');
  await saidAll(w, ['Without effect, since not supported yet: spec.analysis.previewHeader']);
  w.stop();
});
