/** Reads what a decision is made from: from the server, not from a cache, since old weights would move traffic back and forth. */
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1.js';
import {
  Canaries,
  ConfigMaps,
  Events,
  GROUP,
  HorizontalPodAutoscalers,
  Pods,
  Secrets,
  type Canary,
  type CanaryTrouble,
} from '../api/index.ts';
import { isControlledBy, type Client } from '../control/index.ts';
import { overThreshold, phaseOf, primaryReadiness, targetReadiness, type Observation } from './decision.ts';
import type { Group } from './group.ts';
import { previousName, primaryName } from './names.ts';
import { createObjects } from './objects.ts';
import { routerOf } from './routers/index.ts';
import type { Settings } from './settings.ts';
import { targetKindOf } from './targets/index.ts';
import type { Workload } from './targets/target.ts';
import { troublesOf } from './troubles.ts';
import { configRefs, trackedConfig, type ConfigRef, type TrackedConfig } from './tracking.ts';

/** What is known before the API is asked. */
type Known = Pick<Observation, 'canary' | 'settings' | 'judge' | 'badRequests' | 'dueIn' | 'now'>;
export type Observe = (known: Known) => Promise<Observation>;

export function createObserver(client: Client): Observe {
  const objects = createObjects(client);

  const config = (kind: ConfigRef['kind'], namespace: string, name: string): Promise<ConfigMap | Secret | undefined> =>
    kind === 'secret' ? client.get(Secrets, { namespace, name }) : client.get(ConfigMaps, { namespace, name });

  /** One that is not there is not part of the release; its coming is a change. */
  async function configsOf(settings: Settings, target: Workload | undefined): Promise<TrackedConfig[]> {
    const { namespace } = settings;
    const refs = target ? configRefs(targetKindOf(settings.kind)!.pods(target)) : [];
    const found = await Promise.all(
      refs.map(async (ref) => {
        const [object, copy] = await Promise.all([
          config(ref.kind, namespace, ref.name),
          config(ref.kind, namespace, primaryName(ref.name)),
        ]);
        return object && trackedConfig(ref, object, copy);
      }),
    );
    return found.filter((c) => c !== undefined);
  }

  /** Looked for when something is about to be said of pods: not at each look, since there may be many of them. */
  async function troubles(o: Observation): Promise<readonly CanaryTrouble[]> {
    const troubled = inTrouble(o);
    const { matchLabels } = (troubled?.spec as { selector?: { matchLabels?: Record<string, string> } } | undefined)?.selector ?? {};
    if (!matchLabels) return [];
    const { namespace } = o.settings;
    const labelSelector = Object.entries(matchLabels)
      .map((pair) => pair.join('='))
      .join(',');
    const [pods, events] = await Promise.all([
      client.list(Pods, { namespace, labelSelector }),
      client.list(Events, { namespace, fieldSelector: 'reason=Unhealthy' }),
    ]);
    return troublesOf(pods.items, events.items);
  }

  async function groupOf(canary: Canary): Promise<Group | undefined> {
    const { name, namespace = 'default', labels } = canary.metadata ?? {};
    const group = labels?.[GROUP];
    if (!group) return undefined;
    const { items } = await client.list(Canaries, { namespace });
    return { name: group, others: items.filter((c) => c.metadata?.labels?.[GROUP] === group && c.metadata.name !== name) };
  }

  return async (known) => {
    const { canary, settings } = known;
    const { namespace, autoscaler } = settings;
    const { resource } = targetKindOf(settings.kind)!;
    const [target, primary, copy, scaler, weights] = await Promise.all([
      client.get(resource, { namespace, name: settings.target }),
      client.get(resource, { namespace, name: primaryName(settings.target) }),
      client.get(resource, { namespace, name: previousName(settings.target) }),
      autoscaler ? client.get(HorizontalPodAutoscalers, { namespace, name: autoscaler.name }) : undefined,
      routerOf(settings).read(objects, canary, settings),
    ]);
    const [configs, group] = await Promise.all([configsOf(settings, target), groupOf(canary)]);
    const previous = copy && isControlledBy(copy, canary) ? copy : undefined;
    const seen: Observation = { ...known, target, primary, previous, configs, group, scaler, weights, troubles: [] };
    return { ...seen, troubles: await troubles(seen) };
  };
}

/** The workload whose pods keep a release from going on, or from staying. */
function inTrouble(o: Observation): Workload | undefined {
  switch (phaseOf(o)) {
    case 'Progressing':
    case 'WaitingPromotion':
      if (!o.target) return undefined;
      return o.judge?.verdict === 'harm' || overThreshold(o) || targetReadiness(o).state !== 'ready' ? o.target : undefined;
    case 'Initializing':
    case 'Promoting':
      return o.primary && primaryReadiness(o).state !== 'ready' ? o.primary : undefined;
    default:
      return undefined;
  }
}
