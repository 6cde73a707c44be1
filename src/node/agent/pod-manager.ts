import type { Informer } from '../../control/index.ts';
import { PodWorker, type WorkerDeps } from '../lifecycle/pod-worker.ts';
import type { Pod } from '../objects.ts';

/** Has a worker for each pod that is bound to this node. */
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
    const uid = pod.metadata?.uid ?? '';
    if (pod.spec?.nodeName !== this.#node) return;
    const known = this.#workers.get(uid);
    if (known) return known.update(pod);
    const worker = new PodWorker(pod, this.#deps, () => this.#workers.delete(uid));
    this.#workers.set(uid, worker);
    worker.wake();
  }

  #gone(pod: Pod): void {
    this.#workers.get(pod.metadata?.uid ?? '')?.orphan();
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
