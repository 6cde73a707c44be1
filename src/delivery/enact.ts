/** Does what was decided. Each effect may run twice, or be cut short: it looks first, and writes only what differs. */
import type { Service } from 'kubernetes-types/core/v1.js';
import { Canaries, ConfigMaps, HorizontalPodAutoscalers, keyOf, Secrets, Services } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { controllerReference, type Client } from '../control/index.ts';
import { info, kindOf, warn, type Effect, type Observation, type Said } from './decision.ts';
import { FINALIZER } from './deletion.ts';
import type { Hooks } from './hooks.ts';
import { createKeeper } from './keep.ts';
import { canaryName, primaryName } from './names.ts';
import { createObjects, FIELD_MANAGER } from './objects.ts';
import { isWarm } from './previous.ts';
import { routerOf } from './routers/index.ts';
import { serviceOf } from './routes.ts';
import { primaryScaler } from './scaler.ts';
import { leads } from './targets/service.ts';
import type { Origin } from './targets/target.ts';
import { copiedConfig } from './tracking.ts';

export interface Enactor {
  /** Resolves with what came of it, where that is worth saying. */
  enact(o: Observation, effect: Effect): Promise<readonly Said[] | void>;
}

export function createEnactor(client: Client, hooks: Hooks): Enactor {
  const objects = createObjects(client);
  const keeper = createKeeper(client, objects);
  const by = { fieldManager: FIELD_MANAGER };

  const originOf = (o: Observation): Origin => ({ canary: o.canary, settings: o.settings, target: o.target!, configs: o.configs });

  async function copyConfigs(o: Observation): Promise<void> {
    for (const config of o.configs) {
      if (config.promoted) continue;
      const copy = copiedConfig(config.kind, config.object, primaryName(config.name), o.canary);
      if (config.kind === 'secret') await objects.apply(Secrets, copy, o);
      else await objects.apply(ConfigMaps, copy, o);
    }
  }

  async function followScaler(o: Observation): Promise<void> {
    if (o.settings.autoscaler && o.scaler) await objects.apply(HorizontalPodAutoscalers, primaryScaler(o, o.scaler), o);
  }

  /** A Service as target is copied for the canary, too: the target itself is what clients call. */
  function canaryService(o: Observation, to: 'canary' | 'previous'): Service {
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: canaryName(o.settings.target),
        namespace: o.settings.namespace,
        ownerReferences: [controllerReference(Canaries, o.canary)],
      },
      spec: leads((to === 'previous' ? o.previous : o.target) as Service),
    };
  }

  /** Where the canary's Service leads: to the version before while that is warm. */
  async function leadCanary(o: Observation, to: 'canary' | 'previous'): Promise<void> {
    const wanted = o.settings.kind === 'Service' ? canaryService(o, to) : serviceOf('canary', o.canary, o.settings, o.target!, to);
    await objects.apply(Services, wanted, o);
  }

  async function createBackends(o: Observation): Promise<void> {
    if (!o.primary) {
      await copyConfigs(o);
      await client.create(kindOf(o).resource, kindOf(o).primary(originOf(o)), by);
    }
    await followScaler(o);
    await leadCanary(o, isWarm(o) ? 'previous' : 'canary');
    if (o.settings.kind !== 'Service') await objects.apply(Services, serviceOf('primary', o.canary, o.settings, o.target!), o);
    await routerOf(o.settings).prepare?.(objects, o);
  }

  async function scaleTarget(o: Observation, replicas: number): Promise<void> {
    const body = kindOf(o).scaled(o.target!, replicas);
    if (body) await client.patch(kindOf(o).resource, keyOf(o.target!), { type: 'merge', body }, by);
  }

  /** Configuration goes first: pods that start in between find what they are made for. */
  async function copyToPrimary(o: Observation): Promise<void> {
    await copyConfigs(o);
    const key = { namespace: o.settings.namespace, name: primaryName(o.settings.target) };
    const { resource } = kindOf(o);
    const primary = await client.get(resource, key);
    if (!primary) {
      await client.create(resource, kindOf(o).primary(originOf(o)), by);
      return;
    }
    const next = kindOf(o).promoted(primary, originOf(o));
    if (canonicalJson(next.spec) !== canonicalJson(primary.spec)) await client.update(resource, next, by);
    await followScaler(o);
  }

  async function hold(o: Observation, held: boolean): Promise<void> {
    const { name, namespace } = o.settings;
    const others = (o.canary.metadata?.finalizers ?? []).filter((f) => f !== FINALIZER);
    const body = {
      metadata: {
        resourceVersion: o.canary.metadata?.resourceVersion,
        finalizers: held ? [...others, FINALIZER] : others,
      },
    };
    await client.patch(Canaries, { namespace, name }, { type: 'merge', body }, by);
  }

  return {
    async enact(o, effect) {
      const router = routerOf(o.settings);
      switch (effect.do) {
        case 'hold':
        case 'let-go':
          return hold(o, effect.do === 'hold');
        case 'create-backends':
          return createBackends(o);
        case 'create-apex':
          // Without a mesh the apex Service is the route.
          if (o.settings.kind !== 'Service' && o.settings.provider !== 'kubernetes')
            await objects.apply(Services, serviceOf('apex', o.canary, o.settings, o.target!), o);
          return router.write(objects, o, effect.weights);
        case 'route':
          return router.write(objects, o, effect.weights);
        case 'scale-target':
          return scaleTarget(o, effect.replicas);
        case 'copy-to-primary':
          return copyToPrimary(o);
        case 'keep-previous':
          return keeper.keep(o);
        case 'wake-previous':
          await keeper.wake(o);
          return leadCanary(o, 'previous');
        case 'drop-previous':
          await leadCanary(o, 'canary');
          return keeper.drop(o);
        case 'restore-target':
          return keeper.restoreTarget(o);
        case 'restore-primary':
          return keeper.restorePrimary(o);
        case 'give-back':
          await objects.restore(Services, { namespace: o.settings.namespace, name: o.settings.apex }, o);
          return router.release(objects, o);
        case 'post-rollout':
          return (await hooks.run(o.canary, 'post-rollout', effect.phase)).map(({ hook, ok, error }) =>
            ok ? info(`Post-rollout check ${hook.name} passed`) : warn(`Post-rollout hook ${hook.name} failed ${error}`),
          );
      }
    },
  };
}
