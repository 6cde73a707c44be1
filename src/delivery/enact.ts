/** Does what was decided. Each effect may run twice, or be cut short: it looks first, and writes only what differs. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { Deployments, DestinationRules, keyOf, Services, VirtualServices, type KubeObject, type Resource } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { isControlledBy, type Client } from '../control/index.ts';
import { runHooks } from './checks.ts';
import type { Effect, Observation } from './decision.ts';
import type { Http } from './ports.ts';
import { primaryDeployment, primaryName, promotedSpec } from './primary.ts';
import { destinationRuleOf, serviceOf, virtualServiceOf, type Weights } from './routes.ts';

const FIELD_MANAGER = 'flagger';

export interface Enactor {
  enact(o: Observation, effect: Effect): Promise<void>;
}

export function createEnactor(client: Client, http: Http): Enactor {
  /** Applies an object of ours; one that was there before us stays its maker's: we own the fields, not the object. */
  async function apply<T extends KubeObject>(resource: Resource<T>, wanted: T, o: Observation): Promise<void> {
    const key = keyOf(wanted);
    const existing = await client.get(resource, key);
    const body =
      existing && !isControlledBy(existing, o.canary)
        ? { ...wanted, metadata: { ...wanted.metadata, ownerReferences: undefined } }
        : wanted;
    await client.patch(resource, key, { type: 'apply', body }, { fieldManager: FIELD_MANAGER, force: true });
  }

  async function createBackends(o: Observation): Promise<void> {
    const { canary, settings } = o;
    if (!o.primary) await client.create(Deployments, primaryDeployment(canary, settings, o.target!), { fieldManager: FIELD_MANAGER });
    for (const role of ['canary', 'primary'] as const) {
      await apply(Services, serviceOf(role, canary, settings, o.target!), o);
      await apply(DestinationRules, destinationRuleOf(role, canary, settings), o);
    }
  }

  async function route(o: Observation, weights: Weights): Promise<void> {
    await apply(VirtualServices, virtualServiceOf(o.canary, o.settings, weights), o);
  }

  async function scaleTarget(o: Observation, replicas: number): Promise<void> {
    if (o.target!.spec?.replicas === replicas) return;
    await client.patch(Deployments, keyOf(o.target!), { type: 'merge', body: { spec: { replicas } } }, { fieldManager: FIELD_MANAGER });
  }

  async function copyToPrimary(o: Observation): Promise<void> {
    const key = { namespace: o.settings.namespace, name: primaryName(o.settings.target) };
    const primary = await client.get(Deployments, key);
    if (!primary) {
      await client.create(Deployments, primaryDeployment(o.canary, o.settings, o.target!), { fieldManager: FIELD_MANAGER });
      return;
    }
    const promoted = promotedSpec(o.target!);
    const next: Deployment = {
      ...primary,
      spec: { ...primary.spec!, ...promoted, replicas: Math.max(o.target!.spec?.replicas ?? 1, primary.spec?.replicas ?? 1) },
    };
    if (canonicalJson(next.spec) !== canonicalJson(primary.spec)) await client.update(Deployments, next, { fieldManager: FIELD_MANAGER });
  }

  return {
    async enact(o, effect) {
      switch (effect.do) {
        case 'create-backends':
          return createBackends(o);
        case 'create-apex':
          await apply(Services, serviceOf('apex', o.canary, o.settings, o.target!), o);
          return route(o, effect.weights);
        case 'route':
          return route(o, effect.weights);
        case 'scale-target':
          return scaleTarget(o, effect.replicas);
        case 'copy-to-primary':
          return copyToPrimary(o);
        case 'post-rollout':
          // What a post-rollout hook answers changes nothing any more.
          await runHooks(http, o.settings, 'post-rollout', effect.phase, o.canary.status?.lastAppliedSpec ?? '');
          return;
      }
    },
  };
}
