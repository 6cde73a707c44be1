/** `sluice run` as a process, with what it needs of a cluster that is not ours: an account with the chart's rules, a Prometheus. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.edge.ts', import.meta.url));

export interface LogLine {
  readonly ts: string;
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface DeliveryProcess {
  readonly pid: number;
  readonly lines: readonly LogLine[];
  /** What it wrote beside its log. */
  readonly said: string;
  /** Where /metrics is. */
  readonly port: Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** The exit status; null when it was killed. */
  readonly ended: Promise<number | null>;
}

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const ENV = { PATH: process.env['PATH'], HOME: '/nonexistent' };

/** Another command of the command line, to its end. */
export function runSluice(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...NODE_FLAGS, MAIN, ...args], { env: ENV }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

export function startDeliveryProcess(args: readonly string[]): DeliveryProcess {
  const child: ChildProcess = spawn(process.execPath, [...NODE_FLAGS, MAIN, 'run', ...args], { env: ENV });
  const lines: LogLine[] = [];
  let said = '';
  let rest = '';
  child.stderr!.on('data', (chunk) => (said += String(chunk)));
  const port = new Promise<number>((resolve) => {
    child.stdout!.on('data', (chunk) => {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const line = JSON.parse(part) as LogLine;
        lines.push(line);
        if (typeof line['port'] === 'number') resolve(line['port']);
      }
    });
  });
  return {
    pid: child.pid!,
    lines,
    get said() {
      return said;
    },
    port,
    signal: (name) => void child.kill(name),
    ended: new Promise((resolve) => child.once('exit', resolve)),
  };
}

/** Answers every instant query with what `value` says of it. */
export async function startPrometheus(value: (query: string) => number): Promise<{ url: string; queries: string[]; close(): void }> {
  const queries: string[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://prometheus').searchParams.get('query') ?? '';
    queries.push(query);
    const result = [{ metric: {}, value: [Date.now() / 1000, String(value(query))] }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, queries, close: () => server.close() };
}
