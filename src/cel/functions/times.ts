import { CelError } from '../error.ts';
import { Duration, Timestamp } from '../value.ts';
import { declare, type Overload } from './declare.ts';

const SECOND = 1_000_000_000n;
const UNITS: Readonly<Record<string, bigint>> = {
  h: 3600n * SECOND,
  m: 60n * SECOND,
  s: SECOND,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  ns: 1n,
};

/** A Go duration (`1h30m`, `-1.5s`) in nanoseconds; undefined when it is not one. */
export function goDuration(text: string): bigint | undefined {
  if (/^[+-]?0$/.test(text)) return 0n;
  const whole = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (!whole || text.length > 100) return undefined;
  let nanos = 0n;
  for (const [, digits, unit] of whole[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    const [integer = '', fraction = ''] = digits!.split('.');
    nanos += BigInt(integer || '0') * UNITS[unit!]!;
    if (fraction) nanos += (BigInt(fraction) * UNITS[unit!]!) / 10n ** BigInt(fraction.length);
  }
  return whole[1] === '-' ? -nanos : nanos;
}

export function parseGoDuration(text: string): Duration {
  const nanos = goDuration(text);
  if (nanos === undefined) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Duration'`);
  return new Duration(nanos);
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** RFC 3339 in nanoseconds since 1970; undefined when it is not. */
export function rfc3339Nanos(text: string): bigint | undefined {
  const m = RFC3339.exec(text);
  const ms = m ? Date.parse(`${m[1]}${m[3]}`) : NaN;
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt((m![2] ?? '').padEnd(9, '0'));
}

export function parseTimestamp(text: string): Timestamp {
  const nanos = rfc3339Nanos(text);
  if (nanos === undefined) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Timestamp'`);
  return new Timestamp(nanos);
}

const floorDiv = (a: bigint, b: bigint): bigint => (a >= 0n || a % b === 0n ? a / b : a / b - 1n);
const fractionText = (nanos: bigint): string => (nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`);

export function timestampText({ nanos }: Timestamp): string {
  const seconds = floorDiv(nanos, SECOND);
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fractionText(nanos - seconds * SECOND)}Z`;
}

/** In seconds, as CEL writes it. */
export function durationText({ nanos }: Duration): string {
  const size = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? '-' : ''}${size / SECOND}${fractionText(size % SECOND)}s`;
}

/** The time as a clock of a zone shows it: an offset (`-07:30`) or a name of the IANA. */
function local({ nanos }: Timestamp, zone: string): Date {
  const ms = Number(floorDiv(nanos, 1_000_000n));
  const offset = /^([+-]?)(\d{1,2}):(\d{2})$/.exec(zone);
  if (offset) return new Date(ms + (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000);
  if (zone === 'UTC' || zone === '') return new Date(ms);
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(new Date(ms));
    const of = (type: string): number => Number(parts.find((p) => p.type === type)!.value);
    const milliseconds = ((ms % 1000) + 1000) % 1000;
    return new Date(Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'), milliseconds));
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

const dayOfYear = (d: Date): number => Math.floor((d.getTime() - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86_400_000);

const FIELDS: Readonly<Record<string, (d: Date) => number>> = {
  getFullYear: (d) => d.getUTCFullYear(),
  getMonth: (d) => d.getUTCMonth(),
  getDate: (d) => d.getUTCDate(),
  getDayOfMonth: (d) => d.getUTCDate() - 1,
  getDayOfWeek: (d) => d.getUTCDay(),
  getDayOfYear: dayOfYear,
  getHours: (d) => d.getUTCHours(),
  getMinutes: (d) => d.getUTCMinutes(),
  getSeconds: (d) => d.getUTCSeconds(),
  getMilliseconds: (d) => d.getUTCMilliseconds(),
};

const PARTS: Readonly<Record<string, bigint>> = {
  getHours: UNITS['h']!,
  getMinutes: UNITS['m']!,
  getSeconds: SECOND,
  getMilliseconds: UNITS['ms']!,
};

export const times: readonly Overload[] = [
  ...Object.entries(FIELDS).flatMap(([name, get]) => [
    declare(`timestamp.${name}(): int`, (t: Timestamp) => BigInt(get(local(t, 'UTC')))),
    declare(`timestamp.${name}(string): int`, (t: Timestamp, zone: string) => BigInt(get(local(t, zone)))),
  ]),
  ...Object.entries(PARTS).map(([name, unit]) => declare(`duration.${name}(): int`, (d: Duration) => d.nanos / unit)),
];
