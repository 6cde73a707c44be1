/**
 * What people say of a release while it runs: annotations of the Canary, since whoever applies it from Git leaves those alone that
 * are not in Git.
 */
import type { Canary } from './types.ts';

/** Traffic stays as it is, and no release begins, until it is taken off; its value says since when and by whom ({@link noteOf}). */
export const PAUSED = 'sluice.io/paused';
/** {@link CanaryRequest} as text: `promote`, or `set-weight=30`; a {@link noteOf} after a space tells one from the next. */
export const REQUEST = 'sluice.io/request';
/** How long a release may take until its promotion, such as `2h`; gates and pauses included. */
export const DEADLINE = 'sluice.io/deadline';

/** A label: Canaries of a namespace with the same value are promoted together or not at all. */
export const GROUP = 'sluice.io/group';

const VERBS = ['promote', 'abort', 'retry', 'restart', 'undo'] as const;
/** All that people can do to a release, and what they can ask about one: words of `sluice rollout`, and parts of a Canary in the API. */
export const COMMANDS = ['pause', 'resume', ...VERBS, 'set-weight'] as const;
export const ACCOUNTS = ['history', 'why'] as const;

export type CanaryRequest =
  | { readonly do: (typeof VERBS)[number] }
  | {
      readonly do: 'set-weight';
      /** Percent. */
      readonly weight: number;
    };

/** What is done at once, or asked of the controller. */
export type CanaryCommand = CanaryRequest | { readonly do: 'pause' } | { readonly do: 'resume' };

/** The request that a text is; undefined when it is none. */
export function parseRequest(text: string): CanaryRequest | undefined {
  const [word = ''] = text.trim().split(/\s/);
  const verb = VERBS.find((v) => v === word);
  if (verb) return { do: verb };
  const weight = /^set-weight=(\d{1,3})$/.exec(word)?.[1];
  return weight !== undefined && Number(weight) <= 100 ? { do: 'set-weight', weight: Number(weight) } : undefined;
}

/** When something was asked, in milliseconds since the epoch, and by whom as far as that is known. */
export const noteOf = (at: number, by: string | undefined): string => `${new Date(at).toISOString()}${by ? ` by ${by}` : ''}`;

/** Who has asked, by what the annotation says. */
export const askedBy = (text: string | undefined): string | undefined => / by (.{1,128})$/.exec(text ?? '')?.[1];

export function requestText(request: CanaryRequest, note: string): string {
  return `${request.do === 'set-weight' ? `set-weight=${request.weight}` : request.do} ${note}`;
}

const annotation = (canary: Canary, name: string): string | undefined => canary.metadata?.annotations?.[name];

export const isPaused = (canary: Canary): boolean => annotation(canary, PAUSED) !== undefined;

/** Who has paused it, as far as that is known. */
export const pausedBy = (canary: Canary): string | undefined => askedBy(annotation(canary, PAUSED));

/** The text of a request that was not answered yet. */
export function openRequest(canary: Canary): string | undefined {
  const text = annotation(canary, REQUEST);
  return text !== undefined && text !== canary.status?.handled?.request ? text : undefined;
}
