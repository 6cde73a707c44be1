/** A whole instance for a test, driven as people drive it: the command line, kubectl, HTTP through the gateway, PromQL. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { kubectlWith, type Kubectl, type Result } from './kubectl.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const sample = (path: string): string => join(ROOT, 'samples/yaml', path);

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly seconds: number;
}

/** What `sluice status -o json` says, as far as tests look. */
export interface Status {
  readonly state: string;
  readonly components: readonly { readonly name: string; readonly state: string; readonly pid?: number }[];
  readonly pods?: { readonly total: number; readonly ready: number };
  readonly problems: readonly string[];
}

export interface Ports {
  readonly api: number;
  readonly http: number;
  readonly https: number;
  readonly prometheus: number;
}

export interface Instance {
  readonly name: string;
  readonly context: string;
  /** For files of the test. */
  readonly dir: string;
  readonly ports: Ports;
  /** The kubeconfig that stands for the user's own. */
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** The command line, with `--name` and `--state` of this instance. */
  sluice(args: readonly string[], env?: Record<string, string>): Promise<Result>;
  /** `up` on this instance's ports; fails with what it said when it does. */
  up(): Promise<Result>;
  status(): Promise<Status>;
  /** One request through the ingress gateway. */
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** The samples of an instant query, each with its labels. */
  promql(query: string): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>;
  /** Takes it down, forgets it, and removes what the test wrote. */
  close(): Promise<void>;
}

/** A port that nobody listens on; not one of those that the kernel may give to a connection of another test before it is listened on. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

const CLI_TIMEOUT_MS = 120_000;

/** Says where an instance is to live; it does not run until `up`. */
export async function newInstance(purpose: string): Promise<Instance> {
  const name = `${purpose}-${process.pid}`;
  const dir = mkdtempSync(join(tmpdir(), 'road-'));
  const kubeconfig = join(dir, 'kubeconfig');
  const ports: Ports = { api: await freePort(), http: await freePort(), https: await freePort(), prometheus: await freePort() };
  const agent = new Agent({ keepAlive: true });

  async function sluice(args: readonly string[], more: Record<string, string> = {}): Promise<Result> {
    const [command = '', ...rest] = args;
    const env: NodeJS.ProcessEnv = { ...process.env, KUBECONFIG: kubeconfig, ...more };
    delete env['NODE_TEST_CONTEXT'];
    const child = spawn(process.execPath, [join(ROOT, 'bin/sluice.mjs'), command, '--name', name, '--state', join(dir, 'state'), ...rest], {
      env,
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: CLI_TIMEOUT_MS,
    });
    const closed = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await closed, stdout, stderr };
  }

  return {
    name,
    context: `sluice-${name}`,
    dir,
    ports,
    kubeconfig,
    kubectl: kubectlWith(dir, kubeconfig),
    sluice,
    async up() {
      const { api, http, https, prometheus } = ports;
      const flags = [`--api-port=${api}`, `--http-port=${http}`, `--https-port=${https}`, `--prometheus-port=${prometheus}`];
      const done = await sluice(['up', ...flags]);
      assert.equal(done.code, 0, `sluice up\n${done.stdout}\n${done.stderr}`);
      return done;
    },
    async status() {
      return JSON.parse((await sluice(['status', '-o', 'json'])).stdout) as Status;
    },
    get(path, headers = {}) {
      const started = performance.now();
      return new Promise((resolve, reject) => {
        const r = request({ host: '127.0.0.1', port: ports.http, path, headers, agent, timeout: 15_000 }, (response) => {
          text(response).then(
            (body) =>
              resolve({
                status: response.statusCode ?? 0,
                body,
                headers: response.headers,
                seconds: (performance.now() - started) / 1000,
              }),
            reject,
          );
        });
        r.on('timeout', () => r.destroy(new Error(`no answer from ${path} within 15 s`)));
        r.on('error', reject);
        r.end();
      });
    },
    async promql(query) {
      const response = await fetch(`http://127.0.0.1:${ports.prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
      const answer = (await response.json()) as {
        status: string;
        error?: string;
        data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      assert.equal(answer.status, 'success', `${query}: ${answer.error}`);
      return (answer.data?.result ?? []).map((r) => ({ labels: r.metric, value: Number(r.value[1]) }));
    },
    async close() {
      agent.destroy();
      const done = await sluice(['down', '--purge']);
      if (done.code === 0) rmSync(dir, { recursive: true, force: true });
      assert.equal(done.code, 0, `sluice down --purge\n${done.stdout}\n${done.stderr}`);
    },
  };
}

/** Polls until a value is there, and returns it; what was thrown last, or `what`, when it does not come in time. */
export async function eventually<T>(what: string, seconds: number, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${seconds} s${last instanceof Error ? `; ${last.message}` : ''}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Follows an object of the instance, by watching, until what is at `path` is as wanted; resolves with it. */
export async function watched(
  { kubectl }: Instance,
  what: readonly string[],
  path: string,
  seconds: number,
  wanted: (value: string) => boolean,
): Promise<string> {
  const watch = kubectl.start(['get', ...what, '-w', '-o', `jsonpath={${path}}{"\\n"}`]);
  let said = '';
  const timer = setTimeout(() => watch.kill(), seconds * 1000);
  watch.stderr!.on('data', (text) => (said = String(text)));
  try {
    for await (const value of createInterface(watch.stdout!)) if (wanted((said = value))) return value;
  } finally {
    clearTimeout(timer);
    watch.kill();
  }
  throw new Error(`kubectl get ${what.join(' ')} -w: not within ${seconds} s; at last ${path} was ${said}`);
}

/** What kubectl printed; fails with what it said when it fails. */
export async function kubectl(instance: Instance, args: string | readonly string[], input?: string): Promise<string> {
  const words = typeof args === 'string' ? args.split(' ') : args;
  const done = await instance.kubectl.run(words, input === undefined ? {} : { input });
  assert.equal(done.code, 0, `kubectl ${words.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

/** Ends a process of this machine at once. */
export function kill9(pid: number): void {
  process.kill(pid, 'SIGKILL');
}

export const pidOf = async (instance: Instance, component: string): Promise<number> => {
  const found = (await instance.status()).components.find((c) => c.name === component);
  assert.ok(found?.pid, `${component} runs`);
  return found.pid;
};

export const fileText = (path: string): string => readFileSync(path, 'utf8');
