import { messageOf, type Clock, type Log, type Timer } from '../base/index.ts';
import type { IssuedCertificate } from './authority.edge.ts';
import type { Identity } from './identity.ts';
import { step, type RotationEvent, type RotationState } from './rotation.ts';

/** The longest timer JavaScript takes; longer waits are made of several. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The certificates in use: one an identity, issued when first asked for and renewed for as long as it is kept. */
export interface Identities {
  /** The current certificate; waits for the first one. */
  certificate(identity: Identity): Promise<IssuedCertificate>;
  /** Called with the identity after each renewal (not after the first issue). */
  onRenewed(listener: (identity: Identity) => void): void;
  /** Stops renewing; the key is forgotten. */
  release(identity: Identity): void;
  close(): void;
}

interface Entry {
  readonly identity: Identity;
  state: RotationState;
  timer: Timer | undefined;
  waiting: ((certificate: IssuedCertificate) => void)[];
}

export function createIdentities(options: {
  readonly issue: (identity: Identity, now: number) => Promise<IssuedCertificate>;
  readonly clock: Clock;
  readonly log: Log;
}): Identities {
  const { issue, clock, log } = options;
  const entries = new Map<string, Entry>();
  const listeners: ((identity: Identity) => void)[] = [];
  const keyOf = (i: Identity): string => `${i.namespace}/${i.serviceAccount}`;

  function feed(entry: Entry, event: RotationEvent): void {
    if (entries.get(keyOf(entry.identity)) !== entry) return;
    const renewal = entry.state.phase === 'issuing' && entry.state.current !== undefined;
    const { state, actions } = step(entry.state, event, clock.now());
    entry.state = state;
    for (const action of actions) {
      if (action.kind === 'issue') {
        issue(entry.identity, clock.now()).then(
          (certificate) => feed(entry, { kind: 'issued', certificate }),
          (error: unknown) => {
            log.error('issuing a workload certificate failed; it is tried again', {
              identity: keyOf(entry.identity),
              error: messageOf(error),
            });
            feed(entry, { kind: 'failed' });
          },
        );
      } else if (action.kind === 'serve') {
        for (const resolve of entry.waiting.splice(0)) resolve(action.certificate);
        if (renewal) for (const listener of listeners) listener(entry.identity);
      } else {
        entry.timer?.cancel();
        entry.timer = clock.after(Math.min(action.at - clock.now(), TIMER_MAX_MS), () => feed(entry, { kind: 'tick' }));
      }
    }
  }

  return {
    certificate(identity) {
      let entry = entries.get(keyOf(identity));
      if (!entry) {
        entry = { identity, state: { phase: 'idle' }, timer: undefined, waiting: [] };
        entries.set(keyOf(identity), entry);
        feed(entry, { kind: 'wanted' });
      }
      const { state, waiting } = entry;
      if (state.phase !== 'idle' && state.current) return Promise.resolve(state.current);
      return new Promise((resolve) => waiting.push(resolve));
    },
    onRenewed(listener) {
      listeners.push(listener);
    },
    release(identity) {
      entries.get(keyOf(identity))?.timer?.cancel();
      entries.delete(keyOf(identity));
    },
    close() {
      for (const entry of entries.values()) entry.timer?.cancel();
      entries.clear();
    },
  };
}
