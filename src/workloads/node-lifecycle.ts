import type { Node } from 'kubernetes-types/core/v1.js';
import { keyOf, Leases, Nodes, Pods } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { again, changesOf, settled, updateStatus, withCondition } from '../control/index.ts';
import { lostConditions, taintsOf } from './node-lifecycle-decide.ts';
import { isReady } from './pods.ts';
import type { Controller, World } from './world.ts';

/** A node whose lease has not been renewed for so long is lost, in milliseconds. */
const GRACE = 50_000;
const LEASES = 'kube-node-lease';

/**
 * Says of nodes what they can no longer say of themselves, and taints them by what they say. Only a node that has a lease can be lost;
 * how long ago it was renewed is measured here, so that a control plane that was away itself does not take its nodes for lost.
 */
export function nodeLifecycleController(world: World): Controller {
  const { informers, client, clock } = world;
  const nodes = informers.of(Nodes);
  const leases = informers.of(Leases);
  const pods = informers.of(Pods);
  const bound = pods.index('node', (p) => (p.spec?.nodeName ? [p.spec.nodeName] : []));
  const events = world.events('node-controller');
  const heard = new Map<string, { readonly renewed: string; readonly at: number }>();

  /** Milliseconds until the node is lost, if it stays silent; undefined: it has no lease. */
  function untilLost(name: string): number | undefined {
    const renewed = leases.get({ namespace: LEASES, name })?.spec?.renewTime;
    if (renewed === undefined) return undefined;
    let last = heard.get(name);
    if (last?.renewed !== String(renewed)) heard.set(name, (last = { renewed: String(renewed), at: clock.monotonic() }));
    return last.at + GRACE - clock.monotonic();
  }

  async function markPods(node: Node): Promise<void> {
    for (const pod of bound(node.metadata?.name ?? '').filter(isReady)) {
      const conditions = withCondition(pod.status?.conditions, { type: 'Ready', status: 'False', reason: 'NodeNotReady' }, clock.now());
      await updateStatus(client, Pods, pod, { ...pod.status, conditions });
      await events.record(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    }
  }

  return {
    name: 'node-lifecycle',
    sources: [changesOf(nodes), changesOf(leases, (l) => (l.metadata?.namespace === LEASES ? [l.metadata.name ?? ''] : []))],
    async reconcile(name) {
      let node = nodes.get({ name });
      if (!node) {
        heard.delete(name);
        return settled;
      }
      const left = untilLost(name);
      if (left !== undefined && left <= 0 && statusOf(node) !== 'Unknown') {
        node = await updateStatus(client, Nodes, node, { ...node.status, conditions: lostConditions(node, clock.now()) });
        await events.record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
      }
      if (statusOf(node) !== 'True') await markPods(node);
      const taints = taintsOf(node, clock.now());
      if (canonicalJson(taints) !== canonicalJson(node.spec?.taints ?? [])) {
        const { uid, resourceVersion } = node.metadata ?? {};
        await client.patch(Nodes, keyOf(node), { type: 'merge', body: { metadata: { uid, resourceVersion }, spec: { taints } } });
      }
      return left === undefined || left <= 0 ? settled : again(left);
    },
  };
}

const statusOf = (node: Node): string | undefined => node.status?.conditions?.find((c) => c.type === 'Ready')?.status;
