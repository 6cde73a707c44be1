/**
 * Releases by seed: good and bad ones, one upon the other, while the controller is killed between any two writes. What must hold is
 * looked at before and after every single write.
 */
import assert from 'node:assert/strict';
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.js';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { Ingress } from 'kubernetes-types/networking/v1.js';
import {
  Canaries,
  ConfigMaps,
  DaemonSets,
  Deployments,
  HorizontalPodAutoscalers,
  Ingresses,
  REQUEST,
  Services,
  VirtualServices,
  type CanaryAnalysis,
  type CanarySpec,
  type CanaryWebhook,
  type KubeObject,
  type Resource,
  type WebhookType,
} from '../../api/index.ts';
import { below, seededRng, type Rng } from '../../base/index.ts';
import type { FakeClient } from '../../control/testing.ts';
import { configMap, daemonSet, deployment, ingress, iterations, NS, service, world, type World } from './world.ts';

type Kind = typeof Deployments | typeof DaemonSets | typeof Services;
type Target = Deployment & DaemonSet & Service;

interface Case {
  readonly kind?: Kind;
  readonly analysis?: Partial<CanaryAnalysis>;
  readonly spec?: Partial<CanarySpec>;
}

const HTTPRoutes: Resource<KubeObject & { spec: { rules: { backendRefs: { name: string; weight: number }[] }[] } }> = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  namespaced: true,
};
const MATCH = [{ headers: { 'x-canary': { exact: 'insider' } } }];
const AFFINITY = { cookieName: 'c', primaryCookieName: 'p' };
const target = (kind: string): Partial<CanarySpec> => ({
  targetRef: { apiVersion: kind === 'Service' ? 'v1' : 'apps/v1', kind, name: 'podinfo' },
});
const NGINX: Partial<CanarySpec> = {
  provider: 'nginx',
  ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'podinfo' },
};
const GATEWAY: Partial<CanarySpec> = { provider: 'gatewayapi:v1', service: { port: 9898, gatewayRefs: [{ name: 'door' }] } };

const gate = (type: string): CanaryWebhook => ({ name: type, type: type as WebhookType, url: `http://gate/${type}` });

/** Every strategy, and every kind of target and of route. */
export const CASES: Readonly<Record<string, Case>> = {
  weights: {},
  'weights that go back step by step': { analysis: { stepWeightPromotion: 40 } },
  'weights after mirroring': { analysis: { mirror: true } },
  'sessions that stick': { analysis: { sessionAffinity: AFFINITY } },
  'A/B testing': { analysis: iterations(2, { match: MATCH }) },
  'blue/green': { analysis: iterations(2) },
  'blue/green with mirroring': { analysis: iterations(2, { mirror: true }) },
  'no mesh': { analysis: iterations(2), spec: { provider: 'kubernetes' } },
  'an Ingress': { spec: NGINX },
  'an HTTPRoute': { spec: GATEWAY },
  'an HTTPRoute with sessions that stick': { analysis: { sessionAffinity: AFFINITY }, spec: GATEWAY },
  'an HTTPRoute, A/B testing': { analysis: iterations(2, { match: MATCH }), spec: GATEWAY },
  'an HTTPRoute, blue/green with mirroring': { analysis: iterations(2, { mirror: true }), spec: GATEWAY },
  'gates that are closed at times': {
    analysis: { webhooks: ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'].map(gate) },
  },
  'no analysis': { spec: { skipAnalysis: true } },
  'an autoscaler': { spec: { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'podinfo' } } },
  'a DaemonSet': { kind: DaemonSets, spec: target('DaemonSet') },
  'a DaemonSet, blue/green': { kind: DaemonSets, analysis: iterations(2), spec: target('DaemonSet') },
  'a DaemonSet, no mesh': { kind: DaemonSets, analysis: iterations(2), spec: { ...target('DaemonSet'), provider: 'kubernetes' } },
  'a Service': { kind: Services, spec: target('Service') },
};

async function begin(client: FakeClient, kind: Kind): Promise<void> {
  if (kind === DaemonSets) await client.create(DaemonSets, daemonSet('podinfo:1', { config: 'podinfo' }));
  else if (kind === Services) await client.create(Services, service('1'));
  else await client.create(Deployments, deployment('podinfo:1', { config: 'podinfo' }));
  await client.create(ConfigMaps, configMap('podinfo', { colour: 'blue' }));
  await client.create(Ingresses, ingress);
  await client.create(HorizontalPodAutoscalers, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'podinfo', namespace: NS },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' }, minReplicas: 2, maxReplicas: 4 },
  });
}

interface Share {
  readonly primary: number;
  readonly canary: number;
}

const asleep = (o: Target): boolean =>
  o.spec?.replicas === 0 || o.spec?.template?.spec?.nodeSelector?.['flagger.app/scale-to-zero'] !== undefined;

/** What must hold whenever anybody looks. All is read in one moment: the fake answers a read as of the call. */
async function check(w: World, kind: Kind): Promise<void> {
  const named = (name: string) => ({ namespace: NS, name });
  const [owned, vs, route, ingress, apex, canarys, own, primary, previous] = await Promise.all([
    Promise.all(
      [Deployments, DaemonSets, Services, VirtualServices, HTTPRoutes, Ingresses, ConfigMaps, HorizontalPodAutoscalers].map(
        async (k) => (await w.client.list(k as Resource, { namespace: NS })).items,
      ),
    ),
    w.client.get(VirtualServices, named('podinfo')),
    w.client.get(HTTPRoutes, named('podinfo')),
    w.client.get<Ingress>(Ingresses, named('podinfo-canary')),
    w.client.get(Services, named('podinfo')),
    w.client.get(Services, named('podinfo-canary')),
    w.client.get(kind as Resource<Target>, named('podinfo')),
    w.client.get(kind as Resource<Target>, named('podinfo-primary')),
    w.client.get(kind as Resource<Target>, named('podinfo-previous')),
  ]);
  for (const o of owned.flat())
    assert.ok((o.metadata?.ownerReferences ?? []).filter((r) => r.controller).length <= 1, `${o.metadata?.name} has two owners`);

  const shares: Share[] = [];
  const take = (routed: readonly { host: string; weight: number | undefined }[]): void => {
    const of = (host: string): number => routed.reduce((sum, r) => sum + (r.host === host ? (r.weight ?? 100) : 0), 0);
    shares.push({ primary: of('podinfo-primary'), canary: of('podinfo-canary') });
  };
  for (const { route: to = [] } of vs?.spec.http ?? []) take(to.map((r) => ({ host: r.destination.host, weight: r.weight })));
  for (const { backendRefs } of route?.spec.rules ?? []) take(backendRefs.map((r) => ({ host: r.name, weight: r.weight })));
  if (ingress) {
    const weight = Number(ingress.metadata?.annotations?.['nginx.ingress.kubernetes.io/canary-weight']);
    shares.push({ primary: 100 - weight, canary: weight });
  }
  for (const { primary: p, canary: c } of shares) assert.ok(p >= 0 && c >= 0 && p + c === 100, `${p} and ${c} %`);

  // Without a mesh, and beside the routes: where the Service leads. Until there is a primary, it is what its user has made.
  const served = kind === Services || !apex || !canarys;
  if (!served) {
    const toCanary = apex.spec?.selector?.['app'] === canarys.spec?.selector?.['app'];
    shares.push(toCanary ? { primary: 0, canary: 100 } : { primary: 100, canary: 0 });
  }
  const canary = canarys?.spec?.selector?.['app'] === 'podinfo-previous' ? previous : own;
  for (const share of shares) {
    if (share.canary > 0) assert.ok(canary && !asleep(canary), `${share.canary} % to the canary, which has no replicas`);
    if (share.primary > 0) assert.ok(primary && !asleep(primary), `${share.primary} % to the primary, which has no replicas`);
  }
}

/** Kills the controller before or after writes, as the seed has it: about one in `every`. */
function killer(w: World, rng: Rng, every: number, problems: unknown[], kind: Kind): { killed: boolean } {
  const state = { killed: false };
  const playsTheWorld = (plural: string, subresource: string | undefined): boolean => plural !== 'canaries' && subresource === 'status';
  const die = (): void => {
    state.killed ||= rng.next() < 1 / every;
    if (state.killed) throw new Error('killed');
  };
  w.client.hooks = {
    before: ({ resource, subresource }) => {
      if (!playsTheWorld(resource.plural, subresource)) die();
    },
    after: ({ resource, subresource }) => {
      check(w, kind).catch((problem: unknown) => problems.push(problem));
      if (!playsTheWorld(resource.plural, subresource)) die();
    },
  };
  return state;
}

/** One life of a Canary; rejects with what did not hold. */
export async function simulate(name: string, seed: number): Promise<{ kills: number; phases: ReadonlySet<string> }> {
  const { kind = Deployments, analysis = {}, spec = {} } = CASES[name]!;
  const rng = seededRng(seed);
  const int = (least: number, most: number): number => least + below(rng, most - least + 1);
  const pick = <T>(from: readonly T[]): T => from[below(rng, from.length)]!;
  const w = await world({ analysis, spec: { revertOnDeletion: true, ...spec }, before: (client) => begin(client, kind) });
  const problems: unknown[] = [];
  const every = int(5, 40);
  const phases = new Set<string>();
  w.hook = () => (rng.next() < 0.5 ? 200 : 403);
  let fault = killer(w, rng, every, problems, kind);
  let kills = 0;
  let version = 1;

  /** Time passes, and who was killed is started again. */
  const pass = async (ms: number): Promise<void> => {
    for (let t = 0; t < ms; t += 500) {
      await w.pass(500);
      phases.add((await w.client.get(Canaries, { namespace: NS, name: 'podinfo' }))?.status?.phase ?? 'gone');
      if (!fault.killed) continue;
      kills++;
      w.restart();
      fault = killer(w, rng, every, problems, kind);
    }
  };
  /** What a user does: nothing kills that. */
  const user = async (act: () => Promise<unknown>): Promise<void> => {
    const { hooks } = w.client;
    w.client.hooks = {};
    await act();
    w.client.hooks = hooks;
  };
  const release = (to: number): Promise<void> =>
    user(() =>
      kind === Services
        ? w.client.patch(
            Services,
            { namespace: NS, name: 'podinfo' },
            { type: 'merge', body: { spec: { selector: { version: `${to}` } } } },
          )
        : w.setImage(`podinfo:${to}`, kind as typeof Deployments),
    );
  const running = async (name = 'podinfo-primary'): Promise<string | undefined> => {
    const workload = await w.client.get(kind as Resource<Target>, { namespace: NS, name });
    return kind === Services ? workload?.spec?.selector?.['version'] : workload?.spec?.template?.spec?.containers[0]?.image?.split(':')[1];
  };
  let asked = 0;
  const undo = (): Promise<unknown> =>
    user(() => {
      const body = { metadata: { annotations: { [REQUEST]: `undo ${++asked}` } } };
      return w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body });
    });
  const settled = async (what: string, done: () => Promise<boolean>): Promise<void> => {
    for (let t = 0; t < 1_500_000; t += 5_000) {
      if (await done()) return;
      await pass(5_000);
    }
    assert.fail(`never ${what}: ${JSON.stringify((await w.canary())?.status)}\n${(await w.events()).join('\n')}`);
  };

  try {
    await settled('initialized', async () => (await w.canary()).status?.phase === 'Initialized');
    for (let i = int(2, 6); i > 0; i--) {
      w.successRate = pick([100, 100, 50]);
      w.broken = new Set(pick<string[]>([[], [], [`podinfo:${version + 1}`]]));
      w.brokenNames = new Set(pick<string[]>([[], [], [], ['podinfo-primary']]));
      const before = version;
      await release(++version);
      await pass(int(0, 60) * 1_000);
      const then = pick(['goes on', 'is taken back', 'gets other configuration', 'is gone on with', 'is undone'] as const);
      if (then === 'is undone') await undo();
      if (then === 'is taken back') await release(before);
      if (then === 'gets other configuration')
        await user(() =>
          w.client.patch(ConfigMaps, { namespace: NS, name: 'podinfo' }, { type: 'merge', body: { data: { colour: `${version}` } } }),
        );
      await pass(int(0, 90) * 1_000);
    }
    w.successRate = 100;
    w.broken = new Set();
    w.brokenNames = new Set();
    await release(++version);
    await settled(
      `at version ${version}`,
      async () => (await w.canary()).status?.phase === 'Succeeded' && (await running()) === `${version}`,
    );
    const before = (await w.canary()).status?.previous && (await running('podinfo-previous'));
    if (before !== undefined) {
      await undo();
      await settled(`back at version ${before}`, async () => {
        const { phase, previous } = (await w.canary()).status ?? {};
        return phase === 'Succeeded' && previous === undefined && (await running()) === before && (await running('podinfo')) === before;
      });
      await release(version);
      await pass(60_000);
      assert.equal(await running(), before, 'what was undone is not released again');
    }
    const { resourceVersion } = (await w.canary()).metadata!;
    await pass(60_000);
    assert.equal((await w.canary()).metadata?.resourceVersion, resourceVersion, 'what has settled is left alone');
    await user(() => w.client.delete(Canaries, { namespace: NS, name: 'podinfo' }));
    await settled('gone', async () => (await w.canary()) === undefined);
    const left = await w.client.get(kind as Resource<Target>, { namespace: NS, name: 'podinfo' });
    assert.ok(left && !asleep(left), 'what is left of it runs');
    if (problems.length > 0) throw problems[0];
    return { kills, phases };
  } finally {
    w.client.hooks = {};
    w.stop();
  }
}
