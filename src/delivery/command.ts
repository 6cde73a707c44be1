/** What people do to a release, by the command line or by the API: written on the Canary, and answered by the controller. */
import {
  ApiError,
  Canaries,
  isPaused,
  noteOf,
  PAUSED,
  REQUEST,
  requestText,
  type Canary,
  type CanaryCommand,
  type Key,
} from '../api/index.ts';
import { sleep, type Clock } from '../base/index.ts';
import type { Client } from '../control/index.ts';

const WRITER = { fieldManager: 'sluice-rollout' };
/** How often is looked for an answer. */
const LOOK_MS = 250;
/** A running controller answers within a look at the canary; who waits for longer is told. */
const ANSWER_MS = 30_000;

export interface Commanded {
  /** `open`: it is not answered yet, and may still be. */
  readonly outcome: 'done' | 'refused' | 'open';
  readonly message: string;
}

/** What a command changes of the Canary. */
interface Change {
  readonly annotations: Readonly<Record<string, string | null>>;
  /** What it has come to, or the text that the controller will answer. */
  readonly next: { readonly said: string } | { readonly request: string };
}

function changeBy(canary: Canary, command: CanaryCommand, note: string): Change {
  const paused = isPaused(canary);
  if (command.do === 'pause') {
    if (paused) return { annotations: {}, next: { said: 'It is paused already.' } };
    return { annotations: { [PAUSED]: note }, next: { said: 'Paused: it stays as it is until "resume".' } };
  }
  if (command.do === 'resume') {
    if (!paused) return { annotations: {}, next: { said: 'It was not paused.' } };
    return { annotations: { [PAUSED]: null }, next: { said: 'Resumed.' } };
  }
  const request = requestText(command, note);
  // Who promotes or aborts has made up their mind: nothing is held any longer.
  const free: Record<string, null> = command.do === 'promote' || command.do === 'abort' ? { [PAUSED]: null } : {};
  return { annotations: { [REQUEST]: request, ...free }, next: { request } };
}

/**
 * Writes the command on the Canary, with `by` whom, and waits for what comes of it, half a minute at most. Throws NotFound when there is
 * no such Canary.
 */
export async function commandCanary(
  client: Client,
  key: Key,
  command: CanaryCommand,
  { by, clock, signal }: { readonly by?: string | undefined; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<Commanded> {
  const find = async (): Promise<Canary> => (await client.get(Canaries, key)) ?? missing(key);
  const { annotations, next } = changeBy(await find(), command, noteOf(clock.now(), by));
  if (Object.keys(annotations).length > 0)
    await client.patch(Canaries, key, { type: 'merge', body: { metadata: { annotations } } }, WRITER);
  if ('said' in next) return { outcome: 'done', message: next.said };
  const end = clock.monotonic() + ANSWER_MS;
  for (; clock.monotonic() < end && !signal?.aborted; await sleep(clock, LOOK_MS, signal)) {
    const { metadata, status } = await find();
    if (status?.handled?.request === next.request) {
      const { done, message } = status.handled;
      return done ? { outcome: 'done', message: `${message}.` } : { outcome: 'refused', message };
    }
    if (metadata?.annotations?.[REQUEST] !== next.request)
      return { outcome: 'open', message: 'another request came before the answer to this one was seen' };
  }
  return { outcome: 'open', message: `it has not taken up the request within ${ANSWER_MS / 1000} s; it is done as soon as it can be` };
}

function missing({ name }: Key): never {
  const { group, plural } = Canaries;
  throw new ApiError('NotFound', `${plural}.${group} "${name}" not found`, { name, group, kind: plural });
}
