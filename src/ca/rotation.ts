import type { IssuedCertificate } from './authority.edge.ts';

/** First wait after a failed issue, in milliseconds; it doubles up to {@link RETRY_MAX_MS}. */
export const RETRY_MIN_MS = 1000;
export const RETRY_MAX_MS = 60_000;

/** One workload certificate through its life. `current` is served until a newer one is there, even when renewing fails. */
export type RotationState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'issuing'; readonly current?: IssuedCertificate | undefined; readonly failures: number }
  | { readonly phase: 'held'; readonly current: IssuedCertificate; readonly renewAt: number }
  | { readonly phase: 'waiting'; readonly current?: IssuedCertificate | undefined; readonly failures: number; readonly retryAt: number };

export type RotationEvent =
  | { readonly kind: 'wanted' }
  | { readonly kind: 'issued'; readonly certificate: IssuedCertificate }
  | { readonly kind: 'failed' }
  | { readonly kind: 'tick' };

export type RotationAction =
  | { readonly kind: 'issue' }
  | { readonly kind: 'serve'; readonly certificate: IssuedCertificate }
  | { readonly kind: 'wake'; readonly at: number };

export interface RotationStep {
  readonly state: RotationState;
  readonly actions: readonly RotationAction[];
}

/** Times are milliseconds since the epoch. A certificate is renewed at half its life, so that a CA down for hours does no harm. */
export function step(state: RotationState, event: RotationEvent, now: number): RotationStep {
  switch (event.kind) {
    case 'wanted':
      return state.phase === 'idle' ? issue(undefined, 0) : { state, actions: [] };
    case 'issued': {
      if (state.phase !== 'issuing') return { state, actions: [] };
      const current = event.certificate;
      const renewAt = current.notBefore + (current.notAfter - current.notBefore) / 2;
      return {
        state: { phase: 'held', current, renewAt },
        actions: [
          { kind: 'serve', certificate: current },
          { kind: 'wake', at: renewAt },
        ],
      };
    }
    case 'failed': {
      if (state.phase !== 'issuing') return { state, actions: [] };
      const failures = state.failures + 1;
      const retryAt = now + Math.min(RETRY_MIN_MS * 2 ** (failures - 1), RETRY_MAX_MS);
      return { state: { phase: 'waiting', current: state.current, failures, retryAt }, actions: [{ kind: 'wake', at: retryAt }] };
    }
    case 'tick': {
      if (state.phase === 'held')
        return now >= state.renewAt ? issue(state.current, 0) : { state, actions: [{ kind: 'wake', at: state.renewAt }] };
      if (state.phase === 'waiting')
        return now >= state.retryAt ? issue(state.current, state.failures) : { state, actions: [{ kind: 'wake', at: state.retryAt }] };
      return { state, actions: [] };
    }
  }
}

function issue(current: IssuedCertificate | undefined, failures: number): RotationStep {
  return { state: { phase: 'issuing', current, failures }, actions: [{ kind: 'issue' }] };
}
