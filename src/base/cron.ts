/** Schedules in five fields, as cron and Kubernetes' CronJobs write them. */
import { parseDuration } from './duration.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const FIELDS: readonly { readonly from: number; readonly to: number; readonly names?: readonly string[] }[] = [
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12, names: MONTHS },
  { from: 0, to: 6, names: DAYS },
];

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** A date that does not come in as many years never does: 30 February. */
const YEARS = 5;

export interface Schedule {
  /** The next time after `after`, both in milliseconds since the epoch; undefined when there is none. */
  next(after: number, timeZone?: string): number | undefined;
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** It was left open: `*` or `?`. */
  readonly open: boolean;
}

/** Reads a schedule; a string says what is wrong with it. `@every 1h30m` counts from the time before. */
export function parseSchedule(text: string): Schedule | string {
  if (/^(CRON_)?TZ=/.test(text)) return 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
  if (text.startsWith('@every ')) {
    const every = parseDuration(text.slice('@every '.length));
    if (every === undefined) return `failed to parse duration ${text}`;
    const step = Math.max(1000, Math.floor(every / 1000) * 1000);
    return { next: (after) => Math.floor(after / 1000) * 1000 + step };
  }
  if (text.startsWith('@') && !Object.hasOwn(MACROS, text)) return `unrecognized descriptor: ${text}`;
  const words = (Object.hasOwn(MACROS, text) ? MACROS[text]! : text).trim().split(/\s+/).filter(Boolean);
  if (words.length !== FIELDS.length) return `expected exactly 5 fields, found ${words.length}: [${words.join(' ')}]`;
  const fields: Field[] = [];
  for (const [i, word] of words.entries()) {
    const field = parseField(word, FIELDS[i]!);
    if (typeof field === 'string') return field;
    fields.push(field);
  }
  return { next: (after, timeZone = 'UTC') => nextOf(fields, after, timeZone) };
}

function parseField(word: string, { from, to, names }: (typeof FIELDS)[number]): Field | string {
  const values = new Set<number>();
  let open = false;
  const numberOf = (name: string): number | undefined => {
    if (/^\d{1,4}$/.test(name)) return Number(name);
    const index = names?.indexOf(name.toLowerCase()) ?? -1;
    return index < 0 ? undefined : index + from;
  };
  for (const part of word.split(',')) {
    const [range = '', step, more] = part.split('/');
    if (more !== undefined) return `too many slashes: ${part}`;
    const [low = '', high, tooMany] = range.split('-');
    if (tooMany !== undefined) return `too many hyphens: ${part}`;
    const all = low === '*' || low === '?';
    const start = all ? from : numberOf(low);
    const end = all ? to : high !== undefined ? numberOf(high) : step !== undefined ? to : start;
    const by = step === undefined ? 1 : numberOf(step);
    if (start === undefined || end === undefined || by === undefined) return `failed to parse int from ${part}`;
    if (start < from) return `beginning of range (${start}) below minimum (${from}): ${part}`;
    if (end > to) return `end of range (${end}) above maximum (${to}): ${part}`;
    if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${part}`;
    if (by === 0) return `step of range should be a positive number: ${part}`;
    if (all && by === 1) open = true;
    for (let value = start; value <= end; value += by) values.add(value);
  }
  return { values, open };
}

function nextOf([minutes, hours, days, months, weekdays]: readonly Field[], after: number, timeZone: string): number | undefined {
  // Of two days that are both given, either will do.
  const isDay = (local: Date): boolean => {
    const [day, weekday] = [days!.values.has(local.getUTCDate()), weekdays!.values.has(local.getUTCDay())];
    return days!.open || weekdays!.open ? day && weekday : day || weekday;
  };
  const offsetAt = timeZone === 'UTC' ? () => 0 : zoneOffset(timeZone);
  let at = Math.floor(after / MINUTE) * MINUTE + MINUTE;
  for (const end = at + YEARS * 366 * DAY; at < end;) {
    const local = new Date(at + offsetAt(at));
    const hour = local.getUTCHours();
    if (!months!.values.has(local.getUTCMonth() + 1) || !isDay(local)) at = midnightAfter(at, local, offsetAt);
    else if (!hours!.values.has(hour)) at += (60 - local.getUTCMinutes()) * MINUTE;
    else if (!minutes!.values.has(local.getUTCMinutes())) at += MINUTE;
    else return at;
  }
  return undefined;
}

/** The beginning of the next local day, which a change of the clocks may have moved. */
function midnightAfter(at: number, local: Date, offsetAt: (time: number) => number): number {
  const into = (local.getUTCHours() * 60 + local.getUTCMinutes()) * MINUTE;
  const then = at + DAY - into;
  const shift = offsetAt(then) - offsetAt(at);
  return Math.max(at + MINUTE, then - shift);
}

/** How far a zone's clocks are ahead of UTC at a time, in milliseconds. Throws RangeError for what is no zone. */
function zoneOffset(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(time)) part[type] = Number(value);
    const local = Date.UTC(part['year']!, part['month']! - 1, part['day'], part['hour'], part['minute'], part['second']);
    return local - Math.floor(time / 1000) * 1000;
  };
}

export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }));
  } catch {
    return false;
  }
}
