import type { Client, EventRecorder, Informers, Reconcile, Source } from '../control/index.ts';
import type { Clock, Rng } from '../base/index.ts';

/** What every controller of this room works with. */
export interface World {
  readonly informers: Informers;
  /** Its writes are seen by `informers` at once. */
  readonly client: Client;
  readonly clock: Clock;
  readonly rng: Rng;
  /** A recorder that speaks as the component, e.g. `replicaset-controller`. */
  events(component: string): EventRecorder;
}

/** A controller that has not been started. */
export interface Controller {
  readonly name: string;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  readonly concurrency?: number;
}
