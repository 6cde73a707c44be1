import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { keyOf, keyText, Nodes, parseKey, Pods } from '../api/index.ts';
import { again, changesOf, settled, updateStatus, withCondition } from '../control/index.ts';
import { tolerates } from './scheduling.ts';
import type { Controller, World } from './world.ts';

/** How long pods stay bound to a node that is no longer there, in milliseconds: it may only be registered again. */
const QUARANTINE = 40_000;

/**
 * How long the pod may stay on the node because of its NoExecute taints, in milliseconds; undefined: as long as it likes. 0 or less:
 * it has to go.
 */
export function untilEvicted(pod: Pod, node: Node, now: number): number | undefined {
  const taints = (node.spec?.taints ?? []).filter((t) => t.effect === 'NoExecute');
  let left: number | undefined;
  for (const taint of taints) {
    const used = (pod.spec?.tolerations ?? []).filter((t) => tolerates(t, taint));
    if (used.length === 0) return 0;
    const seconds = used.flatMap((t) => (t.tolerationSeconds === undefined ? [] : [t.tolerationSeconds]));
    if (seconds.length === 0) continue;
    const since = Date.parse(taint.timeAdded ?? '') || now;
    left = Math.min(left ?? Infinity, since + Math.max(0, Math.min(...seconds)) * 1000 - now);
  }
  return left;
}

/** Deletes pods that a taint of their node drives away, and those whose node is gone. */
export function taintEvictionController(world: World): Controller {
  const { informers, client, clock } = world;
  const pods = informers.of(Pods);
  const nodes = informers.of(Nodes);
  const bound = pods.index('node', (p) => (p.spec?.nodeName ? [p.spec.nodeName] : []));
  const events = world.events('taint-eviction-controller');
  /** Since when the node of a name has been missing, by the monotonic clock. */
  const missing = new Map<string, number>();

  async function evict(pod: Pod): Promise<void> {
    const conditions = withCondition(
      pod.status?.conditions,
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
      },
      clock.now(),
    );
    await updateStatus(client, Pods, pod, { ...pod.status, conditions });
    await events.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyText(keyOf(pod))}`);
    await client.delete(Pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid } });
  }

  return {
    name: 'taint-eviction',
    sources: [
      changesOf(pods, (p) => (p.spec?.nodeName ? [keyText(keyOf(p))] : [])),
      changesOf(nodes, (node) => bound(node.metadata?.name ?? '').map((p) => keyText(keyOf(p)))),
    ],
    async reconcile(key) {
      const pod = pods.get(parseKey(key));
      const name = pod?.spec?.nodeName;
      if (!pod || !name) return settled;
      const node = nodes.get({ name });
      if (!node) {
        const since = missing.get(name) ?? clock.monotonic();
        missing.set(name, since);
        const left = since + QUARANTINE - clock.monotonic();
        if (left > 0) return again(left);
        await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid } });
        return settled;
      }
      missing.delete(name);
      if (pod.metadata?.deletionTimestamp) return settled;
      const left = untilEvicted(pod, node, clock.now());
      if (left === undefined) return settled;
      if (left > 0) return again(left);
      await evict(pod);
      return settled;
    },
  };
}
