import { spawn, type SpawnOptions } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import {
  Fault,
  isAlive,
  type Log,
  messageOf,
  processId,
  type ProcessId,
  readPidFile,
  signalProcess,
  sleep,
  systemClock,
  writePidFile,
} from '../../base/index.ts';
import { insideOf } from '../sandbox/node.edge.ts';
import { edgeBootstrap, edgeClusters, edgeFiles, edgeListeners, listenerName, type Side } from './host-ports.ts';
import type { HostPort, NodeSandbox } from './types.ts';

const SIDES: readonly Side[] = ['inside', 'outside'];
/** For a proxy to start, and for a listener to come up in one that runs. */
const START_MS = 10_000;
const LISTEN_MS = 2_000;
const WATCH_MS = 2_000;

/** The host's way into the node. Its proxies outlive the process that started them; opening it again takes over what runs. */
export interface Edge {
  /** Makes these the host ports. Rejects with `Fault` naming those that another program has; the others work. */
  setPorts(ports: readonly HostPort[]): Promise<void>;
  /** Stops watching and ends both proxies. */
  stop(): void;
  /** Stops watching only. */
  leave(): void;
}

export function openEdge(options: {
  readonly envoyBinary: string;
  readonly runDir: string;
  readonly node: NodeSandbox;
  readonly log: Log;
}): Edge {
  const { runDir, node, log } = options;
  mkdirSync(`${runDir}/edge`, { recursive: true, mode: 0o700 });
  const running = new Map<Side, ProcessId>();

  const ensure = async (side: Side): Promise<void> => {
    const files = edgeFiles(runDir, side);
    const known = running.get(side) ?? readPidFile(files.pid);
    if (known && isAlive(known)) return void running.set(side, known);
    write(files.bootstrap, edgeBootstrap(runDir, side));
    const args = ['-c', files.bootstrap, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning', '--log-path', files.log];
    const id = await launch(options.envoyBinary, args, side === 'inside' ? node : undefined);
    writePidFile(files.pid, id);
    running.set(side, id);
    log.info('edge proxy started', { side, pid: id.pid });
  };

  const edge: Edge = {
    async setPorts(ports) {
      // The inner side first: when the outer one takes connections, they have somewhere to go.
      for (const side of SIDES) {
        const files = edgeFiles(runDir, side);
        write(files.clusters, edgeClusters(runDir, side, ports));
        write(files.listeners, edgeListeners(runDir, side, ports));
        await ensure(side);
        await listening(files.admin, files.log, ports);
      }
    },
    stop() {
      clearInterval(watch);
      for (const id of running.values()) signalProcess(id, 'SIGTERM');
      running.clear();
    },
    leave: () => clearInterval(watch),
  };

  let checking = false;
  const watch = setInterval(() => {
    if (checking) return;
    checking = true;
    Promise.all([...running.keys()].map(ensure))
      .catch((e: unknown) => log.error('an edge proxy could not be started again', { error: messageOf(e) }))
      .finally(() => (checking = false));
  }, WATCH_MS);
  watch.unref();

  return edge;
}

/** Starts Envoy in a session of its own; `node` says into which namespaces, absent: none. */
async function launch(binary: string, args: readonly string[], node: NodeSandbox | undefined): Promise<ProcessId> {
  const alone: SpawnOptions = { detached: true, stdio: 'ignore', cwd: '/' };
  const child = node ? node.enter(binary, args, alone) : spawn(binary, args, alone);
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (e) => reject(missing(binary, e.message)));
    child.once('exit', (code) => reject(missing(binary, `it ended with ${code}`)));
  });
  failed.catch(() => {});
  child.unref();
  const found = async (): Promise<ProcessId> => {
    for (;;) {
      const id = child.pid === undefined ? undefined : node ? insideOf(child.pid) : processId(child.pid);
      if (id) return id;
      await sleep(systemClock, 5);
    }
  };
  return Promise.race([found(), failed]);
}

function missing(binary: string, why: string): Fault {
  return new Fault('EnvoyNotStarted', `Envoy (${binary}) could not be started: ${why}`, {
    hint: 'Run "sluice doctor" to see which Envoy is used.',
  });
}

/** Puts JSON in the place of a file in one step, which is also what Envoy watches for. */
function write(path: string, content: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Resolves when exactly these ports are served. */
async function listening(admin: string, logFile: string, ports: readonly HostPort[]): Promise<void> {
  let deadline = systemClock.monotonic() + START_MS;
  let answered = false;
  const wanted = ports.map((p) => p.hostPort);
  let absent = wanted;
  while (systemClock.monotonic() < deadline) {
    const names = await listenerNames(admin);
    if (names) {
      if (!answered) deadline = systemClock.monotonic() + LISTEN_MS;
      answered = true;
      absent = wanted.filter((p) => !names.includes(listenerName(p)));
      if (absent.length === 0 && names.length === wanted.length) return;
    }
    await sleep(systemClock, 20);
  }
  const list = absent.join(', ');
  throw new Fault(
    'HostPortTaken',
    `127.0.0.1 does not serve ${list === '' ? 'its ports as asked' : `port ${list}`}; the proxy's log is ${logFile}`,
    {
      hint: 'Another program may listen there, or the port is below 1024 and you are not root: choose another port.',
    },
  );
}

/** What a proxy listens to now; undefined while it does not answer. */
function listenerNames(admin: string): Promise<string[] | undefined> {
  return new Promise((resolve) => {
    const none = (): void => resolve(undefined);
    const req = request({ socketPath: admin, path: '/listeners?format=json', timeout: 1000 }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (part: string) => (text += part));
      res.on('error', none).on('end', () => {
        try {
          const body = JSON.parse(text) as { listener_statuses?: { name: string }[] };
          resolve((body.listener_statuses ?? []).map((l) => l.name));
        } catch {
          none();
        }
      });
    });
    req.on('error', none).on('timeout', () => req.destroy());
    req.end();
  });
}
