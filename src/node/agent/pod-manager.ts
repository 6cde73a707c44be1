import { Pods } from '../../api/index.ts';
import { messageOf } from '../../base/index.ts';
import type { Informer } from '../../control/index.ts';
import { PodWorker, type WorkerDeps } from '../lifecycle/pod-worker.ts';
import type { Pod } from '../objects.ts';

/** Has a worker for each pod that is bound to this node, and binds those that are bound to none. */
export class PodManager {
  readonly #node: string;
  readonly #deps: WorkerDeps;
  readonly #workers = new Map<string, PodWorker>();

  constructor(node: string, deps: WorkerDeps) {
    this.#node = node;
    this.#deps = deps;
  }

  /** Takes over what runs, then follows the informer. Resolves once pods that have no object any more are being removed. */
  async run(pods: Informer<Pod>): Promise<void> {
    await pods.synced;
    pods.onChange((change) => (change.type === 'deleted' ? this.#gone(change.object) : this.#seen(change.object)));
    await this.#removeStrays();
  }

  /** The pod of a name; the newest when one of the same name is still on its way out. */
  find(namespace: string, name: string): PodWorker | undefined {
    const matching = [...this.#workers.values()].filter((w) => w.pod.metadata?.name === name && w.pod.metadata.namespace === namespace);
    return matching.at(-1);
  }

  all(): Iterable<PodWorker> {
    return this.#workers.values();
  }

  /** Something that pods of a namespace are planned from has changed. */
  wake(namespace: string | undefined): void {
    for (const worker of this.#workers.values()) if (worker.pod.metadata?.namespace === namespace) worker.wake();
  }

  /** Lets go of all pods; they go on running. */
  release(): void {
    for (const worker of this.#workers.values()) worker.release();
    this.#workers.clear();
  }

  #seen(pod: Pod): void {
    const { uid = '', deletionTimestamp } = pod.metadata ?? {};
    if (!pod.spec?.nodeName) {
      if (!deletionTimestamp && (pod.spec?.schedulerName ?? 'default-scheduler') === 'default-scheduler') void this.#bind(pod);
      return;
    }
    if (pod.spec.nodeName !== this.#node) return;
    const known = this.#workers.get(uid);
    if (known) return known.update(pod);
    const worker = new PodWorker(pod, this.#deps, () => this.#workers.delete(uid));
    this.#workers.set(uid, worker);
    worker.wake();
  }

  #gone(pod: Pod): void {
    this.#workers.get(pod.metadata?.uid ?? '')?.orphan();
  }

  async #bind(pod: Pod): Promise<void> {
    const { client, events, log } = this.#deps;
    const { namespace, name = '', uid } = pod.metadata ?? {};
    try {
      await client.patch(Pods, { namespace, name }, { type: 'merge', body: { metadata: { uid }, spec: { nodeName: this.#node } } });
      void events.record(
        { apiVersion: 'v1', kind: 'Pod', ...pod },
        'Normal',
        'Scheduled',
        `Successfully assigned ${namespace}/${name} to ${this.#node}`,
      );
    } catch (error) {
      log.warn('a pod could not be bound', { pod: `${namespace}/${name}`, error: messageOf(error) });
    }
  }

  /** What pods have left here whose objects went while no agent ran. */
  async #removeStrays(): Promise<void> {
    const { runtime, networks, log } = this.#deps;
    for (const uid of new Set([...runtime.pods(), ...networks.list().map((n) => n.uid)])) {
      if (this.#workers.has(uid)) continue;
      log.info('removing what a deleted pod has left', { uid });
      await runtime.remove(uid);
      networks.remove(uid);
    }
  }
}
