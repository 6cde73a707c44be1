import { keyOf, keyText, isApiError, type KubeObject } from '../api/index.ts';
import { messageOf, type Clock, type Log } from '../base/index.ts';
import type { Informer } from './informer.ts';
import { WorkQueue } from './work-queue.ts';

/** What a reconcile came to: nothing to do until something changes, or a look again after so many milliseconds. */
export interface Outcome {
  readonly after: number | undefined;
}

export const settled: Outcome = { after: undefined };

/** Reconcile the key again in `ms` milliseconds, if nothing asks for it earlier. */
export function again(ms: number): Outcome {
  return { after: Math.max(0, ms) };
}

export interface ReconcileContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Makes the world as the object named by the key wants it. A throw is a failure: tried again with a growing delay. */
export type Reconcile = (key: string, ctx: ReconcileContext) => Promise<Outcome>;

/** Where the keys of a controller come from. */
export interface Source {
  /** Resolves when all that exists has been handed to `enqueue`. */
  readonly synced: Promise<void>;
  /** Returns what ends it. */
  start(enqueue: (key: string) => void): () => void;
}

/**
 * The keys that a change of the informer's objects concerns; the object's own key when `keys` is absent. An update asks for the
 * keys of the old and of the new state, so that what an object points away from hears of it too.
 */
export function changesOf<T extends KubeObject>(
  informer: Informer<T>,
  keys: (object: T) => Iterable<string> = (o) => [keyText(keyOf(o))],
): Source {
  return {
    synced: informer.synced,
    start: (enqueue) =>
      informer.onChange((change) => {
        for (const key of keys(change.object)) enqueue(key);
        if (change.type === 'updated') for (const key of keys(change.old)) enqueue(key);
      }),
  };
}

export interface ControllerOptions {
  /** For the log. */
  readonly name: string;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  /** How many keys are worked on at a time; one key never twice. */
  readonly concurrency?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts and the work in hand is over. Begins once every source is synced. */
export async function runController(options: ControllerOptions): Promise<void> {
  const { name, sources, reconcile, concurrency = 1, clock, signal } = options;
  const log = options.log.with({ controller: name });
  const queue = new WorkQueue({ clock });
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const stops = sources.map((s) => s.start((key) => queue.add(key)));
  void aborted.then(() => {
    for (const stop of stops) stop();
    queue.close();
  });
  await Promise.race([aborted, Promise.all(sources.map((s) => s.synced))]);
  await Promise.all(Array.from({ length: concurrency }, () => work(queue, reconcile, { clock, log, signal })));
}

async function work(queue: WorkQueue, reconcile: Reconcile, ctx: ReconcileContext): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      const { after } = await reconcile(key, ctx);
      queue.forget(key);
      if (after !== undefined) queue.addAfter(key, after);
    } catch (error) {
      const delay = queue.retry(key);
      // A conflict says that the object moved on while we looked: the next look sees it.
      const level = isApiError(error, 'Conflict') ? 'debug' : 'warn';
      if (!ctx.signal.aborted) ctx.log[level]('reconcile failed; trying again', { key, delay, error: messageOf(error) });
    } finally {
      queue.done(key);
    }
  }
}
