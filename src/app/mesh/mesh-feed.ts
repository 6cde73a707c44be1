/** Feeds the mesh: objects as they change -> snapshot -> resources -> each proxy; and says on the objects what is wrong with them. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  keyOf,
  keyText,
  Pods,
  RequestAuthentications,
  type KubeObject,
  type RequestAuthentication,
  type Resource,
} from '../../api/index.ts';
import { canonicalJson, sleep, type Clock, type Log, type Timer } from '../../base/index.ts';
import type { Informers } from '../../control/index.ts';
import type { ProxyResources, Translator } from '../../envoy/index.ts';
import {
  conflictsOf,
  defaultMeshConfig,
  keySourcesOf,
  proxyOf,
  snapshotKinds,
  Table,
  type MeshConfig,
  type Problem,
  type Proxy,
  type Snapshot,
} from '../../mesh/index.ts';
import type { ProxyState, Xds } from '../../xds/index.ts';
import { createStatusReporter } from './gateway-api-status.ts';
import { createKeySets, type FetchKeys } from './key-sets.ts';
import { createConditionWriter } from './mesh-conditions.ts';
import { createProblemReporter } from './mesh-problems.ts';
import { conditionHearing, createProgrammedReporter } from './mesh-programmed.ts';
import { ingressHearing } from './ingress-hearing.ts';
import type { KnownProxy } from './istiod.ts';
import { createPilotMetrics } from './pilot-metrics.ts';
import type { Holder } from './programmed.ts';

export interface MeshFeedOptions {
  readonly informers: Informers;
  readonly translator: Translator;
  readonly xds: Xds;
  readonly config?: MeshConfig;
  /** What is at a URL at which an issuer shows its keys. */
  readonly fetchKeys: FetchKeys;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How long proxies wait for keys after a start: they hold what an earlier control plane told them. */
const FIRST_KEYS_MS = 2000;

/** What the mesh knows now. */
export interface MeshView {
  snapshot(): Snapshot;
  proxies(): readonly KnownProxy[];
  /** What only proxies that run can tell: refusals, and patches that change nothing. */
  problems(): readonly Problem[];
  /** In Prometheus' text format. */
  metrics(): string;
}

/** Resolves when everything that exists has been published once. */
export async function feedMesh(options: MeshFeedOptions): Promise<MeshView> {
  const { informers, translator, xds, clock, signal } = options;
  const log = options.log.with({ room: 'mesh' });
  const maps = new Map<string, Table<KubeObject>>();
  const published = new Map<string, ProxyResources>();
  const proxies = new Map<string, { pod: Pod; proxy: Proxy }>();
  let timer: Timer | undefined;
  let synced = false;
  let problems: readonly Problem[] = [];

  const keySets = createKeySets({ fetch: options.fetchKeys, changed, clock, log });
  signal.addEventListener('abort', () => keySets.close(), { once: true });
  const wantKeys = (): void => keySets.want(keySourcesOf(maps.get('requestAuthentications')?.values() as Iterable<RequestAuthentication>));

  const snapshot = (): Snapshot =>
    ({
      config: options.config ?? defaultMeshConfig,
      keySets: keySets.current(),
      ...Object.fromEntries(maps),
    }) as unknown as Snapshot;

  function publish(): void {
    timer = undefined;
    problems = translator.update(snapshot());
    for (const id of proxies.keys()) publishTo(id, xds.asked(id));
    report();
    statuses.report(translator.statuses());
  }

  function report(): void {
    const patched = translator.patchProblems();
    const all = patched.length ? [...problems, ...patched] : problems;
    reporter.report(all);
    programmed.report(all);
  }

  function publishTo(id: string, asked: ReadonlySet<string>, when?: 'now'): void {
    const known = proxies.get(id);
    if (!known || !synced) return;
    const began = clock.now();
    const resources = translator.resources(known.proxy, asked);
    const before = published.get(id);
    if (before === resources) return;
    published.set(id, resources);
    metrics.published(id, xds.publish(id, resources, when), before, resources, began, clock.now());
    programmed.changed();
  }

  function holders(): Holder[] {
    return knownProxies().flatMap(({ proxy, resources, state }) =>
      resources && state.connected ? [{ proxy: proxy.id, origins: translator.origins(proxy, resources), resources, state }] : [],
    );
  }

  /** The first change of a burst goes out at once; what comes within the same turn goes with it. */
  function changed(): void {
    if (synced && !timer && !signal.aborted) timer = clock.after(0, publish);
  }

  function podChanged(pod: Pod, gone: boolean): void {
    const id = `${pod.metadata?.name}.${pod.metadata?.namespace}`;
    const proxy = gone ? undefined : proxyOf(pod);
    if (proxy) {
      const before = proxies.get(id);
      // An unchanged proxy keeps its identity, so that what was made for it is found again.
      const same = before && canonicalJson(before.proxy) === canonicalJson(proxy);
      proxies.set(id, { pod, proxy: same ? before.proxy : proxy });
    } else if (proxies.delete(id)) {
      published.delete(id);
      xds.forget(id);
      metrics.forget(id);
    }
  }

  const knownProxies = (): KnownProxy[] =>
    [...proxies].map(([id, { proxy }]) => ({ proxy, state: xds.state(id), resources: published.get(id) }));
  const metrics = createPilotMetrics({
    version: options.version,
    proxies: () => knownProxies().map((p) => p.state),
    services: () => maps.get('services')?.size ?? 0,
    virtualServices: () => maps.get('virtualServices')?.size ?? 0,
    conflicts: () => {
      const { services, serviceEntries } = snapshot();
      return conflictsOf(services.values(), serviceEntries.values());
    },
  });
  const conditions = createConditionWriter({ client: informers.client, clock });
  const reporter = createProblemReporter({ informers, conditions, clock, log });
  const statuses = createStatusReporter({ informers, clock, log });
  const hearings = [conditionHearing(informers, conditions), statuses, ingressHearing(informers)];
  const programmed = createProgrammedReporter({ client: informers.client, hearings, holders, clock, log, signal });
  /** A refusal that a patch of users is to blame for is answered without that patch. */
  function refused(id: string, { rejections }: ProxyState): void {
    const known = proxies.get(id);
    if (known && rejections.some((rejection) => translator.refused(known.proxy, xds.asked(id), rejection))) changed();
  }

  const endings = [
    xds.onAsk((id, asked) => {
      publishTo(id, asked, 'now');
      if (translator.patchProblems().length) report();
    }),
    xds.onAck((id, state) => {
      metrics.answered(id, state, clock.now());
      refused(id, state);
      programmed.changed();
    }),
  ];
  signal.addEventListener('abort', () => endings.forEach((end) => end()), { once: true });
  const sources = Object.entries<Resource>(snapshotKinds).map(([field, resource]) => {
    maps.set(field, new Table());
    const informer = informers.of(resource);
    informer.onChange((change) => {
      const key = keyText(keyOf(change.object));
      maps.set(field, maps.get(field)!.with([[key, change.type === 'deleted' ? undefined : change.object]]));
      if (resource.kind === Pods.kind) podChanged(change.object as Pod, change.type === 'deleted');
      if (resource.kind === RequestAuthentications.kind && synced) wantKeys();
      metrics.changed(resource.kind, change.type);
      changed();
    });
    return informer.synced;
  });
  await Promise.all(sources);
  wantKeys();
  await Promise.race([keySets.tried(), sleep(clock, FIRST_KEYS_MS, signal)]);
  synced = true;
  publish();
  return {
    snapshot,
    proxies: knownProxies,
    problems: () => [...translator.patchProblems(), ...programmed.refused()],
    metrics: () => metrics.text(),
  };
}
