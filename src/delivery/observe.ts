/** Reads what a decision is made from: from the server, not from a cache, since old weights would move traffic back and forth. */
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1.js';
import { ConfigMaps, HorizontalPodAutoscalers, Secrets } from '../api/index.ts';
import { isControlledBy, type Client } from '../control/index.ts';
import type { Observation } from './decision.ts';
import { previousName, primaryName } from './names.ts';
import { createObjects } from './objects.ts';
import { routerOf } from './routers/index.ts';
import type { Settings } from './settings.ts';
import { targetKindOf } from './targets/index.ts';
import type { Workload } from './targets/target.ts';
import { configRefs, trackedConfig, type ConfigRef, type TrackedConfig } from './tracking.ts';

/** What is known before the API is asked. */
type Known = Pick<Observation, 'canary' | 'settings' | 'judge' | 'dueIn' | 'now'>;
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
    const configs = await configsOf(settings, target);
    const previous = copy && isControlledBy(copy, canary) ? copy : undefined;
    return { ...known, target, primary, previous, configs, scaler, weights };
  };
}
