import type { Pod } from 'kubernetes-types/core/v1.js';
import {
  Deployments,
  keyOf,
  keyText,
  parseKey,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
  type KubeObject,
} from '../api/index.ts';
import { again, changesOf, controllerOf, settled, updateStatus } from '../control/index.ts';
import { decideBudget, type Scale } from './disruption-decide.ts';
import { selects } from './labels.ts';
import type { Controller, World } from './world.ts';

type Scaled = KubeObject & { readonly spec?: { readonly replicas?: number } };

/** Says of every disruption budget how many of its pods may be evicted now; evictions go by that. */
export function disruptionController({ informers, client, clock }: World): Controller {
  const budgets = informers.of(PodDisruptionBudgets);
  const pods = informers.of(Pods);
  const deployments = informers.of(Deployments);
  const sets = informers.of(ReplicaSets);
  const stateful = informers.of(StatefulSets);
  const controllers = informers.of(ReplicationControllers);

  const budgetsIn = (object: KubeObject): string[] => budgets.list(object.metadata?.namespace).map((b) => keyText(keyOf(b)));
  const scaleFrom = (object: Scaled | undefined): Scale | undefined =>
    object && { uid: object.metadata?.uid ?? '', replicas: object.spec?.replicas ?? 1 };

  function scaleOf(pod: Pod): Scale | undefined | { failure: string } {
    const owner = controllerOf(pod);
    if (!owner) return undefined;
    const { namespace } = pod.metadata ?? {};
    const key = { namespace, name: owner.name };
    if (owner.kind === StatefulSets.kind) return scaleFrom(stateful.get(key));
    if (owner.kind === ReplicationControllers.kind) return scaleFrom(controllers.get(key));
    if (owner.kind === ReplicaSets.kind) {
      const set = sets.get(key);
      const above = set && controllerOf(set);
      return scaleFrom((above?.kind === Deployments.kind ? deployments.get({ namespace, name: above.name }) : undefined) ?? set);
    }
    return { failure: `the ${owner.kind} ${owner.name} of pod ${pod.metadata?.name} does not implement the scale subresource` };
  }

  return {
    name: 'disruption',
    sources: [
      changesOf(budgets),
      changesOf(pods, (pod) =>
        budgets
          .list(pod.metadata?.namespace)
          .filter((b) => selects(b.spec?.selector, pod.metadata?.labels))
          .map((b) => keyText(keyOf(b))),
      ),
      changesOf(deployments, budgetsIn),
      changesOf(sets, budgetsIn),
      changesOf(stateful, budgetsIn),
      changesOf(controllers, budgetsIn),
    ],
    async reconcile(key) {
      const budget = budgets.get(parseKey(key));
      if (!budget || budget.metadata?.deletionTimestamp) return settled;
      const own = pods.list(budget.metadata?.namespace).filter((p) => selects(budget.spec?.selector, p.metadata?.labels));
      const { status, after } = decideBudget(budget, own, scaleOf, clock.now());
      await updateStatus(client, PodDisruptionBudgets, budget, status);
      return after === undefined ? settled : again(after);
    },
  };
}
