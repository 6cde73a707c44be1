import type { AnyObject, Catalog } from '../api/index.ts';
import type { Clock, Log, Rng } from '../base/index.ts';
import type { Store } from '../store/index.ts';
import type { Admission } from './admission/admission.ts';
import type { CallWebhook } from './admission/webhooks.ts';
import type { Accounts, Answers } from './answers.ts';
import type { Computed } from './computed.ts';

/** What the verbs stand on. */
export interface Core {
  readonly store: Store<AnyObject>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** In the order in which they are asked. */
  readonly admission: readonly Admission[];
  readonly callWebhook: CallWebhook;
  /** What is answered and not kept. */
  readonly answers: Answers;
  /** What is told of objects in parts that are only read. */
  readonly accounts: Accounts;
  /** What is worked out and not kept. */
  readonly computed: Computed;
}
