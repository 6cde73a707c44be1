/** A kubelet without a node: commands run as plain processes of this machine, ports are ports of this machine. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { ApiError } from '../../src/api/index.ts';
import type { ExecSession, Kubelet, LogOptions } from '../../src/apiserver/index.ts';

export interface FakeKubelet extends Kubelet {
  /** What each pod has logged, by `namespace/name`; appended lines reach those who follow. */
  log(pod: string, line: string): void;
  /** The options of the last `logs`. */
  readonly asked: LogOptions[];
  /** Sizes the terminals were given. */
  readonly sizes: string[];
}

export function fakeKubelet(): FakeKubelet {
  const lines = new Map<string, string[]>();
  const followers = new Map<string, Set<PassThrough>>();
  const asked: LogOptions[] = [];
  const sizes: string[] = [];

  const run = (command: readonly string[]): ExecSession => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {});
    return {
      stdin: child.stdin,
      // Node throws away what a process has written when it ends before anybody reads.
      stdout: child.stdout.pipe(new PassThrough()),
      stderr: child.stderr.pipe(new PassThrough()),
      resize: (width, height) => void sizes.push(`${width}x${height}`),
      exit: new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => resolve(code ?? 137));
      }),
      close: () => void child.kill('SIGKILL'),
    };
  };

  return {
    asked,
    sizes,
    log(pod, line) {
      lines.set(pod, [...(lines.get(pod) ?? []), line]);
      for (const follower of followers.get(pod) ?? []) follower.write(`${line}\n`);
    },
    async logs(namespace, pod, options) {
      asked.push(options);
      const key = `${namespace}/${pod}`;
      const all = lines.get(key);
      if (!all) throw new ApiError('BadRequest', `container "${options.container}" in pod "${pod}" is waiting to start: ContainerCreating`);
      const shown = options.tailLines === undefined ? all : all.slice(-options.tailLines);
      const text = shown.map((line) => `${line}\n`).join('');
      if (!options.follow) return Readable.from(text === '' ? [] : [Buffer.from(text)]);
      const stream = new PassThrough();
      stream.write(text);
      const set = followers.get(key) ?? new Set();
      followers.set(key, set.add(stream));
      stream.once('close', () => set.delete(stream));
      return stream;
    },
    async exec(_namespace, _pod, options) {
      return run(options.command);
    },
    async attach() {
      return run(['cat']);
    },
    portForward: (_namespace, _pod, port) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket));
        socket.once('error', reject);
      }),
  };
}
