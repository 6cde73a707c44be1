/** What else is released than an image, and what else than a Deployment; what is given back. In virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Canaries,
  ConfigMaps,
  DaemonSets,
  Deployments,
  Gateways,
  HorizontalPodAutoscalers,
  Ingresses,
  KubernetesGateways,
  Services,
  VirtualServices,
} from '../api/index.ts';
import {
  configMap,
  course,
  daemonSet,
  deployment,
  image,
  iterations,
  NS,
  replicas,
  routes,
  saidAll,
  world,
  type World,
} from './testing/world.ts';

const colour = async (w: World, name: string): Promise<string | undefined> =>
  (await w.client.get(ConfigMaps, { namespace: NS, name }))?.data?.['colour'];
const paint = (w: World, value: string) =>
  w.client.patch(ConfigMaps, { namespace: NS, name: 'settings' }, { type: 'merge', body: { data: { colour: value } } });
const remove = (w: World) => w.client.delete(Canaries, { namespace: NS, name: 'podinfo' });

const configured = (annotations?: Record<string, string>) =>
  world({
    before: async (client) => {
      const settings = configMap('settings', { colour: 'blue' });
      await client.create(ConfigMaps, { ...settings, metadata: { ...settings.metadata, ...(annotations ? { annotations } : {}) } });
      await client.create(Deployments, deployment('podinfo:1', { config: 'settings' }));
    },
  });

test('the contents of a ConfigMap are released like an image', async () => {
  const w = await configured();
  await w.reach('Initialized');
  assert.equal(await colour(w, 'settings-primary'), 'blue');
  const primary = async () => (await w.client.get(Deployments, { namespace: NS, name: 'podinfo-primary' }))?.spec?.template;
  const before = await primary();
  assert.equal(before?.spec?.containers[0]?.envFrom?.[0]?.configMapRef?.name, 'settings-primary');
  await paint(w, 'green');
  await w.reach('Progressing');
  assert.equal(await colour(w, 'settings-primary'), 'blue', 'the primary keeps what it had');
  await w.reach('Succeeded');
  assert.equal(await colour(w, 'settings-primary'), 'green');
  const id = (t: Awaited<ReturnType<typeof primary>>) => t?.metadata?.annotations?.['flagger-id'];
  assert.notEqual(id(await primary()), id(before), 'its pods start anew');
  w.stop();
});

test('a ConfigMap that makes checks fail never reaches the primary, and going back is no release', async () => {
  const w = await configured();
  await w.reach('Initialized');
  w.successRate = 10;
  await paint(w, 'green');
  await w.reach('Failed');
  assert.equal(await colour(w, 'settings-primary'), 'blue');
  await paint(w, 'blue');
  await w.pass(30_000);
  assert.equal((await w.canary()).status?.phase, 'Failed');
  w.stop();
});

test('a ConfigMap can be left out of it', async () => {
  const w = await configured({ 'flagger.app/config-tracking': 'disabled' });
  await w.reach('Initialized');
  await paint(w, 'green');
  await w.pass(30_000);
  assert.equal((await w.canary()).status?.phase, 'Initialized');
  assert.equal(await colour(w, 'settings-primary'), undefined);
  w.stop();
});

test('a DaemonSet is released, and sleeps by a node that is not there', async () => {
  const w = await world({
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'podinfo' } },
    before: (client) => client.create(DaemonSets, daemonSet('podinfo:1')),
  });
  const selector = async () =>
    (await w.client.get(DaemonSets, { namespace: NS, name: 'podinfo' }))?.spec?.template.spec?.nodeSelector?.['flagger.app/scale-to-zero'];
  await w.reach('Initialized');
  assert.equal(await selector(), 'true');
  await w.setImage('podinfo:2', DaemonSets);
  await w.reach('Progressing');
  await w.pass(2_000);
  assert.equal(await selector(), undefined);
  await w.reach('Succeeded');
  assert.equal(await image(w, 'podinfo-primary', DaemonSets), 'podinfo:2');
  assert.equal(await selector(), 'true');
  w.stop();
});

test('a Service is released by where it leads', async () => {
  const w = await world({
    spec: { targetRef: { apiVersion: 'v1', kind: 'Service', name: 'podinfo' } },
    before: (client) =>
      client.create(Services, {
        metadata: { name: 'podinfo', namespace: NS },
        spec: { selector: { app: 'one' }, ports: [{ port: 9898 }] },
      }),
  });
  const leads = async (name: string) => (await w.client.get(Services, { namespace: NS, name }))?.spec?.selector?.['app'];
  await w.reach('Initialized');
  await w.client.patch(Services, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { spec: { selector: { app: 'two' } } } });
  await w.reach('Progressing');
  assert.deepEqual([await leads('podinfo-primary'), await leads('podinfo-canary')], ['one', 'two']);
  await w.reach('Succeeded');
  assert.equal(await leads('podinfo-primary'), 'two');
  w.stop();
});

test('the primary has an autoscaler of its own, and the target wakes at the least of its', async () => {
  const w = await world({
    spec: {
      autoscalerRef: {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        name: 'podinfo',
        primaryScalerReplicas: { maxReplicas: 9 },
      },
    },
    before: async (client) => {
      await client.create(Deployments, deployment('podinfo:1'));
      await client.create(HorizontalPodAutoscalers, {
        metadata: { name: 'podinfo', namespace: NS },
        spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' }, minReplicas: 3, maxReplicas: 5 },
      });
    },
  });
  await w.reach('Initialized');
  const own = await w.client.get(HorizontalPodAutoscalers, { namespace: NS, name: 'podinfo-primary' });
  assert.deepEqual([own?.spec?.scaleTargetRef.name, own?.spec?.minReplicas, own?.spec?.maxReplicas], ['podinfo-primary', 3, 9]);
  await w.setImage('podinfo:2');
  await w.reach('Progressing');
  assert.equal(await replicas(w, 'podinfo'), 3);
  await w.reach('Succeeded');
  assert.equal(await replicas(w, 'podinfo-primary'), 2, 'left to its autoscaler');
  w.stop();
});

test('Gateways that are not there are missed aloud', async () => {
  const named = async (spec: Parameters<typeof world>[0]): Promise<string[]> => {
    const w = await world({
      ...spec,
      before: async (client) => {
        await client.create(Deployments, deployment('podinfo:1'));
        await client.create(Gateways, { metadata: { name: 'door', namespace: NS }, spec: {} });
        await client.create(KubernetesGateways, {
          metadata: { name: 'door', namespace: NS },
          spec: { gatewayClassName: 'istio', listeners: [] },
        });
      },
    });
    await w.reach('Initialized');
    const said = (await w.events()).flatMap(
      (e) => /^Gateway (\S+) not found: create it, or correct (\S+);/.exec(e)?.slice(1).join(' ') ?? [],
    );
    w.stop();
    return said.sort();
  };
  const gateways = ['mesh', 'door', `${NS}/door`, `door.${NS}.svc.cluster.local`, 'public.istio-system.svc.cluster.local', 'a/b'];
  assert.deepEqual(await named({ spec: { service: { port: 9898, gateways } } }), [
    'b.a spec.service.gateways',
    'public.istio-system spec.service.gateways',
  ]);
  const gatewayRefs = [{ name: 'door' }, { name: 'door', namespace: 'elsewhere' }, { kind: 'Service', name: 'podinfo' }];
  assert.deepEqual(await named({ spec: { provider: 'gatewayapi:v1', service: { port: 9898, gatewayRefs } } }), [
    'door.elsewhere spec.service.gatewayRefs',
  ]);
});

test('an autoscaler that is not there is missed aloud', async () => {
  const w = await world({ spec: { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'gone' } } });
  await w.reach('Initialized');
  const said = 'HorizontalPodAutoscaler gone.test not found: create it, or correct spec.autoscalerRef; until then the primary has none.';
  await saidAll(w, [said]);
  w.stop();
});

test('session affinity: marked users stay, and the mark is taken back after the release', async () => {
  const w = await world({ analysis: { sessionAffinity: { cookieName: 'side', secure: true } } });
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
  await w.reach('Promoting');
  const cookie = (await w.canary()).status?.sessionAffinityCookie ?? '';
  assert.match(cookie, /^side=[0-9a-f]{10}$/);
  const [stay, rest] = await routes(w);
  assert.deepEqual(stay?.match, [{ headers: { Cookie: { regex: `.*${cookie}.*` } } }]);
  assert.deepEqual(
    stay?.route?.map((r) => r.weight),
    [0, 100],
  );
  assert.deepEqual(
    rest?.route?.map((r) => r.headers?.response?.add),
    [undefined, { 'Set-Cookie': `${cookie}; Max-Age=86400; Secure` }],
  );
  await w.reach('Succeeded');
  const [forget] = await routes(w);
  assert.deepEqual(forget?.route?.[0]?.headers?.response?.add, { 'Set-Cookie': `${cookie}; Max-Age=-1` });
  assert.equal((await w.canary()).status?.previousSessionAffinityCookie, cookie);
  w.stop();
});

test('revertOnDeletion: the target wakes, and what was there before is as it was', async () => {
  const was = { hosts: ['podinfo'], http: [{ route: [{ destination: { host: 'podinfo' } }] }] };
  const w = await world({
    spec: { revertOnDeletion: true },
    before: async (client) => {
      await client.create(Deployments, deployment('podinfo:1'));
      await client.create(Services, {
        metadata: { name: 'podinfo', namespace: NS },
        spec: { selector: { app: 'podinfo' }, ports: [{ port: 9898 }] },
      });
      await client.create(VirtualServices, { metadata: { name: 'podinfo', namespace: NS }, spec: was });
    },
  });
  await w.reach('Initialized');
  assert.deepEqual((await w.canary()).metadata?.finalizers, ['finalizer.flagger.app']);
  assert.equal(await replicas(w, 'podinfo'), 0);
  await remove(w);
  await w.pass(5_000);
  assert.equal(await w.client.get(Canaries, { namespace: NS, name: 'podinfo' }), undefined);
  assert.equal(await replicas(w, 'podinfo'), 2);
  assert.deepEqual((await w.client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec, was);
  assert.deepEqual((await w.client.get(Services, { namespace: NS, name: 'podinfo' }))?.spec?.selector, { app: 'podinfo' });
  await saidAll(w, ['Terminating canary podinfo.test', 'Terminated canary podinfo.test']);
  w.stop();
});

test('revertOnDeletion: a target of which nothing is heard holds nobody up for ever', async () => {
  const w = await world({ spec: { revertOnDeletion: true, progressDeadlineSeconds: 60 } });
  await w.reach('Initialized');
  w.deaf.add('podinfo');
  await remove(w);
  await w.pass(30_000);
  assert.equal((await w.canary()).status?.phase, 'Terminating');
  await w.pass(40_000);
  assert.equal(await w.client.get(Canaries, { namespace: NS, name: 'podinfo' }), undefined);
  assert.equal(await replicas(w, 'podinfo'), 2);
  w.stop();
});

test('suspend and skipAnalysis', async () => {
  const w = await world({ spec: { skipAnalysis: true } });
  await w.reach('Initialized');
  const set = (suspend: boolean) =>
    w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { spec: { suspend } } });
  await set(true);
  await w.setImage('podinfo:2');
  await w.pass(30_000);
  await saidAll(w, ['skipping canary run as object is suspended']);
  assert.equal(await image(w, 'podinfo-primary'), 'podinfo:1');
  await set(false);
  await w.reach('Succeeded');
  await saidAll(w, ['Promotion completed! Canary analysis was skipped for podinfo.test']);
  w.stop();
});

const ingress = {
  metadata: { name: 'podinfo', namespace: NS, annotations: { 'nginx.ingress.kubernetes.io/rewrite-target': '/' } },
  spec: {
    rules: [
      { http: { paths: [{ path: '/', pathType: 'Prefix' as const, backend: { service: { name: 'podinfo', port: { number: 9898 } } } }] } },
    ],
  },
};

test('nginx: what keeps a canary from going on is said of it, until it is mended', async () => {
  const w = await world({
    spec: { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' } },
  });
  const condition = async () => (await w.canary()).status?.conditions?.[0]?.message;
  const text = 'New Deployment detected, starting initialization.';
  const missing = 'Ingress podinfo.test not found: create it, or correct spec.ingressRef.';
  await w.pass(30_000);
  assert.equal(await condition(), `${text} Held up: ${missing}`);
  const said = (await w.eventCounts()).find(([message]) => message === missing)?.[1] ?? 0;
  assert.ok(said >= 1 && said <= 4, `said ${said} times in three intervals`);

  const elsewhere = structuredClone(ingress);
  elsewhere.spec.rules[0]!.http.paths[0]!.backend.service.name = 'other';
  await w.client.create(Ingresses, elsewhere);
  await w.pass(12_000);
  assert.equal(await condition(), `${text} Held up: backend podinfo not found in ingress podinfo: let one of its paths lead there.`);
  await w.client.patch(Ingresses, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { spec: ingress.spec } });
  await w.reach('Initialized', 15_000);
  assert.equal(await condition(), 'Deployment initialization completed.');
  w.stop();
});

test('what held a canary up that is at rest is not said of it any more', async () => {
  const ref = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' };
  const w = await world({
    spec: { provider: 'nginx', ingressRef: ref },
    before: async (client) => {
      await client.create(Deployments, deployment('podinfo:1'));
      await client.create(Ingresses, ingress);
    },
  });
  await w.reach('Initialized');
  await w.pass(12_000);
  const { lastTransitionTime: since } = (await w.canary()).status ?? {};
  const condition = async () => (await w.canary()).status?.conditions?.[0]?.message;
  await w.client.delete(Ingresses, { namespace: NS, name: 'podinfo' });
  await w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { spec: { service: { portName: 'web' } } } });
  await w.pass(1_000);
  assert.match((await condition()) ?? '', /^Deployment initialization completed\. Held up: Ingress podinfo\.test not found/);
  await w.client.create(Ingresses, ingress);
  await w.pass(12_000);
  assert.equal(await condition(), 'Deployment initialization completed.');
  assert.equal((await w.canary()).status?.lastTransitionTime, since, 'nothing happened to the release');
  w.stop();
});

test('nginx: a canary Ingress has the share, or the header, in its annotations', async () => {
  for (const ab of [false, true]) {
    const w = await world({
      analysis: ab ? iterations(1, { match: [{ headers: { 'x-canary': { exact: 'insider' } } }] }) : {},
      spec: { provider: 'nginx', ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' } },
      before: async (client) => {
        await client.create(Deployments, deployment('podinfo:1'));
        await client.create(Ingresses, ingress);
      },
    });
    await w.reach('Initialized');
    const said = async () => {
      const o = await w.client.get(Ingresses, { namespace: NS, name: 'podinfo-canary' });
      assert.equal(o?.spec?.rules?.[0]?.http?.paths[0]?.backend.service?.name, 'podinfo-canary');
      const a = o.metadata?.annotations ?? {};
      const of = (key: string): string => a[`nginx.ingress.kubernetes.io/canary${key}`] ?? '-';
      return ab ? `${of('-by-header')}=${of('-by-header-value')}` : `${of('')} ${of('-weight')}`;
    };
    await w.setImage('podinfo:2');
    const seen = await course(w, said);
    if (ab) assert.ok(seen.includes('x-canary=insider'), String(seen));
    else assert.deepEqual(seen, ['true 0', 'true 20', 'true 40', 'true 60', 'true 0']);
    w.stop();
  }
});
