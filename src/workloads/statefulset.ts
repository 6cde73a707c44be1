import { ControllerRevisions, isApiError, keyOf, parseKey, PersistentVolumeClaims, Pods, StatefulSets } from '../api/index.ts';
import { again, changesOf, settled, updateStatus } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
import { historyOf, revisionName, templateOf } from './history.ts';
import { REVISION_HASH } from './daemonset-decide.ts';
import { podControl } from './pod-control.ts';
import { claimsOf, decideStateful } from './statefulset-decide.ts';
import type { Controller, World } from './world.ts';

export function statefulSetController(world: World): Controller {
  const { informers, client, clock } = world;
  const sets = informers.of(StatefulSets);
  const pods = informers.of(Pods);
  const history = historyOf(client, informers.of(ControllerRevisions), StatefulSets, 'controller.kubernetes.io/hash');
  const control = podControl(client, world.events('statefulset-controller'));

  return {
    name: 'statefulset',
    sources: [
      changesOf(sets),
      history.source,
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
      const current = set.status?.currentRevision ?? revisionName(set);
      await history.keep(set, [current, ...own.map((p) => p.metadata?.labels?.[REVISION_HASH] ?? '')]);
      const plan = decideStateful(set, own, clock.now(), templateOf(history.find(set, current)));
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
