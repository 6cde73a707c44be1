import type { Probe } from '../objects.ts';

/** One kind of probe of one run of a container. */
export interface ProbeState {
  readonly successes: number;
  readonly failures: number;
  /** Undefined until a threshold is reached. */
  readonly verdict: boolean | undefined;
}

export const NEW_PROBE: ProbeState = { successes: 0, failures: 0, verdict: undefined };

/** Counts a result: the verdict changes when enough in a row agree. */
export function probeStep(state: ProbeState, ok: boolean, probe: Probe): ProbeState {
  const successes = ok ? state.successes + 1 : 0;
  const failures = ok ? 0 : state.failures + 1;
  if (successes >= (probe.successThreshold ?? 1)) return { successes, failures, verdict: true };
  if (failures >= (probe.failureThreshold ?? 3)) return { successes, failures, verdict: false };
  return { successes, failures, verdict: state.verdict };
}

/** Milliseconds, with Kubernetes' defaults. */
export function probeTimes(probe: Probe): { readonly delay: number; readonly period: number; readonly timeout: number } {
  return {
    delay: (probe.initialDelaySeconds ?? 0) * 1000,
    period: Math.max(1, probe.periodSeconds ?? 10) * 1000,
    timeout: Math.max(1, probe.timeoutSeconds ?? 1) * 1000,
  };
}
