import { parseDuration } from '../../base/index.ts';
import { number } from './source.ts';

/** Milliseconds of what is written as `30`, `"30"` (seconds), `"5m"` or `"1h30m"`; undefined for anything else. */
export function durationMs(value: unknown): number | undefined {
  const seconds = number(value);
  return seconds === undefined ? parseDuration(typeof value === 'string' ? value : '') : seconds * 1000;
}

/** In the form of a Canary, which knows no hours. */
export function intervalText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}
