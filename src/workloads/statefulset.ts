import { isApiError, keyOf, parseKey, PersistentVolumeClaims, Pods, StatefulSets } from '../api/index.ts';
import { again, changesOf, settled, updateStatus } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
import { podControl } from './pod-control.ts';
import { claimsOf, decideStateful } from './statefulset-decide.ts';
import type { Controller, World } from './world.ts';

export function statefulSetController(world: World): Controller {
  const { informers, client, clock } = world;
  const sets = informers.of(StatefulSets);
  const pods = informers.of(Pods);
  const control = podControl(client, world.events('statefulset-controller'));

  return {
    name: 'statefulset',
    sources: [
      changesOf(sets),
      changesOf(
        pods,
        ownersOf(StatefulSets, sets, (s) => s.spec?.selector),
      ),
    ],
    async reconcile(key) {
      const set = sets.get(parseKey(key));
      if (!set) return settled;
      const claims = decideClaims(set, set.spec?.selector, pods.list(set.metadata?.namespace));
      const own = await claim(client, StatefulSets, set, Pods, claims);
      const plan = decideStateful(set, own, clock.now());
      for (const disk of plan.create.flatMap((pod) => claimsOf(set, pod))) {
        if (await client.get(PersistentVolumeClaims, keyOf(disk))) continue;
        await client.create(PersistentVolumeClaims, disk).catch((error: unknown) => {
          if (!isApiError(error, 'AlreadyExists')) throw error;
        });
      }
      const failure = await control.create(set, plan.create);
      await control.remove(set, plan.remove);
      await updateStatus(client, StatefulSets, set, plan.status);
      if (failure !== undefined) throw new Error(failure);
      return plan.after === undefined ? settled : again(plan.after);
    },
  };
}
