import type { Scale } from 'kubernetes-types/autoscaling/v1.js';
import type { HorizontalPodAutoscaler, MetricSpec } from 'kubernetes-types/autoscaling/v2.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  apiVersionOf,
  HorizontalPodAutoscalers,
  isApiError,
  keyOf,
  keyText,
  parseKey,
  parseLabelSelector,
  Pods,
  versionsOf,
  type Catalog,
  type Resource,
} from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { again, settled, updateStatus, type Source } from '../control/index.ts';
import { decideScale, type ScaleDecision } from './autoscaler-decide.ts';
import { recommend, type Recommendation, type Usage } from './autoscaling.ts';
import type { ScalingMemory } from './scaling-rules.ts';
import type { Controller, World } from './world.ts';

/** What a pod uses. */
export interface PodUse {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** Finds out what pods use at present; those of whom nothing is known are left out. By {@link keyText} of the pod. */
export type UseOfPods = () => Promise<ReadonlyMap<string, PodUse>>;

/** How often metrics are looked at, in milliseconds. */
const PERIOD = 15_000;

/** A target as it is to be scaled, and where. */
interface Found {
  readonly resource: Resource<Scale>;
  readonly scale: Scale;
}

/**
 * Scales whatever has a scale subresource, kinds of users' own too, on what the pods of its selector use. Without metrics the bounds
 * still hold.
 */
export function autoscaler(world: World, catalog: Pick<Catalog, 'all'>, useOfPods: UseOfPods): Controller {
  const { informers, client, clock } = world;
  const autoscalers = informers.of(HorizontalPodAutoscalers);
  const pods = informers.of(Pods);
  const events = world.events('horizontal-pod-autoscaler');
  const memories = new Map<string, ScalingMemory>();

  /** Only changes of the spec: a status of ours must not start the next pass before its time. */
  const source: Source = {
    synced: Promise.all([autoscalers.synced, pods.synced]).then(() => undefined),
    start: (enqueue) =>
      autoscalers.onChange((change) => {
        if (change.type === 'updated' && canonicalJson(change.old.spec) === canonicalJson(change.object.spec)) return;
        enqueue(keyText(keyOf(change.object)));
      }),
  };

  function usagesOf(selected: readonly Pod[], metric: MetricSpec, use: ReadonlyMap<string, PodUse>): Usage[] {
    const of = metric.resource?.name === 'memory' ? 'memoryBytes' : 'cpuMilli';
    return selected.map((pod) => ({ pod, used: use.get(keyText(keyOf(pod)))?.[of] }));
  }

  /** The target's scale, or a sentence that says why there is none. */
  async function find(hpa: HorizontalPodAutoscaler): Promise<Found | string> {
    const { apiVersion = '', kind, name } = hpa.spec!.scaleTargetRef;
    const resource = resourceOf(catalog, apiVersion, kind);
    if (!resource) return `no matches for kind "${kind}" in group "${groupOf(apiVersion)}"`;
    const key = { namespace: hpa.metadata?.namespace, name };
    try {
      const scale = await client.get(resource, key, { subresource: 'scale' });
      return scale ? { resource, scale } : `${[resource.plural, resource.group].filter(Boolean).join('.')} "${name}" not found`;
    } catch (error) {
      // A kind without a scale. What passes by itself is tried again.
      if (isApiError(error, 'NotFound')) return error.message;
      throw error;
    }
  }

  async function recommendations(hpa: HorizontalPodAutoscaler, { spec, status }: Scale): Promise<Recommendation[]> {
    if (!status?.selector) return [{ failure: 'InvalidSelector', message: "the HPA target's scale is missing a selector" }];
    const selector = parseLabelSelector(status.selector);
    const metrics = hpa.spec?.metrics ?? [];
    const use = metrics.some((m) => m.type === 'Resource') ? await useOfPods() : new Map<string, PodUse>();
    const selected = pods.list(hpa.metadata?.namespace).filter((pod) => selector.matches(pod.metadata?.labels));
    return metrics.map((m) => recommend(m, spec?.replicas ?? 0, usagesOf(selected, m, use)));
  }

  async function decideFor(hpa: HorizontalPodAutoscaler, scale: Scale, memory: ScalingMemory): Promise<ScaleDecision> {
    const target = { wanted: scale.spec?.replicas ?? 0, current: scale.status?.replicas ?? 0 };
    return decideScale(hpa, target, await recommendations(hpa, scale), memory, clock.now());
  }

  return {
    name: 'horizontal-pod-autoscaler',
    sources: [source],
    async reconcile(key) {
      const hpa = autoscalers.get(parseKey(key));
      if (!hpa || hpa.metadata?.deletionTimestamp) {
        memories.delete(key);
        return settled;
      }
      const memory = memories.get(key) ?? { recommendations: [], changes: [] };
      memories.set(key, memory);
      const found = await find(hpa);
      const { status, rescale, event } =
        typeof found === 'string' ? decideScale(hpa, found, [], memory, clock.now()) : await decideFor(hpa, found.scale, memory);
      if (rescale !== undefined && typeof found !== 'string') {
        await client.update(found.resource, { ...found.scale, spec: { replicas: rescale } }, { subresource: 'scale' });
      }
      if (event) await events.record(hpa, event.type, event.reason, event.message);
      await updateStatus(client, HorizontalPodAutoscalers, hpa, status);
      return again(PERIOD);
    },
  };
}

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.split('/')[0]! : '');

/** By group and kind, as the version that is named or, when that is not served, the preferred one. */
function resourceOf(catalog: Pick<Catalog, 'all'>, apiVersion: string, kind: string): Resource<Scale> | undefined {
  const served = catalog
    .all()
    .filter((def) => def.resource.kind === kind)
    .flatMap(versionsOf)
    .filter(({ group }) => group === groupOf(apiVersion));
  const found = served.find((s) => apiVersionOf(s) === apiVersion) ?? served[0];
  if (!found) return undefined;
  const { plural, namespaced } = found.def.resource;
  return { group: found.group, version: found.version, kind, plural, namespaced };
}
