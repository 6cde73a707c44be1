/** Starts the API server as a process of its own, which can be killed at any moment. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CONTROL_PLANE_ENV, CONTROL_PLANE_FLAGS } from '../../src/app/index.ts';

export interface ApiProcessOptions {
  readonly dir: string;
  /** 0: any free one. */
  readonly port?: number;
  /** Runs the controllers as well. */
  readonly controllers?: boolean;
  /** Made when they are not there. */
  readonly namespaces?: readonly string[];
}

export interface ApiProcess {
  readonly pid: number;
  readonly port: number;
  readonly socketPath: string;
  readonly ca: string;
  readonly token: string;
  /** From exec until it said that it serves, in milliseconds. */
  readonly readyMs: number;
  /** Resolves when the process has ended. */
  kill(): Promise<void>;
  /** True when it ended without being killed by us. */
  readonly crashed: boolean;
}

/** Resolves when the server serves; rejects with what it wrote when it ends before. */
export async function startApiProcess(options: ApiProcessOptions): Promise<ApiProcess> {
  const started = performance.now();
  const whole: Required<ApiProcessOptions> = { port: 0, controllers: false, namespaces: ['default'], ...options };
  const main = fileURLToPath(new URL('./api-main.ts', import.meta.url));
  const child = spawn(process.execPath, [...CONTROL_PLANE_FLAGS, main, JSON.stringify(whole)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...CONTROL_PLANE_ENV },
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + String(chunk)).slice(-8192)));
  let killed = false;
  let ended = false;
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve)),
    exit.then(() => Promise.reject(new Error(`the API server ended before it served:\n${said}`))),
  ]);
  const readyMs = performance.now() - started;
  const { port, ca, token } = JSON.parse(line) as { port: number; ca: string; token: string };
  return {
    pid: child.pid!,
    port,
    socketPath: join(options.dir, 'api.sock'),
    ca,
    token,
    readyMs,
    async kill() {
      killed = true;
      child.kill('SIGKILL');
      await exit;
    },
    get crashed() {
      return ended && !killed;
    },
  };
}
