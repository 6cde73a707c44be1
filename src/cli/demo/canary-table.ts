/** The live table of a canary's analysis: what one line of it says. */
import type { Canary } from '../../api/index.ts';

export interface Measured {
  /** Percent; undefined: not known yet. */
  readonly successRate: number | undefined;
  readonly p99Ms: number | undefined;
}

export const HEADER = `${'time'.padStart(7)}   ${'phase'.padEnd(13)}   weight   failed checks   success       p99   verdict`;

export const phaseOf = (canary: Canary | undefined): string => canary?.status?.phase ?? '';

/** Whether an analysis is over. */
export const hasEnded = (canary: Canary | undefined): boolean => ['Succeeded', 'Failed'].includes(phaseOf(canary));

/** Whether one is under way. */
export const isUnderWay = (canary: Canary | undefined): boolean =>
  !hasEnded(canary) && !['', 'Initializing', 'Initialized'].includes(phaseOf(canary));

export function verdict(canary: Canary | undefined): string {
  const { phase, canaryWeight = 0, failedChecks = 0 } = canary?.status ?? {};
  if (phase === 'Failed') return 'rolled back';
  if (phase === 'Succeeded') return 'promoted';
  if (phase === 'Promoting' || phase === 'Finalising') return 'promote';
  if (failedChecks > 0) return 'halt';
  return canaryWeight > 0 ? 'advance' : '';
}

/** `seconds` since the version was set. */
export function row(canary: Canary | undefined, measured: Measured, seconds: number): string {
  const { canaryWeight = 0, failedChecks = 0 } = canary?.status ?? {};
  // A version without traffic has no figures; what the series still hold are those of the version before.
  const { successRate, p99Ms }: Measured = canaryWeight > 0 || hasEnded(canary) ? measured : { successRate: undefined, p99Ms: undefined };
  return [
    `${seconds.toFixed(1)} s`.padStart(7),
    phaseOf(canary).padEnd(13),
    `${canaryWeight} %`.padStart(6),
    String(failedChecks).padStart(13),
    (successRate === undefined ? '-' : `${successRate.toFixed(1)} %`).padStart(7),
    (p99Ms === undefined ? '-' : `${p99Ms.toFixed(0)} ms`).padStart(7),
    verdict(canary),
  ]
    .join('   ')
    .trimEnd();
}
