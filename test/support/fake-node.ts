/**
 * Nodes that run nothing: what is bound to them gets ready at once (what is not to be restarted is done at once), and what is deleted is gone at
 * once. With the real controllers behind it, kubectl and helm see a cluster that lives, without a process.
 */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { changesOf, createInformers, runController, settled, updateStatus, type Client } from '../../src/control/index.ts';
import { keyOf, Nodes, parseKey, Pods } from '../../src/api/index.ts';
import { rfc3339, type Clock, type Log } from '../../src/base/index.ts';

export interface FakeNodesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly names: readonly string[];
}

/** Resolves when the nodes are registered. */
export async function startFakeNodes({ client, clock, log, signal, names }: FakeNodesOptions): Promise<void> {
  const now = (): string => rfc3339(clock.now());
  for (const name of names) await registerNode(client, name, now());
  const pods = createInformers(client, { clock, log, signal }).of(Pods);
  let addresses = 0;
  void runController({
    name: 'fake-node',
    sources: [changesOf(pods)],
    clock,
    log,
    signal,
    async reconcile(key) {
      const pod = pods.get(parseKey(key));
      if (!pod?.spec?.nodeName) return settled;
      if (pod.metadata?.deletionTimestamp) await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0 });
      else if (pod.status?.podIP === undefined) await updateStatus(client, Pods, pod, statusOf(pod, `10.244.0.${++addresses}`, now()));
      return settled;
    },
  });
}

async function registerNode(client: Client, name: string, now: string): Promise<void> {
  await client.create(Nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
  const room = { cpu: '4', memory: '8Gi', pods: '110' };
  const status = {
    capacity: room,
    allocatable: room,
    addresses: [{ type: 'InternalIP', address: '10.244.0.1' }],
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now }],
  };
  // Controllers write to it from the moment that it is there.
  await client.patch(Nodes, { name }, { type: 'merge', body: { status } }, { subresource: 'status' });
}

/** An image called `stuck` never gets ready. */
function statusOf(pod: Pod, podIP: string, now: string): NonNullable<Pod['status']> {
  const done = pod.spec?.restartPolicy !== 'Always';
  const yes = (container: { image?: string }): boolean => !container.image?.startsWith('stuck') && !done;
  const containers = pod.spec!.containers;
  const ready = containers.every(yes) ? 'True' : 'False';
  const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: now });
  return {
    ...pod.status,
    phase: done ? 'Succeeded' : 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: now,
    conditions: [
      condition('PodScheduled', 'True'),
      condition('Initialized', 'True'),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    containerStatuses: containers.map((container) => ({
      name: container.name,
      image: container.image ?? '',
      imageID: '',
      ready: yes(container),
      started: true,
      restartCount: 0,
      state: done ? { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } } : { running: { startedAt: now } },
    })),
  };
}
