export type { Client, DeleteOptions, ListOptions, ObjectList, Patch, WatchEvent, WatchOptions, WriteOptions } from './client.ts';
export {
  again,
  changesOf,
  runController,
  settled,
  sooner,
  type ControllerOptions,
  type Outcome,
  type Reconcile,
  type ReconcileContext,
  type Source,
} from './controller.ts';
export { eventRecorder, type EventRecorder, type EventType } from './events.ts';
export { createInformer, type Informer, type InformerOptions } from './informer.ts';
export { createInformers, type Informers } from './informers.ts';
export { isLeaving, type Change, type Lookup } from './object-cache.ts';
export { controllerOf, controllerReference, isControlledBy, ownerReference } from './owners.ts';
export { updateStatus, withCondition } from './status.ts';
export { WorkQueue, type WorkQueueOptions } from './work-queue.ts';
export { createHttpClient, type HttpClientOptions } from './http-client.edge.ts';
