/** What the demo touches: kubectl, the ingress gateway as a user sees it, the API, PromQL. */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { InstanceStatus } from '../../app/index.ts';
import { Deployments, type Resource, type KubeObject } from '../../api/index.ts';
import { Fault } from '../../base/index.ts';
import { createHttpClient, type Client } from '../../control/index.ts';
import type { CommandContext } from '../context.ts';
import type { Report } from './report.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly seconds: number;
}

export const sampleFile = (path: string): string => fileURLToPath(new URL(`../../../samples/yaml/${path}`, import.meta.url));

/** How often somebody who waits is told so. */
const TELL_MS = 5_000;

export class World {
  readonly client: Client;
  readonly report: Report;
  readonly #context: CommandContext;
  readonly #kubectl: string;
  readonly #ingress: URL;
  readonly #prometheus: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 20 });
  /** What is to be taken back, by the words of the kubectl command that does it. */
  readonly #temporary: (readonly string[])[] = [];

  constructor(context: CommandContext, report: Report, kubectl: string, status: InstanceStatus) {
    this.#context = context;
    this.report = report;
    this.#kubectl = kubectl;
    this.#ingress = new URL(status.ingress!.http);
    this.#prometheus = status.prometheus!;
    this.client = createHttpClient({ socketPath: context.paths.apiSocket });
  }

  /** Runs kubectl, showing the command; throws what it said when it fails. */
  async kubectl(...args: string[]): Promise<string> {
    const shown = args.map((a) => (a.startsWith('/') ? a.slice(a.indexOf('samples/')) : a));
    this.report.command(`kubectl ${shown.join(' ')}`);
    return await new Promise((resolve, reject) => {
      const child = spawn(this.#kubectl, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...this.#context.env, KUBECONFIG: this.#context.paths.kubeconfig },
      });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve(out) : reject(new Fault('KubectlFailed', `kubectl ${args.join(' ')}: ${err.trim() || `status ${code}`}`)),
      );
    });
  }

  /** Applies a file whose objects are gone after `during`, also when that is interrupted: then {@link close} takes them back. */
  async temporarily(file: string, during: () => Promise<void>): Promise<void> {
    const undo = ['delete', '--ignore-not-found', '-f', file];
    this.#temporary.push(undo);
    await this.kubectl('apply', '-f', file);
    try {
      await during();
    } finally {
      await this.#takeBack();
    }
  }

  async #takeBack(): Promise<void> {
    for (const undo of this.#temporary.splice(0)) await this.kubectl(...undo);
  }

  /** One request through the ingress gateway. */
  get(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string; timeoutMs?: number } = {},
  ): Promise<Answer> {
    const started = performance.now();
    return new Promise((resolve, reject) => {
      const r = request(
        {
          host: this.#ingress.hostname,
          port: this.#ingress.port,
          path,
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
          agent: this.#agent,
          timeout: options.timeoutMs ?? 15_000,
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body, headers: response.headers, seconds: (performance.now() - started) / 1000 }),
          );
        },
      );
      r.on('timeout', () => r.destroy(new Error(`no answer from ${path} in time`)));
      r.on('error', reject);
      r.end(options.body);
    });
  }

  get prometheusUrl(): string {
    return this.#prometheus;
  }

  get ingressUrl(): string {
    return this.#ingress.href.replace(/\/$/, '');
  }

  /** The value of an instant PromQL query with one result; undefined when there is none. */
  async metric(query: string): Promise<number | undefined> {
    const response = await fetch(`${this.#prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
    const answer = (await response.json()) as { data?: { result?: { value: [number, string] }[] } };
    const value = Number(answer.data?.result?.[0]?.value[1]);
    return Number.isNaN(value) ? undefined : value;
  }

  async until(what: string, timeoutMs: number, done: () => Promise<boolean>): Promise<void> {
    const started = performance.now();
    while (!(await done().catch(() => false))) {
      const now = performance.now();
      if (now > started + timeoutMs) throw new Fault('DemoTimeout', `waited ${timeoutMs / 1000} s until ${what}, in vain`);
      if (this.report.silentMs > TELL_MS) this.report.waiting(what, (now - started) / 1000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async available(namespace: string, ...names: string[]): Promise<void> {
    for (const name of names)
      await this.until(`deployment ${namespace}/${name} is available`, 60_000, async () => {
        const d = await this.client.get(Deployments, { namespace, name });
        return d?.status?.observedGeneration === d?.metadata?.generation && (d?.status?.availableReplicas ?? 0) >= (d?.spec?.replicas ?? 1);
      });
  }

  object<T extends KubeObject>(resource: Resource<T>, namespace: string, name: string): Promise<T | undefined> {
    return this.client.get(resource, { namespace, name });
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#takeBack();
  }
}
