import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.js';
import { Deployments, isApiError, keyOf, keyText, parseKey, Pods, ReplicaSets } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { again, changesOf, controllerOf, isControlledBy, settled, updateStatus } from '../control/index.ts';
import { ownersOf } from './children.ts';
import { claim, decideClaims } from './claim.ts';
import { decideDeployment } from './deployment-decide.ts';
import { annotation, selectsAll } from './labels.ts';
import { hasEnded } from './pods.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import { findNewSet, REVISION } from './revisions.ts';
import type { Controller, World } from './world.ts';

export function deploymentController(world: World): Controller {
  const { informers, client, clock } = world;
  const deployments = informers.of(Deployments);
  const sets = informers.of(ReplicaSets);
  const pods = informers.of(Pods);
  const podsBySet = pods.index('controller', (p) => [controllerOf(p)?.uid ?? '']);
  const events = world.events('deployment-controller');

  /** The new set; when its name is taken by another template, the next try hashes to another name. */
  async function createSet(deployment: Deployment, set: ReplicaSet): Promise<void> {
    try {
      await client.create(ReplicaSets, set);
      await scaled(deployment, set, 0);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const there = await client.get(ReplicaSets, keyOf(set));
      // Ours already: the answer to an earlier create was lost.
      if (there && isControlledBy(there, deployment) && findNewSet(deployment, [there])) return;
      const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
      await updateStatus(client, Deployments, deployment, { ...deployment.status, collisionCount });
      throw new Error(`the name ${set.metadata?.name} is taken by another replica set`, { cause: error });
    }
  }

  async function writeSet(deployment: Deployment, set: ReplicaSet): Promise<void> {
    const before = sets.get(keyOf(set));
    if (before && canonicalJson({ m: before.metadata, s: before.spec }) === canonicalJson({ m: set.metadata, s: set.spec })) return;
    await client.update(ReplicaSets, set);
    await scaled(deployment, set, before?.spec?.replicas ?? 1);
  }

  async function scaled(deployment: Deployment, set: ReplicaSet, from: number): Promise<void> {
    const to = set.spec?.replicas ?? 1;
    if (from === to) return;
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata?.name} from ${from} to ${to}`;
    await events.record(deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  return {
    name: 'deployment',
    sources: [
      changesOf(deployments),
      changesOf(
        sets,
        ownersOf(Deployments, deployments, (d) => d.spec?.selector),
      ),
      // Recreate waits for the last old pod to be gone.
      changesOf(pods, (pod) => {
        const set = controllerOf(pod);
        const owner = set?.kind === 'ReplicaSet' ? sets.get({ namespace: pod.metadata?.namespace, name: set.name }) : undefined;
        const deployment = owner && controllerOf(owner);
        return deployment?.kind === 'Deployment' ? [keyText({ namespace: pod.metadata?.namespace, name: deployment.name })] : [];
      }),
    ],
    concurrency: 5,
    async reconcile(key) {
      const deployment = deployments.get(parseKey(key));
      if (!deployment) return settled;
      const { selector } = deployment.spec ?? {};
      if (selectsAll(selector)) {
        await events.record(
          deployment,
          'Warning',
          'SelectingAll',
          'This deployment is selecting all pods. A non-empty selector is required.',
        );
        return settled;
      }
      const candidates = sets.list(deployment.metadata?.namespace);
      const own = await claim(client, Deployments, deployment, ReplicaSets, decideClaims(deployment, selector, candidates));
      const hasPods = (uid: string): boolean => podsBySet(uid).some((p) => !hasEnded(p));
      const decision = decideDeployment({ deployment, sets: own, hasPods }, clock.now());

      if (decision.create) await createSet(deployment, decision.create);
      for (const set of decision.write) await writeSet(deployment, set);
      for (const set of decision.remove) await client.delete(ReplicaSets, keyOf(set), { preconditions: { uid: set.metadata?.uid } });
      let latest = deployment;
      const revision = decision.revision === undefined ? undefined : String(decision.revision);
      if (revision !== undefined && annotation(deployment, REVISION) !== revision) {
        const { resourceVersion } = deployment.metadata ?? {};
        const body = { metadata: { resourceVersion, annotations: { [REVISION]: revision } } };
        latest = await client.patch(Deployments, keyOf(deployment), { type: 'merge', body });
      }
      await updateStatus(client, Deployments, latest, decision.status);
      return decision.after === undefined ? settled : again(decision.after);
    },
  };
}
