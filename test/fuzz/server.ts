/** The server that is fuzzed, seen from the process that fuzzes it: each has its own memory. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CONTROL_PLANE_ENV, CONTROL_PLANE_FLAGS } from '../../src/app/index.ts';
import { workedMsOf } from '../support/usage.ts';

export interface Memory {
  readonly rssMb: number;
  /** With what is outside of the heap for it, such as buffers. */
  readonly heapMb: number;
  /** What native code has allocated and not freed, with such buffers. */
  readonly nativeMb: number;
}

export type Ask = 'memory' | 'sweep';
export type Told = { readonly serves: string } | { readonly log: string } | { readonly done: Memory | true };

export interface FuzzServer {
  readonly socketPath: string;
  /** The last lines of its log. */
  readonly log: readonly string[];
  /** Milliseconds that it has worked so far. */
  workedMs(): number;
  /** After a collection. */
  memory(): Promise<Memory>;
  /** Takes away what piled up. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export async function startFuzzServer(seed: number): Promise<FuzzServer> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = fork(main, [String(seed)], {
    execArgv: [...CONTROL_PLANE_FLAGS, '--expose-gc'],
    env: { ...process.env, ...CONTROL_PLANE_ENV },
  });
  const log: string[] = [];
  const serves = Promise.withResolvers<string>();
  let done = Promise.withResolvers<Memory | true>();
  child.on('message', (told: Told) => {
    if ('serves' in told) serves.resolve(told.serves);
    else if ('done' in told) done.resolve(told.done);
    else if (log.push(told.log) > 20) log.shift();
  });
  const ended = once(child, 'exit');
  void ended.then(([code]) => {
    const error = new Error(`the server has ended with code ${String(code)}`);
    serves.reject(error);
    done.reject(error);
  });
  const ask = (what: Ask): Promise<Memory | true> => {
    done = Promise.withResolvers();
    child.send(what);
    return done.promise;
  };
  return {
    socketPath: await serves.promise,
    log,
    workedMs: () => workedMsOf(child.pid!),
    memory: async () => (await ask('memory')) as Memory,
    sweep: async () => void (await ask('sweep')),
    async close() {
      done.promise.catch(() => {});
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
