/** An instance from outside: bring it up, take it down, say how it is. What runs inside is `control-plane.edge.ts`. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployments, Nodes, Pods } from '../api/index.ts';
import { mergeKubeconfig, removeFromKubeconfig } from '../apiserver/index.ts';
import { Fault, messageOf, processId, readPidFile } from '../base/index.ts';
import { createHttpClient } from '../control/index.ts';
import { adoptNode, checkNode, stopNode } from '../node/index.ts';
import { startDaemon, stopProcess } from './daemon.edge.ts';
import { ensureEnvoy } from './envoy-binary.edge.ts';
import type { InstancePaths } from './paths.ts';
import { choosePort } from './ports.edge.ts';

/** What an instance keeps between runs. */
export interface InstanceConfig {
  readonly apiPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly prometheusPort: number;
}

/** What the control plane is started with. */
export interface ControlPlaneInput {
  readonly paths: InstancePaths;
  readonly config: InstanceConfig;
  readonly envoy: string;
}

export const DEFAULT_PORTS: InstanceConfig = { apiPort: 16443, httpPort: 8080, httpsPort: 8443, prometheusPort: 19090 };

export interface UpOptions {
  /** Ports the user named; the others are chosen. */
  readonly ports: Partial<InstanceConfig>;
  readonly env: NodeJS.ProcessEnv;
  /** The kubeconfig the context is merged into; undefined: none. */
  readonly userKubeconfig: string | undefined;
  /** Told about each step that takes time. */
  say(text: string): void;
}

export interface InstanceStatus {
  readonly name: string;
  readonly state: 'running' | 'stopped' | 'degraded';
  readonly api?: string;
  readonly ingress?: { http: string; https: string };
  readonly prometheus?: string;
  readonly context: string;
  readonly kubeconfig: string;
  readonly components: readonly { name: string; state: string; pid?: number; memoryMB?: number }[];
  readonly pods?: { total: number; ready: number };
  readonly problems: readonly string[];
}

const UP_TIMEOUT_MS = 60_000;
const pidFile = (paths: InstancePaths, what: string): string => join(paths.runDir, `${what}.pid`);

export function readConfig(paths: InstancePaths): InstanceConfig | undefined {
  try {
    return { ...DEFAULT_PORTS, ...(JSON.parse(readFileSync(paths.instanceFile, 'utf8')) as Partial<InstanceConfig>) };
  } catch {
    return undefined;
  }
}

async function chooseConfig(paths: InstancePaths, named: Partial<InstanceConfig>): Promise<InstanceConfig> {
  const before = readConfig(paths);
  const taken = new Set<number>();
  const choose = async (key: keyof InstanceConfig, flag: string, what: string): Promise<number> => {
    const explicit = named[key] !== undefined;
    const port = await choosePort(named[key] ?? before?.[key] ?? DEFAULT_PORTS[key], { explicit, flag, what, taken });
    taken.add(port);
    return port;
  };
  const config = {
    apiPort: await choose('apiPort', '--api-port', 'the Kubernetes API'),
    httpPort: await choose('httpPort', '--http-port', 'the ingress gateway'),
    httpsPort: await choose('httpsPort', '--https-port', 'the ingress gateway (TLS)'),
    prometheusPort: await choose('prometheusPort', '--prometheus-port', 'the Prometheus API'),
  };
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(`${paths.instanceFile}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${paths.instanceFile}.new`, paths.instanceFile);
  return config;
}

/** The run directory must be ours alone: in /tmp somebody else could have made it first. */
function claimRunDir(paths: InstancePaths): void {
  mkdirSync(paths.runDir, { recursive: true, mode: 0o700 });
  for (const dir of [join(paths.runDir, '..'), paths.runDir]) {
    const { uid, mode } = statSync(dir);
    if (uid !== process.getuid!() || (mode & 0o022) !== 0)
      throw new Fault('RunDirUnsafe', `${dir} belongs to another user or can be written by others`, {
        hint: `Remove it, or set XDG_RUNTIME_DIR to a directory of your own.`,
      });
  }
}

/** Asks the API server over its socket; undefined when it does not answer. */
export function probe(paths: InstancePaths, path: string): Promise<{ status: number; body: string } | undefined> {
  return new Promise((resolve) => {
    const r = request({ socketPath: paths.apiSocket, path, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(undefined));
    });
    r.on('timeout', () => r.destroy());
    r.on('error', () => resolve(undefined));
    r.end();
  });
}

async function waitFor(what: string, deadline: number, paths: InstancePaths, ready: () => Promise<boolean>): Promise<void> {
  while (!(await ready().catch(() => false))) {
    if (!readPidFile(pidFile(paths, 'control-plane'))) throw await whyEnded(what, paths);
    if (Date.now() > deadline)
      throw new Fault('UpTimeout', `${what} was not ready after ${UP_TIMEOUT_MS / 1000} s`, {
        hint: `Look into ${paths.logDir} and at "sluice status"; "sluice up" again goes on waiting.`,
      });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** What is wrong with the machine, if anything is; else the end of the log. */
async function whyEnded(what: string, paths: InstancePaths): Promise<Fault> {
  const wrong = (await checkNode()).filter((c) => !c.ok);
  if (wrong.length > 0)
    return new Fault('HostUnfit', wrong.map((c) => `${c.name}: ${c.found}`).join('; '), { hint: wrong.map((c) => c.fix).join('\n') });
  const log = join(paths.logDir, 'control-plane.log');
  return new Fault('ControlPlaneEnded', `the control plane ended while it was to bring up ${what}:\n${tail(log)}`, {
    hint: `Run "sluice doctor"; the whole log is ${log}.`,
  });
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Brings the instance up and waits until requests can flow; true when it was up already. */
export async function up(paths: InstancePaths, options: UpOptions): Promise<{ alreadyUp: boolean }> {
  const running = readPidFile(pidFile(paths, 'control-plane'));
  const ready = async (): Promise<boolean> => (await probe(paths, '/readyz'))?.status === 200;
  if (running && (await ready()) && (await gatewayReady(paths))) {
    if (options.userKubeconfig) mergeKubeconfig(options.userKubeconfig, paths.kubeconfig);
    return { alreadyUp: true };
  }
  const envoy = await ensureEnvoy(options.env, paths.cacheDir, options.say);
  claimRunDir(paths);
  const deadline = Date.now() + UP_TIMEOUT_MS;
  if (!running) {
    // The edge keeps its ports while the control plane is away: they are free for us, but not for bind().
    const edgeRuns = readPidFile(pidFile(paths, 'edge/outside')) !== undefined;
    const before = readConfig(paths);
    const config = edgeRuns && before ? before : await chooseConfig(paths, options.ports);
    const input: ControlPlaneInput = { paths, config, envoy: envoy.path };
    options.say('starting the control plane ...');
    startDaemon(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./control-plane.main.edge.ts', import.meta.url))],
      {
        log: join(paths.logDir, 'control-plane.log'),
        pidFile: pidFile(paths, 'control-plane'),
        env: { ...options.env, SLUICE_CONTROL_PLANE: JSON.stringify(input) },
      },
    );
  }
  await waitFor('the Kubernetes API', deadline, paths, ready);
  options.say('starting the node and the ingress gateway ...');
  const client = createHttpClient({ socketPath: paths.apiSocket });
  await waitFor('the node', deadline, paths, async () =>
    (await client.list(Nodes)).items.some((n) => n.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')),
  );
  await waitFor('the ingress gateway', deadline, paths, () => gatewayReady(paths));
  if (options.userKubeconfig) mergeKubeconfig(options.userKubeconfig, paths.kubeconfig);
  return { alreadyUp: false };
}

async function gatewayReady(paths: InstancePaths): Promise<boolean> {
  const client = createHttpClient({ socketPath: paths.apiSocket });
  const gateway = await client.get(Deployments, { namespace: 'istio-system', name: 'istio-ingressgateway' });
  return (gateway?.status?.availableReplicas ?? 0) > 0;
}

/** Ends everything of the instance that runs; `purge` forgets its state too. */
export async function down(
  paths: InstancePaths,
  options: { purge: boolean; userKubeconfig: string | undefined; say(text: string): void },
): Promise<{ wasUp: boolean }> {
  let wasUp = false;
  const controlPlane = readPidFile(pidFile(paths, 'control-plane'));
  if (controlPlane) {
    wasUp = true;
    options.say('stopping the control plane ...');
    await stopProcess(controlPlane, 10_000);
  }
  if (adoptNode(paths.runDir)) {
    wasUp = true;
    options.say('stopping the node ...');
    await stopNode(paths.runDir);
  }
  const edge = readPidFile(pidFile(paths, 'edge/outside'));
  if (edge) await stopProcess(edge, 1_000);
  for (const what of ['control-plane', 'edge/outside']) rmSync(pidFile(paths, what), { force: true });
  if (options.purge) {
    rmSync(paths.runDir, { recursive: true, force: true });
    rmSync(paths.stateDir, { recursive: true, force: true });
    if (options.userKubeconfig && existsSync(options.userKubeconfig)) removeFromKubeconfig(options.userKubeconfig, paths.context);
  }
  return { wasUp };
}

function memoryMB(pid: number): number | undefined {
  try {
    const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return pss ? Math.round(Number(pss) / 1024) : undefined;
  } catch {
    return undefined;
  }
}

export async function status(paths: InstancePaths): Promise<InstanceStatus> {
  const config = readConfig(paths);
  const problems: string[] = [];
  const component = (name: string, pid: number | undefined): InstanceStatus['components'][number] => {
    if (pid === undefined || !processId(pid)) return { name, state: 'stopped' };
    const mb = memoryMB(pid);
    return { name, state: 'running', pid, ...(mb === undefined ? {} : { memoryMB: mb }) };
  };
  const node = adoptNode(paths.runDir);
  const components = [
    component('control plane', readPidFile(pidFile(paths, 'control-plane'))?.pid),
    component('node', node?.initPid),
    component('node agent', readPidFile(pidFile(paths, 'agent'))?.pid),
    component('edge (outside)', readPidFile(pidFile(paths, 'edge/outside'))?.pid),
  ];
  const running = components.filter((c) => c.state === 'running').length;
  const base = { name: paths.name, context: paths.context, kubeconfig: paths.kubeconfig, components };
  if (running === 0 || !config) return { ...base, state: 'stopped', problems };
  const readyz = await probe(paths, '/readyz');
  if (readyz?.status !== 200) problems.push(`the API does not answer ready (${readyz?.body.trim() || 'no answer'}): run "sluice up"`);
  let pods: InstanceStatus['pods'];
  try {
    const items = (await createHttpClient({ socketPath: paths.apiSocket }).list(Pods)).items;
    pods = {
      total: items.length,
      ready: items.filter((p) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')).length,
    };
  } catch (error) {
    problems.push(`pods cannot be listed: ${messageOf(error)}`);
  }
  for (const c of components) if (c.state !== 'running') problems.push(`${c.name} is not running: run "sluice up"`);
  return {
    ...base,
    state: problems.length === 0 ? 'running' : 'degraded',
    api: `https://127.0.0.1:${config.apiPort}`,
    ingress: { http: `http://127.0.0.1:${config.httpPort}`, https: `https://127.0.0.1:${config.httpsPort}` },
    prometheus: `http://127.0.0.1:${config.prometheusPort}`,
    ...(pods ? { pods } : {}),
    problems,
  };
}
