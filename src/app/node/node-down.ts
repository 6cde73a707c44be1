/** What the API goes on saying of a node that is gone would be untrue: it is taken back before anybody reads it. */
import { keyOf, Nodes, Pods } from '../../api/index.ts';
import { withCondition, type Client } from '../../control/index.ts';

/** Marks the nodes, and all pods on them, as not ready. The agent of the next node says when they are. `now` in ms since the epoch. */
export async function markNodesDown(client: Client, now: number): Promise<void> {
  const status = { type: 'Ready', reason: 'NodeStopped', message: 'The node was stopped.' } as const;
  for (const node of (await client.list(Nodes)).items) {
    if (!isReady(node)) continue;
    const conditions = withCondition(node.status?.conditions, { ...status, status: 'Unknown' }, now);
    await client.patch(Nodes, keyOf(node), { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' });
  }
  for (const pod of (await client.list(Pods)).items) {
    if (!isReady(pod)) continue;
    const conditions = withCondition(pod.status?.conditions, { ...status, status: 'False' }, now);
    await client.patch(Pods, keyOf(pod), { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' });
  }
}

/** Whether a node or a pod says that it is ready. */
export function isReady(object: { status?: { conditions?: readonly { type: string; status: string }[] } }): boolean {
  return object.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}
