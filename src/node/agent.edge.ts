import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigMaps, Pods, Secrets, Services } from '../api/index.ts';
import { Fault, jsonLog, messageOf, systemClock } from '../base/index.ts';
import { createHttpClient, createInformers, eventRecorder } from '../control/index.ts';
import { parseAgentConfig, type AgentConfig } from './agent/config.ts';
import { keepNode } from './agent/heartbeat.ts';
import { machineFacts } from './agent/machine.edge.ts';
import { planSource } from './agent/plan-source.ts';
import { PodManager } from './agent/pod-manager.ts';
import { podRecords } from './agent/pod-records.edge.ts';
import { serveServices } from './agent/service-network.edge.ts';
import type { ImageCatalog } from './images.ts';
import { serveKubelet } from './kubelet/server.edge.ts';
import { podNetworks } from './net/pod-network.edge.ts';
import { containerRuntime } from './runtime/containers.edge.ts';
import { prober } from './runtime/prober.edge.ts';
import { prepareTemplate } from './runtime/template.edge.ts';
import { netnsDir } from './sandbox/node.edge.ts';

/** The node's agent: `node agent.edge.ts <JSON of AgentConfig>`, inside the node's namespaces. It may be killed at any time. */
async function main(): Promise<void> {
  const config = parseAgentConfig(process.argv[2]);
  const clock = systemClock;
  const log = jsonLog((line) => process.stderr.write(line), clock.now);
  const stop = new AbortController();
  const { signal } = stop;
  mkdirSync(config.podsDir, { recursive: true, mode: 0o700 });

  const client = createHttpClient({ socketPath: config.apiSocket });
  const informers = createInformers(client, { clock, log, signal });
  const facts = machineFacts(config.nodeName, config.podsDir);
  const catalog = await loadCatalog(config);
  const networks = podNetworks(netnsDir(config.runDir));
  const runtime = containerRuntime({ podsDir: config.podsDir, template: prepareTemplate(config.runDir), networks, clock, log, signal });
  const pods = new PodManager(config.nodeName, {
    client: informers.client,
    events: eventRecorder(client, { component: 'kubelet', clock, log }),
    runtime,
    networks,
    prober: prober(runtime),
    records: podRecords(config.podsDir),
    plans: planSource(informers, catalog, facts),
    clock,
    log,
  });

  const kubelet = serveKubelet({ socketPath: config.nodeSocket, pods, runtime, networks, clock, log });
  const end = (): void => {
    stop.abort();
    pods.release();
    kubelet.close();
    // Sessions and logs that are being followed would hold the process; the pods go on without it.
    process.exit(0);
  };
  process.once('SIGTERM', end).once('SIGINT', end);

  void keepNode(client, facts, clock, log, signal);
  await serveServices(informers, clock, log);
  const sources = [ConfigMaps, Secrets] as const;
  await Promise.all([...sources.map((s) => informers.of<object>(s).synced), informers.of(Services).synced]);
  await pods.run(informers.of(Pods));
  for (const source of sources)
    informers.of<{ metadata?: { namespace?: string } }>(source).onChange((c) => pods.wake(c.object.metadata?.namespace));
  log.info('agent ready', { pods: [...pods.all()].length });
}

async function loadCatalog(config: AgentConfig): Promise<ImageCatalog> {
  const module = (await import(join(config.catalogModule))) as { createImageCatalog?: (config: AgentConfig) => ImageCatalog };
  if (!module.createImageCatalog) throw new Fault('CatalogInvalid', `${config.catalogModule} exports no createImageCatalog`);
  return module.createImageCatalog(config);
}

process.on('unhandledRejection', (error) => process.stderr.write(`unhandled: ${messageOf(error)}\n`));
main().catch((error: unknown) => {
  process.stderr.write(`the node's agent could not start: ${messageOf(error)}\n`);
  process.exit(1);
});
