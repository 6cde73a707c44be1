import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { keyOf, keyText, Leases, Nodes, parseKey, Pods } from '../api/index.ts';
import { rfc3339, seededRng, silentLog, VirtualClock } from '../base/index.ts';
import { again, changesOf, createInformers, eventRecorder, runController, settled, updateStatus, withCondition } from '../control/index.ts';
import { FakeClient } from '../control/testing.ts';
import type { Controller, World } from './world.ts';

export interface TestWorld {
  readonly clock: VirtualClock;
  /** The server itself, for the test's own reads and writes. */
  readonly api: FakeClient;
  readonly world: World;
  start(...controllers: Controller[]): void;
  /** Ends all controllers and waits for them. */
  stop(): Promise<void>;
}

/** Controllers on a fake API server in virtual time. With `api`, on one that has been running before. */
export function testWorld(clock = new VirtualClock(), api = new FakeClient(clock)): TestWorld {
  const stop = new AbortController();
  const log = silentLog;
  const informers = createInformers(api, { clock, log, signal: stop.signal });
  const events: World['events'] = (component) => eventRecorder(informers.client, { component, clock, log });
  const world: World = { informers, client: informers.client, clock, rng: seededRng(7), events };
  const running: Promise<void>[] = [];
  return {
    clock,
    api,
    world,
    start: (...controllers) => void running.push(...controllers.map((c) => runController({ ...c, clock, log, signal: stop.signal }))),
    async stop() {
      stop.abort();
      await clock.advance(0);
      await Promise.all(running);
    },
  };
}

/**
 * A node that runs nothing: binds pods to itself, makes them ready a second later unless `healthy` says no, and lets deleted pods
 * go a second after that.
 */
export function fakeKubelet({ informers, client, clock }: World, healthy: (pod: Pod) => boolean = () => true): Controller {
  const pods = informers.of(Pods);
  let addresses = 0;
  return {
    name: 'kubelet',
    sources: [changesOf(pods)],
    concurrency: 10,
    async reconcile(key) {
      const pod = pods.get(parseKey(key));
      if (!pod) return settled;
      const since = Date.parse(
        (pod.metadata?.deletionTimestamp ? pod.metadata.annotations?.['dying'] : pod.metadata?.creationTimestamp) ?? '',
      );
      if (pod.metadata?.deletionTimestamp) {
        if (Number.isNaN(since)) {
          await client.patch(Pods, keyOf(pod), { type: 'merge', body: { metadata: { annotations: { dying: rfc3339(clock.now()) } } } });
          return again(1000);
        }
        if (clock.now() < since + 1000) return again(since + 1000 - clock.now());
        await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0 });
        return settled;
      }
      if (!pod.spec?.nodeName) await client.patch(Pods, keyOf(pod), { type: 'merge', body: { spec: { nodeName: 'sluice' } } });
      if (clock.now() < since + 1000) return again(since + 1000 - clock.now());
      if (pod.status?.phase === 'Running' || !healthy(pod)) return settled;
      await updateStatus(client, Pods, pods.get(keyOf(pod)) ?? pod, {
        ...pod.status,
        phase: 'Running',
        podIP: `10.244.0.${++addresses}`,
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: rfc3339(clock.now()) }],
      });
      return settled;
    },
  };
}

export interface FakeNode extends Controller {
  /** Ends its heartbeats, and everything that it does for its pods, until it is true again. */
  alive: boolean;
}

/**
 * A node agent that runs nothing, in virtual time: registers its node, renews its lease, makes the pods that are bound to it ready a
 * second later, and lets deleted ones go at once. Binding is the scheduler's.
 */
export function fakeNode({ informers, client, clock }: World, node: Node): FakeNode {
  const pods = informers.of(Pods);
  const name = node.metadata?.name ?? '';
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady' };

  async function beat(): Promise<void> {
    const made = (await client.get(Nodes, { name })) ?? (await client.create(Nodes, node));
    if (!made.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) {
      const conditions = withCondition(made.status?.conditions, ready, clock.now());
      await updateStatus(client, Nodes, made, { ...node.status, conditions });
    }
    const key = { namespace: 'kube-node-lease', name };
    const lease = await client.get(Leases, key);
    const spec = { holderIdentity: name, renewTime: rfc3339(clock.now()) };
    await (lease ? client.update(Leases, { ...lease, spec }) : client.create(Leases, { metadata: key, spec }));
  }

  const agent: FakeNode = {
    alive: true,
    name: `node ${name}`,
    sources: [
      { synced: pods.synced, start: (enqueue) => (enqueue(''), () => {}) },
      changesOf(pods, (pod) => (pod.spec?.nodeName === name ? [keyText(keyOf(pod))] : [])),
    ],
    async reconcile(key) {
      if (!agent.alive) return again(1000);
      if (key === '') {
        await beat();
        return again(10_000);
      }
      const pod = pods.get(parseKey(key));
      if (!pod) return settled;
      if (pod.metadata?.deletionTimestamp) {
        await client.delete(Pods, keyOf(pod), { gracePeriodSeconds: 0 });
        return settled;
      }
      const left = Date.parse(pod.metadata?.creationTimestamp ?? '') + 1000 - clock.now();
      if (left > 0) return again(left);
      const conditions = withCondition(pod.status?.conditions, { type: 'Ready', status: 'True' }, clock.now());
      await updateStatus(client, Pods, pod, { ...pod.status, phase: 'Running', conditions });
      return settled;
    },
  };
  return agent;
}

/** A node that takes pods. */
export function readyNode(name: string, labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels }, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
}
