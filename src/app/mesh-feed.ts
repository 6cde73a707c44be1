/** Feeds the mesh: objects as they change -> snapshot -> resources -> each proxy; and says on the objects what is wrong with them. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  DestinationRules,
  Gateways,
  keyOf,
  keyText,
  parseKey,
  Pods,
  ServiceEntries,
  VirtualServices,
  type IstioCondition,
  type Key,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { canonicalJson, messageOf, type Clock, type Log, type Timer } from '../base/index.ts';
import { eventRecorder, withCondition, type Informers } from '../control/index.ts';
import type { ProxyResources, Translator } from '../envoy/index.ts';
import {
  defaultMeshConfig,
  problemText,
  proxyOf,
  snapshotKinds,
  type MeshConfig,
  type Problem,
  type Proxy,
  type Snapshot,
} from '../mesh/index.ts';
import type { Xds } from '../xds/index.ts';

export interface MeshFeedOptions {
  readonly informers: Informers;
  readonly translator: Translator;
  readonly xds: Xds;
  readonly config?: MeshConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The kinds whose objects carry a condition; the others have no status for it. */
const REPORTED: Readonly<Record<string, Resource<Reported>>> = {
  VirtualService: VirtualServices,
  DestinationRule: DestinationRules,
  Gateway: Gateways,
  ServiceEntry: ServiceEntries,
};
type Reported = KubeObject & { status?: { conditions?: IstioCondition[] } };

/** Resolves when everything that exists has been published once. */
export async function feedMesh(options: MeshFeedOptions): Promise<void> {
  const { informers, translator, xds, clock, signal } = options;
  const log = options.log.with({ room: 'mesh' });
  const maps = new Map<string, Map<string, KubeObject>>();
  const published = new Map<string, ProxyResources>();
  const proxies = new Map<string, { pod: Pod; proxy: Proxy }>();
  let timer: Timer | undefined;
  let synced = false;

  const snapshot = (): Snapshot => ({ config: options.config ?? defaultMeshConfig, ...Object.fromEntries(maps) }) as unknown as Snapshot;

  function publish(): void {
    timer = undefined;
    const problems = translator.update(snapshot());
    for (const [id, { proxy }] of proxies) {
      const resources = translator.resources(proxy);
      if (published.get(id) === resources) continue;
      published.set(id, resources);
      xds.publish(id, resources);
    }
    reporter.report(problems);
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
    }
  }

  const reporter = createReporter(informers, clock, log);
  const sources = Object.entries<Resource>(snapshotKinds).map(([field, resource]) => {
    const map = new Map<string, KubeObject>();
    maps.set(field, map);
    const informer = informers.of(resource);
    informer.onChange((change) => {
      const key = keyText(keyOf(change.object));
      if (change.type === 'deleted') map.delete(key);
      else map.set(key, change.object);
      if (resource.kind === Pods.kind) podChanged(change.object as Pod, change.type === 'deleted');
      changed();
    });
    return informer.synced;
  });
  await Promise.all(sources);
  synced = true;
  publish();
}

/** Writes the mesh's problems on the objects they are about, once for each change. */
function createReporter(informers: Informers, clock: Clock, log: Log): { report(problems: readonly Problem[]): void } {
  const { client } = informers;
  const events = eventRecorder(client, { component: 'istiod', clock, log });
  let last: readonly Problem[] | undefined;
  const said = new Map<string, string>();

  async function write(resource: Resource<Reported>, key: Key, problems: readonly Problem[]): Promise<void> {
    const object = await client.get(resource, key);
    if (!object) return;
    const error = problems.find((p) => p.severity === 'error');
    const worst = error ?? problems[0];
    const condition: IstioCondition = {
      type: 'Accepted',
      status: error ? 'False' : 'True',
      reason: worst?.code ?? 'Accepted',
      message: worst ? problems.map((p) => `${p.path}: ${p.message} ${p.fix}`).join(' ') : 'The whole object is in force.',
    };
    const conditions = withCondition(object.status?.conditions, condition, clock.now());
    await client.patch(
      resource,
      key,
      { type: 'merge', body: { status: { conditions } } },
      { subresource: 'status', fieldManager: 'istiod' },
    );
    if (worst) await events.record({ ...object, kind: resource.kind }, 'Warning', worst.code, problems.map(problemText).join('; '));
  }

  return {
    report(problems) {
      if (problems === last) return;
      last = problems;
      const byObject = new Map<string, Problem[]>();
      for (const p of problems) {
        const id = `${p.object.kind} ${keyText(p.object)}`;
        byObject.set(id, [...(byObject.get(id) ?? []), p]);
      }
      for (const id of new Set([...byObject.keys(), ...said.keys()])) {
        const [kind = '', key = ''] = id.split(' ');
        const resource = REPORTED[kind];
        const of = byObject.get(id) ?? [];
        const text = canonicalJson(of.map((p) => [p.code, p.path, p.message]));
        if (!resource || said.get(id) === text) continue;
        if (of.length > 0) said.set(id, text);
        else said.delete(id);
        write(resource, parseKey(key), of).catch((error: unknown) => {
          said.delete(id);
          log.warn('a problem could not be written on its object', { object: id, error: messageOf(error) });
        });
      }
    },
  };
}
