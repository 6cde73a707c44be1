/** Releases in the API: what is posted to a part of a Canary is done to its release, as `sluice rollout` does it; its account is read. */
import {
  ApiError,
  apiVersionOf,
  Canaries,
  canaryRequests,
  COMMANDS,
  type AnyObject,
  type Canary,
  type CanaryRequestObject,
} from '../api/index.ts';
import type { Accounts, Answer, Answers, User } from '../apiserver/index.ts';
import type { Clock } from '../base/index.ts';
import type { Client } from '../control/index.ts';
import { commandCanary, historyOf, whyOf } from '../delivery/index.ts';

interface Uses {
  /** Acts as somebody: whoever may use the part need not be allowed to change the Canary, but it is they who have changed it. */
  readonly clientOf: (user: User) => Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const { group, plural } = Canaries;
const partOf = (name: string): string => `${group}/${plural}/${name}`;

export function canaryCommands({ clientOf, clock, signal }: Uses): Answers {
  const answerOf =
    (verb: (typeof COMMANDS)[number]): Answer =>
    async ({ namespace = '', name = '', user }, asked, { dryRun }) => {
      if (dryRun) throw new ApiError('BadRequest', `${verb} knows no dry run: what becomes of it is found out by doing it`);
      const { spec } = asked as CanaryRequestObject;
      const command = verb === 'set-weight' ? { do: verb, weight: spec?.weight ?? 0 } : { do: verb };
      const { outcome, message } = await commandCanary(clientOf(user), { namespace, name }, command, { by: user.name, clock, signal });
      if (outcome === 'done') return { ...asked, metadata: { name, namespace }, status: { message } };
      const [reason, text] =
        outcome === 'refused' ? (['Conflict', 'Operation cannot be fulfilled'] as const) : (['Timeout', 'No answer'] as const);
      throw new ApiError(reason, `${text} on ${plural}.${group} "${name}": ${message}`, { name, group, kind: plural });
    };
  return new Map(COMMANDS.map((verb) => [partOf(verb), { def: canaryRequests, answer: answerOf(verb) }]));
}

function account(kind: string, tell: (canary: Canary) => object): (object: AnyObject) => AnyObject {
  return (object) => {
    const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
    const metadata = { name, namespace, uid, resourceVersion } as NonNullable<AnyObject['metadata']>;
    return { kind, apiVersion: apiVersionOf(Canaries), metadata, ...tell(object as unknown as Canary) };
  };
}

export const canaryAccounts: Accounts = new Map([
  [partOf('history'), account('CanaryHistory', (canary) => ({ releases: historyOf(canary) }))],
  [partOf('why'), account('CanaryWhy', whyOf)],
]);
