/** Brings an instance up and waits until requests can flow. What then runs is `control-plane.edge.ts`. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Nodes, Pods } from '../../api/index.ts';
import { mergeKubeconfig } from '../../apiserver/index.ts';
import { Fault, messageOf } from '../../base/index.ts';
import { checkNode } from '../../node/index.ts';
import { choosePorts } from './choose-ports.edge.ts';
import { PORTS, type ControlPlaneInput, type InstanceConfig } from './config.ts';
import { startDaemon } from './daemon.edge.ts';
import { ensureEnvoy } from './envoy-binary.edge.ts';
import { clientOf, pidFile, probe, processOf, readRecord } from './instance.edge.ts';
import { lastWords } from './log-tail.ts';
import { isReady } from '../node/node-down.ts';
import { CONTROL_PLANE_ENV, CONTROL_PLANE_FLAGS } from '../node/node-flags.ts';
import type { InstancePaths } from './paths.ts';
import { makePrivate, takeTurn } from './turn.edge.ts';

export interface UpOptions {
  /** Ports the user named; the others are chosen. */
  readonly ports: Partial<InstanceConfig>;
  readonly env: NodeJS.ProcessEnv;
  /** The kubeconfig the context is merged into; undefined: none. */
  readonly userKubeconfig: string | undefined;
  /** Told about each step that takes time. */
  say(text: string): void;
}

const UP_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
const MAIN = fileURLToPath(new URL('../control-plane.main.edge.ts', import.meta.url));

/** Resolves when requests can flow; `alreadyUp` when they could before. Throws `Fault`; what has started by then goes on. */
export async function up(paths: InstancePaths, options: UpOptions): Promise<{ alreadyUp: boolean }> {
  if (await isUp(paths)) return alreadyUp(paths, options);
  const envoy = await ensureEnvoy(options.env, paths.cacheDir, options.say);
  const turn = await takeTurn(paths, 'sluice up', options.say);
  try {
    claimRunDir(paths);
    if (await isUp(paths)) return alreadyUp(paths, options);
    const logFile = join(paths.logDir, 'control-plane.log');
    const logStart = sizeOf(logFile);
    if (!processOf(paths, 'control-plane')) {
      const config = await choosePorts(paths, options.ports, options.say);
      const input: ControlPlaneInput = { paths, config, envoy: envoy.path };
      options.say('starting the control plane ...');
      startDaemon(process.execPath, [...CONTROL_PLANE_FLAGS, MAIN], {
        log: logFile,
        pidFile: pidFile(paths, 'control-plane'),
        env: { ...options.env, ...CONTROL_PLANE_ENV, SLUICE_CONTROL_PLANE: JSON.stringify(input) },
      });
    }
    await untilReady(paths, options.say, () => whyEnded(paths, logFile, logStart));
    addContext(paths, options.userKubeconfig);
    return { alreadyUp: false };
  } finally {
    turn.release();
  }
}

function alreadyUp(paths: InstancePaths, { ports, userKubeconfig }: UpOptions): { alreadyUp: true } {
  const config = readRecord(paths)?.config;
  for (const { key, what } of PORTS)
    if (config && ports[key] !== undefined && ports[key] !== config[key])
      throw new Fault('AlreadyUp', `the instance is up, with ${what} on port ${config[key]}`, {
        hint: 'To move it, stop the instance first: "sluice down" keeps its state.',
      });
  addContext(paths, userKubeconfig);
  return { alreadyUp: true };
}

function addContext(paths: InstancePaths, userKubeconfig: string | undefined): void {
  if (userKubeconfig === undefined) return;
  try {
    mergeKubeconfig(userKubeconfig, paths.kubeconfig);
  } catch (cause) {
    throw new Fault('KubeconfigUnwritable', `the instance is up, but its context could not be added: ${messageOf(cause)}`, {
      hint: `Use --no-kubeconfig and KUBECONFIG=${paths.kubeconfig}, or correct ${userKubeconfig} and run "sluice up" again.`,
      cause,
    });
  }
}

/** What must be true for requests to flow, in the order in which it becomes so. */
const STAGES: readonly { readonly what: string; ready(paths: InstancePaths): Promise<boolean> }[] = [
  { what: 'the Kubernetes API', ready: async (paths) => (await probe({ socketPath: paths.apiSocket }, '/readyz'))?.status === 200 },
  { what: 'the node', ready: async (paths) => (await clientOf(paths).list(Nodes)).items.some(isReady) },
  {
    what: 'the ingress gateway',
    async ready(paths) {
      const gateways = await clientOf(paths).list(Pods, { namespace: 'istio-system', labelSelector: 'istio=ingressgateway' });
      const port = readRecord(paths)?.config.httpPort;
      return gateways.items.some(isReady) && port !== undefined && (await listens(port));
    },
  },
  {
    // Comes last in the control plane, right before delivery.
    what: 'the Prometheus API',
    async ready(paths) {
      const port = readRecord(paths)?.config.prometheusPort;
      return port !== undefined && (await probe({ port }, '/-/ready'))?.status === 200;
    },
  },
];

async function isUp(paths: InstancePaths): Promise<boolean> {
  if (!processOf(paths, 'control-plane')) return false;
  for (const stage of STAGES) if (!(await stage.ready(paths).catch(() => false))) return false;
  return true;
}

async function untilReady(paths: InstancePaths, say: (text: string) => void, whyEnded: () => Promise<Fault>): Promise<void> {
  const deadline = performance.now() + UP_TIMEOUT_MS;
  for (const { what, ready } of STAGES) {
    if (what === 'the node') say('starting the node and the ingress gateway ...');
    while (!(await ready(paths).catch(() => false))) {
      if (!processOf(paths, 'control-plane')) throw await whyEnded();
      if (performance.now() > deadline)
        throw new Fault('UpTimeout', `${what} was not ready after ${UP_TIMEOUT_MS / 1000} s`, {
          hint: `Look at "sluice status" and into ${paths.logDir}; "sluice up" again goes on waiting.`,
        });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** The run directory must be ours alone: in /tmp somebody else could have made it first. */
function claimRunDir(paths: InstancePaths): void {
  makePrivate(paths.runDir, 'Set XDG_RUNTIME_DIR to a directory of your own.');
  for (const dir of [join(paths.runDir, '..'), paths.runDir]) {
    const { uid, mode } = statSync(dir);
    if (uid !== process.getuid!() || (mode & 0o022) !== 0)
      throw new Fault('RunDirUnsafe', `${dir} belongs to another user or can be written by others`, {
        hint: 'Remove it, or set XDG_RUNTIME_DIR to a directory of your own.',
      });
  }
}

/** What is wrong with the machine, if anything is; else what the control plane said last. */
async function whyEnded(paths: InstancePaths, logFile: string, from: number): Promise<Fault> {
  const wrong = (await checkNode()).filter((c) => !c.ok);
  if (wrong.length > 0)
    return new Fault('HostUnfit', wrong.map((c) => `${c.name}: ${c.found}`).join('; '), { hint: wrong.map((c) => c.fix).join('\n') });
  const log = readFrom(logFile, from);
  if (log === '')
    return new Fault('ControlPlaneKilled', 'the control plane was killed as it started, before it could say anything', {
      hint: `If that happens again, its store may be damaged: move ${paths.storeDir} away to start with an empty one.`,
    });
  const { message, hint } = lastWords(log);
  return new Fault('ControlPlaneEnded', `the control plane ended as it started: ${message}`, {
    hint: `${hint ?? 'Run "sluice doctor".'}\nIts whole log is ${logFile}.`,
  });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The file from `offset` on; all of it when it is shorter, since it is a new one then. */
function readFrom(file: string, offset: number): string {
  try {
    const bytes = readFileSync(file);
    return bytes.subarray(bytes.length < offset ? 0 : offset).toString('utf8');
  } catch (error) {
    return messageOf(error);
  }
}
