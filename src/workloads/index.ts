import { isKept, type Catalog } from '../api/index.ts';
import type { Clock, Log, Rng } from '../base/index.ts';
import { createInformers, eventRecorder, runController, type Client } from '../control/index.ts';
import { autoscaler, type UseOfPods } from './autoscaler.ts';
import { cronJobController } from './cronjob.ts';
import { daemonSetController } from './daemonset.ts';
import { deploymentController } from './deployment.ts';
import { disruptionController } from './disruption.ts';
import { endpointsController } from './endpoints-objects.ts';
import { endpointsMirror } from './endpoints-mirror.ts';
import { endpointSliceController } from './endpointslices.ts';
import { eventExpiryController } from './event-expiry.ts';
import { garbageCollector } from './garbage-collector.ts';
import { jobController } from './job.ts';
import { loadBalancerController } from './load-balancer.ts';
import { namespaceContentController } from './namespace-content.ts';
import { createFirstNamespaces, namespaceController } from './namespaces.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import { replicaSetController, replicationController } from './replicaset.ts';
import { scheduler } from './scheduler.ts';
import { statefulSetController } from './statefulset.ts';
import { taintEvictionController } from './taint-eviction.ts';
import { claimController, volumeController } from './volumes.ts';
import type { World } from './world.ts';

export type { PodUse, UseOfPods } from './autoscaler.ts';
export { PROVISIONER } from './volume-binding.ts';

export interface WorkloadsOptions {
  readonly client: Client;
  /** All kinds that are served, read again whenever it matters: custom ones come and go. */
  readonly catalog: Pick<Catalog, 'all' | 'generation'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Ends all controllers. */
  readonly signal: AbortSignal;
  /** What autoscalers scale on; absent: nothing is known of any pod. */
  readonly useOfPods?: UseOfPods | undefined;
  /** The certificate that clients trust the API server by, PEM; each namespace gets it as `kube-root-ca.crt`. */
  readonly rootCertificate: string;
  /** The address that services of type LoadBalancer are reached at, e.g. `127.0.0.1`. */
  readonly loadBalancerAddress: string;
  /** Where volumes are that are made for claims, on the node; absolute. */
  readonly volumesDirectory: string;
}

const NOTHING_KNOWN: UseOfPods = async () => new Map();

/**
 * Starts the controllers that make workloads of objects. Resolves when the first namespaces exist; `done` resolves when the signal
 * has aborted and all work in hand is over.
 */
export async function startWorkloads(options: WorkloadsOptions): Promise<{ done: Promise<void> }> {
  const { catalog, clock, rng, signal } = options;
  const log = options.log.with({ room: 'workloads' });
  const informers = createInformers(options.client, { clock, log, signal });
  const { client } = informers;
  const world: World = { informers, client, clock, rng, events: (component) => eventRecorder(client, { component, clock, log }) };
  await createFirstNamespaces(client);
  const kinds = () =>
    catalog
      .all()
      .filter(isKept)
      .map((def) => def.resource);
  const controllers = [
    namespaceController(world, kinds),
    namespaceContentController(world, options.rootCertificate),
    deploymentController(world),
    replicaSetController(world),
    replicationController(world),
    statefulSetController(world),
    daemonSetController(world),
    jobController(world),
    cronJobController(world),
    autoscaler(world, catalog, options.useOfPods ?? NOTHING_KNOWN),
    scheduler(world),
    nodeLifecycleController(world),
    taintEvictionController(world),
    disruptionController(world),
    endpointSliceController(world),
    claimController(world, options.volumesDirectory),
    volumeController(world),
    endpointsController(world),
    endpointsMirror(world),
    garbageCollector(world, catalog),
    loadBalancerController(world, options.loadBalancerAddress),
    eventExpiryController(world),
  ];
  const running = controllers.map((controller) => runController({ ...controller, clock, log, signal }));
  return { done: Promise.all(running).then(() => undefined) };
}
