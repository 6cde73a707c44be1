import type { Node } from 'kubernetes-types/core/v1.js';
import { isApiError, Leases, Nodes } from '../../api/index.ts';
import { messageOf, rfc3339Micro, sleep, type Clock, type Log } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import { nodeObject, nodeStatus, type MachineFacts } from './node-object.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
/** A status that says nothing new is written this often, as the kubelet does. */
const STATUS_MS = 300_000;
const RETRY_MS = 500;

/** Keeps the Node object and its lease until the signal aborts. `facts` never change while the agent runs. */
export async function keepNode(client: Client, facts: MachineFacts, clock: Clock, log: Log, signal: AbortSignal): Promise<void> {
  let statusAt = -Infinity;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const found = await client.get(Nodes, { name: facts.name });
      // Somebody may have taken the node for lost.
      if (clock.monotonic() - statusAt >= STATUS_MS || !isReady(found)) {
        await writeNode(client, facts, found, clock.now());
        statusAt = clock.monotonic();
      }
      await renewLease(client, facts.name, clock.now());
      failures = 0;
    } catch (error) {
      failures++;
      log.warn('the node could not be reported; trying again', { error: messageOf(error) });
    }
    await sleep(clock, failures > 0 ? Math.min(RENEW_MS, RETRY_MS * failures) : RENEW_MS, signal);
  }
}

const isReady = (node: Node | undefined): boolean =>
  node?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;

async function writeNode(client: Client, facts: MachineFacts, found: Node | undefined, now: number): Promise<void> {
  const key = { name: facts.name };
  if (!found) await client.create(Nodes, nodeObject(facts));
  await client.patch(Nodes, key, { type: 'merge', body: { status: nodeStatus(facts, found?.status, now) } }, { subresource: 'status' });
}

async function renewLease(client: Client, name: string, now: number): Promise<void> {
  const renewTime = rfc3339Micro(now);
  try {
    await client.patch(Leases, { namespace: LEASE_NAMESPACE, name }, { type: 'merge', body: { spec: { renewTime } } });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    await client.create(Leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: LEASE_NAMESPACE, name },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime },
    });
  }
}
