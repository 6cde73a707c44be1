import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, parseSchedule } from './cron.ts';

const after = (schedule: string, from: string, count: number, zone?: string): string[] => {
  const parsed = parseSchedule(schedule);
  assert.ok(typeof parsed !== 'string', `${schedule}: ${JSON.stringify(parsed)}`);
  const out: string[] = [];
  let at: number | undefined = Date.parse(from);
  while (out.length < count && (at = parsed.next(at, zone)) !== undefined) out.push(new Date(at).toISOString().slice(0, 16));
  return out;
};

test('the times of a schedule', () => {
  const table: [string, string, string[], string?][] = [
    ['* * * * *', '2026-01-01T00:00:30Z', ['2026-01-01T00:01', '2026-01-01T00:02']],
    ['*/15 9-10 * * *', '2026-01-01T09:31:00Z', ['2026-01-01T09:45', '2026-01-01T10:00', '2026-01-01T10:15']],
    ['0 0 1 * *', '2026-01-31T12:00:00Z', ['2026-02-01T00:00', '2026-03-01T00:00']],
    ['30 6 * * MON-FRI', '2026-01-02T07:00:00Z', ['2026-01-05T06:30', '2026-01-06T06:30']],
    [
      '0 0 13 * fri',
      '2026-02-12T00:00:00Z',
      ['2026-02-13T00:00', '2026-02-20T00:00', '2026-02-27T00:00', '2026-03-06T00:00', '2026-03-13T00:00'],
    ],
    ['0 0 */10 * 1', '2026-01-01T00:00:00Z', ['2026-01-05T00:00', '2026-01-11T00:00', '2026-01-12T00:00']],
    ['5,35 0/12 ? jan ?', '2026-01-31T00:06:00Z', ['2026-01-31T00:35', '2026-01-31T12:05', '2026-01-31T12:35', '2027-01-01T00:05']],
    ['@hourly', '2026-01-01T00:00:00Z', ['2026-01-01T01:00']],
    ['@weekly', '2026-01-01T00:00:00Z', ['2026-01-04T00:00', '2026-01-11T00:00']],
    ['@yearly', '2026-01-01T00:00:00Z', ['2027-01-01T00:00']],
    ['@every 1h30m', '2026-01-01T00:00:00Z', ['2026-01-01T01:30', '2026-01-01T03:00']],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', ['2028-02-29T00:00']],
    ['0 0 30 2 *', '2026-01-01T00:00:00Z', []],
    ['0 9 * * *', '2026-03-27T12:00:00Z', ['2026-03-28T08:00', '2026-03-29T07:00'], 'Europe/Berlin'],
    ['30 2 * * *', '2026-03-28T12:00:00Z', ['2026-03-30T00:30'], 'Europe/Berlin'],
    ['0 0 * * *', '2026-10-24T12:00:00Z', ['2026-10-24T22:00', '2026-10-25T23:00'], 'Europe/Berlin'],
    ['15 * * * *', '2026-01-01T00:00:00Z', ['2026-01-01T00:45'], 'Asia/Kolkata'],
  ];
  for (const [schedule, from, want, zone] of table) assert.deepEqual(after(schedule, from, Math.max(1, want.length), zone), want, schedule);
});

test('what is no schedule says why', () => {
  const table: [string, RegExp][] = [
    ['', /expected exactly 5 fields, found 0: \[\]/],
    ['* * * *', /found 4: \[\* \* \* \*\]/],
    ['60 * * * *', /end of range \(60\) above maximum \(59\): 60/],
    ['* * 0 * *', /beginning of range \(0\) below minimum \(1\): 0/],
    ['* * * * 7', /above maximum \(6\)/],
    ['5-2 * * * *', /beginning of range \(5\) beyond end of range \(2\)/],
    ['*/0 * * * *', /step of range should be a positive number/],
    ['a * * * *', /failed to parse int from a/],
    ['1-2-3 * * * *', /too many hyphens/],
    ['1/2/3 * * * *', /too many slashes/],
    ['@often', /unrecognized descriptor: @often/],
    ['constructor', /expected exactly 5 fields, found 1/],
    ['@every soon', /failed to parse duration/],
    ['TZ=UTC * * * * *', /use timeZone field/],
  ];
  for (const [schedule, want] of table) assert.match(JSON.stringify(parseSchedule(schedule)), want, schedule);
  assert.deepEqual([isTimeZone('Europe/Berlin'), isTimeZone('Etc/UTC'), isTimeZone('Nowhere/Else')], [true, true, false]);
});
