const UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `500ms`, `1m30s` or `2h`; undefined when it is none, or not above zero. */
export function durationMs(text: string): number | undefined {
  if (!/^([\d.]+(us|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, n, unit] of text.matchAll(/([\d.]+)(us|ms|s|m|h)/g)) total += Number(n) * UNIT[unit!]!;
  return total > 0 ? total : undefined;
}
