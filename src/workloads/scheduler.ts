import type { Pod, PodCondition } from 'kubernetes-types/core/v1.js';
import { Bindings, keyOf, keyText, Nodes, parseKey, PersistentVolumeClaims, Pods } from '../api/index.ts';
import { changesOf, settled, updateStatus, withCondition, type Informer, type Source } from '../control/index.ts';
import { hasEnded } from './pods.ts';
import { decideNode } from './scheduling.ts';
import { claimProblem, usesClaim } from './volume-binding.ts';
import type { Controller, World } from './world.ts';

const SCHEDULER = 'default-scheduler';

/** Binds pods to nodes. A pod that fits nowhere is looked at again whenever a node changes. */
export function scheduler(world: World): Controller {
  const { informers, client, clock, rng } = world;
  const pods = informers.of(Pods);
  const nodes = informers.of(Nodes);
  const claims = informers.of(PersistentVolumeClaims);
  const waiting = pods.index('unbound', (p) => (p.spec?.nodeName ? [] : ['']));
  const bound = pods.index('node', (p) => (p.spec?.nodeName ? [p.spec.nodeName] : []));
  const events = world.events(SCHEDULER);

  function setScheduled(pod: Pod, condition: Omit<PodCondition, 'type'>): Promise<Pod> {
    const conditions = withCondition(pod.status?.conditions, { type: 'PodScheduled', ...condition }, clock.now());
    return updateStatus(client, Pods, pod, { ...pod.status, conditions });
  }

  return {
    name: 'scheduler',
    sources: [
      changesOf(pods, (p) => (p.spec?.nodeName ? [] : [keyText(keyOf(p))])),
      changesOf(nodes, () => waiting('').map((p) => keyText(keyOf(p)))),
      roomMade(pods, () => waiting('').map((p) => keyText(keyOf(p)))),
      changesOf(claims, (c) => waiting('').flatMap((p) => (usesClaim(p, c.metadata?.name ?? '') ? [keyText(keyOf(p))] : []))),
    ],
    async reconcile(key) {
      const pod = pods.get(parseKey(key));
      if (!pod || pod.metadata?.deletionTimestamp || pod.spec?.nodeName) return settled;
      if ((pod.spec?.schedulerName ?? SCHEDULER) !== SCHEDULER) return settled;
      if ((pod.spec?.schedulingGates ?? []).length > 0) {
        await setScheduled(pod, {
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
        });
        return settled;
      }
      const hosts = nodes.list().map((node) => ({ node, pods: bound(node.metadata?.name ?? '').filter((p) => !hasEnded(p)) }));
      const problem = claimProblem(pod, (name) => claims.get({ namespace: pod.metadata?.namespace, name }));
      const placement = problem ? { message: `0/${hosts.length} nodes are available: ${problem}.` } : decideNode(pod, hosts, rng);
      if ('message' in placement) {
        const { message } = placement;
        const told = pod.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.message === message);
        await setScheduled(pod, { status: 'False', reason: 'Unschedulable', message });
        if (!told) await events.record(pod, 'Warning', 'FailedScheduling', message);
        return settled;
      }
      // The condition before the binding: once bound, the status is the node's to write.
      const marked = await setScheduled(pod, { status: 'True' });
      const { name, namespace, uid, resourceVersion } = marked.metadata ?? {};
      await client.create(Bindings, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid, resourceVersion },
        target: { kind: 'Node', name: placement.node },
      });
      await events.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${placement.node}`);
      return settled;
    },
  };
}

/** Asks for all that wait when a pod has ended or is gone. */
function roomMade(pods: Informer<Pod>, waiting: () => string[]): Source {
  return {
    synced: pods.synced,
    start: (enqueue) =>
      pods.onChange((change) => {
        const { object } = change;
        if (object.spec?.nodeName && (change.type === 'deleted' || hasEnded(object))) for (const key of waiting()) enqueue(key);
      }),
  };
}
