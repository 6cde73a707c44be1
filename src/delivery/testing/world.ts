/** A world for whole releases in virtual time: the real controller on a fake API, with Deployments, metrics and hooks that are played. */
import assert from 'node:assert/strict';
import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, PodTemplateSpec, Service } from 'kubernetes-types/core/v1.js';
import type { Ingress } from 'kubernetes-types/networking/v1.js';
import {
  Canaries,
  DaemonSets,
  Deployments,
  Events,
  VirtualServices,
  type Canary,
  type CanaryAnalysis,
  type CanaryBadRequest,
  type CanarySpec,
  type KubeObject,
  type VirtualService,
} from '../../api/index.ts';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createInformers } from '../../control/index.ts';
import { FakeClient } from '../../control/testing.ts';
import { startDelivery } from '../controller.ts';
import type { Http, RequestLog, Sample, Web, WebAnswer, WebRequest } from '../ports.ts';

export const NS = 'test';

export interface World {
  clock: VirtualClock;
  client: FakeClient;
  /** What the next queries answer, by a word of the query. */
  successRate: number | undefined;
  p99: number | undefined;
  /** Targets of which half the requests fail, whatever `successRate` says. */
  failing: Set<string>;
  /** What the proxies have counted of the route's requests, as its series. */
  split: (query: string) => readonly Sample[];
  /** Requests to a service that proxies tell of. */
  requests: (service: string, since: number, slowMs: number) => readonly CanaryBadRequest[];
  hook: (url: string) => number;
  /** URLs that were posted to, and metrics that were asked for. */
  calls: string[];
  queries: string[];
  /** What others answer when they are asked for metrics or told of alerts; 200 and nothing where it does not say. */
  answer: (request: WebRequest) => Partial<WebAnswer>;
  sent: WebRequest[];
  /** Deployments whose pods never become ready. */
  broken: Set<string>;
  /** The same, by the Deployments' names. */
  brokenNames: Set<string>;
  /** Deployments of which no controller says anything more. */
  deaf: Set<string>;
  /** Lets time pass, with Deployments rolling out at once, until the phase is reached. */
  reach(phase: string, limitMs?: number): Promise<void>;
  pass(ms: number): Promise<void>;
  setImage(image: string, kind?: typeof Deployments | typeof DaemonSets): Promise<void>;
  canary(): Promise<Canary>;
  events(): Promise<string[]>;
  /** Each text with how often it was said. */
  eventCounts(): Promise<[string, number][]>;
  /** The controller ends where it is, and another takes its place. */
  restart(): void;
  stop(): void;
}

interface Uses {
  /** A ConfigMap that its environment comes from. */
  readonly config?: string;
  /** A Secret that is mounted. */
  readonly secret?: string;
}

const template = (image: string, { config, secret }: Uses): PodTemplateSpec => ({
  metadata: { labels: { app: 'podinfo' } },
  spec: {
    containers: [{ name: 'podinfod', image, ...(config ? { envFrom: [{ configMapRef: { name: config } }] } : {}) }],
    ...(secret ? { volumes: [{ name: 'secret', secret: { secretName: secret } }] } : {}),
  },
});

export const deployment = (image: string, uses: Uses = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'podinfo', namespace: NS, generation: 1 },
  spec: { replicas: 2, selector: { matchLabels: { app: 'podinfo' } }, template: template(image, uses) },
});

export const daemonSet = (image: string, uses: Uses = {}): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'podinfo', namespace: NS, generation: 1 },
  spec: { selector: { matchLabels: { app: 'podinfo' } }, template: template(image, uses) },
});

/** A Service as target: its selector says where it leads. */
export const service = (version: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'podinfo', namespace: NS },
  spec: { clusterIP: '10.96.0.7', selector: { app: 'podinfo', version }, ports: [{ name: 'http', port: 9898 }] },
});

/** Leads to the apex Service. */
export const ingress: Ingress = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'podinfo', namespace: NS },
  spec: {
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'podinfo', port: { number: 9898 } } } }] } }],
  },
};

export const configMap = (name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NS },
  data,
});

export const canaryObject = (analysis: Partial<CanaryAnalysis>, spec: Partial<CanarySpec>, name = 'podinfo'): Canary => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name, namespace: NS },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    service: { port: 9898 },
    analysis: {
      interval: '10s',
      threshold: 2,
      maxWeight: 50,
      stepWeight: 20,
      metrics: [
        { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' },
        { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
      ],
      ...analysis,
    },
    ...spec,
  },
});

/** Plays the Deployment controller: everything is rolled out and available at once, unless it is broken. */
async function rollOut(
  client: FakeClient,
  broken: (name: string, image: string) => boolean,
  deaf: ReadonlySet<string>,
  now: number,
): Promise<void> {
  for (const d of (await client.list(Deployments, { namespace: NS })).items) {
    if (deaf.has(d.metadata?.name ?? '')) continue;
    const replicas = d.spec?.replicas ?? 1;
    const bad = broken(d.metadata?.name ?? '', d.spec?.template.spec?.containers[0]?.image ?? '');
    const status = {
      observedGeneration: d.metadata?.generation ?? 0,
      replicas,
      updatedReplicas: replicas,
      availableReplicas: bad ? 0 : replicas,
      conditions: [{ type: 'Available', status: bad && replicas > 0 ? 'False' : 'True', lastUpdateTime: new Date(now).toISOString() }],
    };
    if (JSON.stringify({ ...status, conditions: 0 }) === JSON.stringify({ ...d.status, conditions: 0 })) continue;
    await client.update(Deployments, { ...d, status }, { subresource: 'status' });
  }
  for (const d of (await client.list(DaemonSets, { namespace: NS })).items) {
    const pods = d.spec?.template.spec?.nodeSelector?.['flagger.app/scale-to-zero'] ? 0 : 1;
    const bad = broken(d.metadata?.name ?? '', d.spec?.template.spec?.containers[0]?.image ?? '');
    const status: DaemonSet['status'] = {
      observedGeneration: d.metadata?.generation ?? 0,
      currentNumberScheduled: pods,
      desiredNumberScheduled: pods,
      updatedNumberScheduled: pods,
      numberAvailable: bad ? 0 : pods,
      numberMisscheduled: 0,
      numberReady: bad ? 0 : pods,
    };
    if (JSON.stringify(status) !== JSON.stringify(d.status)) await client.update(DaemonSets, { ...d, status }, { subresource: 'status' });
  }
}

export interface Setting {
  readonly analysis?: Partial<CanaryAnalysis>;
  readonly spec?: Partial<CanarySpec>;
  /** Objects that are there before the Canary: the target, unless told otherwise. */
  readonly before?: (client: FakeClient) => Promise<unknown>;
  /** `brokenNames` from the start. */
  readonly broken?: readonly string[];
}

/** Blue/green or A/B testing in place of weights. */
export const iterations = (n: number, more: Partial<CanaryAnalysis> = {}): Partial<CanaryAnalysis> => ({
  stepWeight: undefined,
  maxWeight: undefined,
  iterations: n,
  ...more,
});

export async function world({ analysis = {}, spec = {}, before, broken = [] }: Setting = {}): Promise<World> {
  const clock = new VirtualClock();
  const client = new FakeClient(clock);
  let abort = new AbortController();
  const w: World = {
    clock,
    client,
    successRate: 100,
    p99: 20,
    failing: new Set(),
    split: () => [],
    requests: () => [],
    hook: () => 200,
    calls: [],
    queries: [],
    answer: () => ({}),
    sent: [],
    broken: new Set(),
    brokenNames: new Set(broken),
    deaf: new Set(),
    async pass(ms) {
      for (let left = ms; left > 0; left -= 500) {
        await clock.advance(Math.min(500, left));
        await rollOut(client, (name, image) => w.broken.has(image) || w.brokenNames.has(name), w.deaf, clock.now());
      }
    },
    async reach(phase, limitMs = 300_000) {
      for (let t = 0; t < limitMs; t += 500) {
        if ((await w.canary()).status?.phase === phase) return;
        await w.pass(500);
      }
      assert.fail(`never ${phase}, but ${JSON.stringify((await w.canary()).status)}\n${(await w.events()).join('\n')}`);
    },
    async setImage(image, kind = Deployments) {
      const body = { spec: { template: { spec: { containers: [{ name: 'podinfod', image }] } } } };
      await client.patch<KubeObject>(kind, { namespace: NS, name: 'podinfo' }, { type: 'strategic', body });
    },
    async canary() {
      return (await client.get(Canaries, { namespace: NS, name: 'podinfo' }))!;
    },
    async events() {
      return (await client.list(Events, { namespace: NS })).items.map((e) => e.message ?? '');
    },
    async eventCounts() {
      return (await client.list(Events, { namespace: NS })).items.map((e) => [e.message ?? '', e.count ?? 1]);
    },
    restart() {
      abort.abort();
      start();
    },
    stop: () => abort.abort(),
  };
  const http: Http = {
    post: async (url) => {
      w.calls.push(url);
      return { status: w.hook(url), body: 'said no' };
    },
  };
  const web: Web = {
    send: async (request) => {
      w.sent.push(request);
      return { status: 200, body: '', retryAfter: undefined, ...w.answer(request) };
    },
  };
  const metrics = {
    query: async (q: string) => {
      w.queries.push(q);
      if (q.includes('histogram_quantile')) return w.p99;
      return [...w.failing].some((target) => q.includes(`"${target}"`)) ? 50 : w.successRate;
    },
    select: async (q: string) => w.split(q),
  };
  if (before) await before(client);
  else await client.create(Deployments, deployment('podinfo:1'));
  await client.create(Canaries, canaryObject(analysis, spec));
  function start(): void {
    abort = new AbortController();
    const { signal } = abort;
    const informers = createInformers(client, { clock, log: silentLog, signal });
    const requests: RequestLog = { bad: (...about) => w.requests(...about) };
    void startDelivery({ informers, metrics, requests, http, web, env: {}, clock, log: silentLog, signal });
  }
  start();
  await w.pass(500);
  return w;
}

export const image = async (w: World, name: string, kind: typeof Deployments | typeof DaemonSets = Deployments): Promise<string> =>
  (await w.client.get<Deployment | DaemonSet>(kind, { namespace: NS, name }))?.spec?.template.spec?.containers[0]?.image ?? '';
export const replicas = async (w: World, name: string): Promise<number> =>
  (await w.client.get(Deployments, { namespace: NS, name }))?.spec?.replicas ?? -1;
export const weight = async (w: World): Promise<number> =>
  (await w.client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec.http?.[0]?.route?.find(
    (r) => r.destination.host === 'podinfo-canary',
  )?.weight ?? -1;

/** The VirtualService's rules; empty when there is none. */
export const routes = async (w: World): Promise<NonNullable<VirtualService['spec']['http']>> =>
  (await w.client.get(VirtualServices, { namespace: NS, name: 'podinfo' }))?.spec.http ?? [];

/** Fails unless the events hold these texts. */
export async function saidAll(w: World, texts: readonly string[]): Promise<void> {
  const events = await w.events();
  for (const text of texts) assert.ok(events.includes(text), `${text}\nis not in\n${events.join('\n')}`);
}

/** Lets a release go on to its end, and returns each state that was different from the one before. */
export async function course(w: World, look: () => Promise<unknown>, end = 'Succeeded', limitMs = 300_000): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let t = 0; t < limitMs && (await w.canary()).status?.phase !== end; t += 500) {
    await w.pass(500);
    const now = await look();
    if (JSON.stringify(seen.at(-1)) !== JSON.stringify(now)) seen.push(now);
  }
  assert.equal((await w.canary()).status?.phase, end, (await w.events()).join('\n'));
  return seen;
}
