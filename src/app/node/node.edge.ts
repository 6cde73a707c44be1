/** Keeps the node of an instance alive: its namespaces, the agent in them, the host ports that lead in. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Service } from 'kubernetes-types/core/v1.js';
import { keyOf, Services } from '../../api/index.ts';
import { messageOf, processId, readPidFile, sleep, writePidFile, type Clock, type Log } from '../../base/index.ts';
import type { Informers } from '../../control/index.ts';
import { adoptNode, insideOf, openEdge, sealDescriptors, startNode, type HostPort, type NodeSandbox } from '../../node/index.ts';
import type { ControlPlaneInput } from '../instance/config.ts';
import { openLog } from '../instance/daemon.edge.ts';
import { markNodesDown } from './node-down.ts';

export interface NodeRunOptions {
  readonly input: ControlPlaneInput;
  readonly informers: Informers;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const AGENT = fileURLToPath(new URL('../agent.main.edge.ts', import.meta.url));
const WATCH_MS = 500;
const GATEWAY = { namespace: 'istio-system', name: 'istio-ingressgateway' };

/** Resolves when the signal has aborted. What runs in the node goes on: a later control plane takes it over. */
export async function runNode(options: NodeRunOptions): Promise<void> {
  const { informers, log, clock, signal } = options;
  sealDescriptors();
  while (!signal.aborted) {
    await runOneNode(options);
    if (signal.aborted) return;
    log.error('the node has ended; another one takes its place');
    await markNodesDown(informers.client, clock.now()).catch((error: unknown) =>
      log.error('the node could not be marked as down', { error: messageOf(error) }),
    );
    await sleep(clock, WATCH_MS, signal);
  }
}

/** One node from its start, or from where an earlier control plane left it, to its end. */
async function runOneNode(options: NodeRunOptions): Promise<void> {
  const { input, log, clock, signal } = options;
  const { paths } = input;
  const node = adoptNode(paths.runDir) ?? (await startNode({ runDir: paths.runDir, log }));
  const edge = openEdge({ envoyBinary: input.envoy, runDir: paths.runDir, node, log });
  const stopPorts = followGateway(options, (ports) => edge.setPorts(ports));
  while (!signal.aborted && adoptNode(paths.runDir)) {
    if (!readPidFile(join(paths.runDir, 'agent.pid')))
      await startAgent(input, node, log, clock).catch((error: unknown) =>
        log.error('the agent did not start', { error: messageOf(error) }),
      );
    await sleep(clock, WATCH_MS, signal);
  }
  stopPorts();
  edge.leave();
}

/** Host ports lead to the ingress gateway's Service, whatever address it has. */
function followGateway(options: NodeRunOptions, setPorts: (ports: HostPort[]) => Promise<void>): () => void {
  const { config } = options.input;
  const hostPortOf: Readonly<Record<number, number>> = { 80: config.httpPort, 443: config.httpsPort };
  let last = '';
  const open = (service: Service): void => {
    const { clusterIP, ports } = service.spec ?? {};
    if (!clusterIP || clusterIP === 'None') return;
    const wanted = (ports ?? []).flatMap((p) =>
      hostPortOf[p.port] ? [{ hostPort: hostPortOf[p.port]!, address: clusterIP, port: p.port }] : [],
    );
    if (JSON.stringify(wanted) === last) return;
    last = JSON.stringify(wanted);
    setPorts(wanted).catch((error: unknown) => {
      last = '';
      options.log.error('a host port could not be opened', { error: messageOf(error) });
    });
  };
  return options.informers.of(Services).onChange(({ object }) => {
    const key = keyOf(object);
    if (key.name === GATEWAY.name && key.namespace === GATEWAY.namespace) open(object);
  });
}

async function startAgent(input: ControlPlaneInput, node: NodeSandbox, log: Log, clock: Clock): Promise<void> {
  const { paths } = input;
  const logFile = join(paths.logDir, 'agent.log');
  const out = openLog(logFile);
  try {
    const env = { ...process.env, SLUICE_AGENT: JSON.stringify(input) };
    const child = node.enter(process.execPath, ['--disable-warning=ExperimentalWarning', AGENT], {
      detached: true,
      stdio: ['ignore', out, out],
      cwd: '/',
      env,
    });
    child.on('error', () => {}); // Told by the missing process below.
    child.unref();
    for (let i = 0; i < 200; i++) {
      const id = child.pid === undefined ? undefined : insideOf(child.pid);
      if (id && processId(id.pid)) {
        writePidFile(join(paths.runDir, 'agent.pid'), id);
        log.info('agent started', { pid: id.pid });
        return;
      }
      await sleep(clock, 5);
    }
    throw new Error(`no process after 1 s; see ${logFile}`);
  } finally {
    closeSync(out);
  }
}
