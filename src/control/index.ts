export type { Client, DeleteOptions, ListOptions, Patch, WatchEvent, WriteOptions } from './client.ts';
export {
  again,
  changesOf,
  runController,
  settled,
  type ControllerOptions,
  type Outcome,
  type Reconcile,
  type ReconcileContext,
  type Source,
} from './controller.ts';
export { eventRecorder, type EventRecorder, type EventType } from './events.ts';
export type { Informer } from './informer.ts';
export { createInformers, type Informers } from './informers.ts';
export { isLeaving, type Change, type Lookup } from './object-cache.ts';
export { controllerOf, controllerReference, isControlledBy, ownerReference } from './owners.ts';
export { updateStatus, withCondition } from './status.ts';
export { createDiscovery, createHttpClient } from './http-client.edge.ts';
export { electLeader, type Leadership } from './election.ts';
export { fenced, withinNamespace } from './fence.ts';
export { clusterFromKubeconfig, clusterOfPod, type Cluster } from './kubeconfig.edge.ts';
