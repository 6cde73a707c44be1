import { ControllerRevisions, DaemonSets, keyOf, keyText, Nodes, parseKey, Pods } from '../api/index.ts';
import { again, changesOf, settled, updateStatus } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
import { decideDaemons, REVISION_HASH } from './daemonset-decide.ts';
import { historyOf } from './history.ts';
import { podControl } from './pod-control.ts';
import type { Controller, World } from './world.ts';

export function daemonSetController(world: World): Controller {
  const { informers, client, clock } = world;
  const sets = informers.of(DaemonSets);
  const pods = informers.of(Pods);
  const nodes = informers.of(Nodes);
  const history = historyOf(client, informers.of(ControllerRevisions), DaemonSets, REVISION_HASH);
  const control = podControl(client, world.events('daemonset-controller'));

  return {
    name: 'daemonset',
    sources: [
      changesOf(sets),
      history.source,
      changesOf(
        pods,
        ownersOf(DaemonSets, sets, (s) => s.spec?.selector),
      ),
      changesOf(nodes, () => sets.list().map((s) => keyText(keyOf(s)))),
    ],
    async reconcile(key) {
      const set = sets.get(parseKey(key));
      if (!set) return settled;
      const claims = decideClaims(set, set.spec?.selector, pods.list(set.metadata?.namespace));
      const own = await claim(client, DaemonSets, set, Pods, claims);
      await history.keep(
        set,
        own.map((p) => `${set.metadata?.name}-${p.metadata?.labels?.[REVISION_HASH]}`),
      );
      const plan = decideDaemons(set, nodes.list(), own, clock.now());
      const failure = await control.create(set, plan.create);
      await control.remove(set, plan.remove);
      await updateStatus(client, DaemonSets, set, plan.status);
      if (failure !== undefined) throw new Error(failure);
      return plan.after === undefined ? settled : again(plan.after);
    },
  };
}
