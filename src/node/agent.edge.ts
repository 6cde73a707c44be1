import { mkdirSync } from 'node:fs';
import { ConfigMaps, PersistentVolumeClaims, PersistentVolumes, Pods, Secrets, type KubeObject, type Resource } from '../api/index.ts';
import type { Clock, Log } from '../base/index.ts';
import { createInformers, eventRecorder, type Client } from '../control/index.ts';
import { keepNode } from './agent/heartbeat.ts';
import { keepVolumes } from './agent/keep-volumes.edge.ts';
import { machineFacts } from './agent/machine.edge.ts';
import { planSource } from './agent/plan-source.ts';
import { PodManager } from './agent/pod-manager.ts';
import { podTokens } from './agent/pod-tokens.ts';
import { podRecords } from './agent/pod-records.edge.ts';
import { serveServices } from './agent/service-network.edge.ts';
import type { ImageCatalog } from './images.ts';
import { serveKubelet } from './kubelet/server.edge.ts';
import type { TakenByProxy } from './lifecycle/ports.ts';
import { API_ADDRESS } from './net/addresses.ts';
import { leadToApi } from './net/api-door.edge.ts';
import { podNetworks } from './net/pod-network.edge.ts';
import { containerRuntime } from './runtime/containers.edge.ts';
import { prober } from './runtime/prober.edge.ts';
import { prepareTemplate } from './runtime/template.edge.ts';
import { netnsDir } from './sandbox/node.edge.ts';

/** Paths are absolute. */
export interface AgentOptions {
  /** `sluice`. */
  readonly nodeName: string;
  readonly client: Client;
  readonly catalog: ImageCatalog;
  /** What the proxies of pods have counted. */
  readonly taken: TakenByProxy;
  /** Where the API server speaks TLS; pods reach it at {@link API_ADDRESS}. */
  readonly apiTlsSocket: string;
  /** Where to serve the node's own API. */
  readonly nodeSocket: string;
  /** One directory a pod; outlives the node. */
  readonly podsDir: string;
  /** One directory a volume that was made for a claim; it goes with its volume. */
  readonly volumesDir: string;
  /** Sockets and mounts of this run of the node, as given to {@link startNode}. */
  readonly runDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the agent; pods go on running, and the next agent takes them over. */
  readonly signal: AbortSignal;
}

/**
 * The node's agent: brings pods to what their objects say, serves the node's API, service addresses and DNS. Runs inside
 * the node's namespaces, in a process of its own that may be killed at any time. Resolves once it serves; rejects with
 * `Fault` when this machine does not allow what it needs.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { nodeName, client, catalog, taken, apiTlsSocket, nodeSocket, podsDir, volumesDir, runDir, clock, log, signal } = options;
  mkdirSync(podsDir, { recursive: true, mode: 0o700 });
  const informers = createInformers(client, { clock, log, signal });
  const facts = machineFacts(nodeName, podsDir);
  const networks = podNetworks(netnsDir(runDir));
  const runtime = containerRuntime({ podsDir, template: prepareTemplate(runDir), networks, clock, log, signal });
  const pods = new PodManager(nodeName, {
    client: informers.client,
    events: eventRecorder(client, { component: 'kubelet', clock, log }),
    runtime,
    networks,
    prober: prober(runtime),
    taken,
    records: podRecords(podsDir),
    plans: planSource(informers, catalog, podTokens(client, clock, log), { node: facts, volumesDir }),
    clock,
    log,
  });

  const kubelet = serveKubelet({ socketPath: nodeSocket, pods, runtime, networks, clock, log });
  signal.addEventListener('abort', () => {
    pods.release();
    kubelet.close();
    kubelet.closeAllConnections();
  });
  void keepNode(client, facts, clock, log, signal);
  await serveServices(informers, clock, log);
  await leadToApi({ ...API_ADDRESS, socketPath: apiTlsSocket, log, signal });

  const wakeOn = <T extends KubeObject>(resource: Resource<T>): Promise<void> => {
    const informer = informers.of(resource);
    informer.onChange(({ object }) => pods.wake(object.metadata?.namespace));
    return informer.synced;
  };
  await Promise.all([wakeOn(ConfigMaps), wakeOn(Secrets), wakeOn(PersistentVolumeClaims)]);
  await keepVolumes(informers.of(PersistentVolumes), volumesDir, log);
  await pods.run(informers.of(Pods));
  log.info('agent ready', { pods: [...pods.all()].length });
}
