import type { Policy } from '../mesh/index.ts';
import type { SeenRequest } from './evaluate.ts';

/** What would happen to one HTTP request, and why. Plain data: what `sluice explain -o json` prints. */
export interface Explanation {
  readonly request: SeenRequest;
  readonly client: {
    readonly pod: string;
    readonly proxy: 'sidecar' | 'gateway' | 'none';
    /** Who it is to servers, under mTLS. */
    readonly identity?: string;
  };
  /** What takes the request where it leaves the client. */
  readonly listener: string;
  /** Every object and rule that was looked at, in the order in which they were. */
  readonly steps: readonly Step[];
  readonly route: ChosenRoute;
  readonly targets: readonly Target[];
  /** The answers to expect, in percent of such requests. */
  readonly expected: readonly Outcome[];
  readonly notes: readonly string[];
}

export interface Step {
  /** As in `VirtualService default/reviews`. */
  readonly object: string;
  /** As in `spec.http[0].match[1]`. */
  readonly path: string;
  readonly matched: boolean;
  /** The field that decided, and what it met. */
  readonly why: string;
}

export interface ChosenRoute {
  /** `VirtualService default/reviews spec.http[0]`; absent where nobody wrote a rule. */
  readonly from?: string;
  readonly does: 'forward' | 'redirect' | 'respond' | 'pass through' | 'refuse' | 'bytes';
  readonly says: string;
  readonly status?: number;
  readonly timeout?: string;
  readonly retries?: { readonly attempts: number; readonly on: string; readonly perTryTimeout?: string };
  readonly delay?: { readonly time: string; readonly percent: number };
  readonly abort?: { readonly status: number; readonly percent: number };
  readonly rewrite?: string;
  readonly mirrors?: readonly string[];
}

export interface Target {
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  readonly subset?: string;
  /** Percent of the requests of the route. */
  readonly share: number;
  /** `DestinationRule default/reviews`, where one holds for it. */
  readonly destinationRule?: string;
  readonly policy: Policy;
  readonly endpoints: readonly EndpointOutcome[];
  /** Why nothing can be sent there. */
  readonly problem?: string;
}

export interface EndpointOutcome {
  readonly address: string;
  readonly pod?: string;
  /** What the client's proxy says to it. */
  readonly sends: 'mTLS' | 'TLS' | 'plain text';
  /** What the server's proxy accepts; absent where it has none. */
  readonly accepts?: string;
  readonly authorization?: { readonly allowed: boolean; readonly why: string };
  readonly outcome: Omit<Outcome, 'percent'>;
}

export interface Outcome {
  readonly percent: number;
  /** Absent: what the application answers. */
  readonly status?: number;
  readonly why: string;
}
