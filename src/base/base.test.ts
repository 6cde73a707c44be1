import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canonicalJson,
  Fault,
  fnv1a,
  humanDuration,
  jsonLog,
  nameSuffix,
  parseDuration,
  parseQuantity,
  parseYaml,
  protoDuration,
  rfc3339,
  rfc3339Micro,
  safeEncode,
  seededRng,
  sha256Hex,
  sleep,
  toYaml,
  uuid,
  VirtualClock,
} from './index.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("Go's durations, and nothing else", () => {
  for (const [text, ms] of [
    ['0', 0],
    ['1m30s', 90_000],
    ['0.5s', 500],
    ['.5s', 500],
    ['250ms', 250],
    ['2us', 0.002],
    ['-1.5h', -5_400_000],
    ['1h1m1s1ms', 3_661_001],
    ['5', undefined],
    ['', undefined],
    ['s', undefined],
    ['1 s', undefined],
    ['1d', undefined],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
});

test('durations as protobuf writes them', () => {
  for (const [ms, text] of [
    [0, '0s'],
    [250, '0.25s'],
    [90_000, '90s'],
  ] as const)
    assert.equal(protoDuration(ms), text);
});

test('ages as kubectl prints them', () => {
  for (const [ms, text] of [
    [-5 * SECOND, '<invalid>'],
    [-1 * SECOND, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [3 * MINUTE + 12 * SECOND, '3m12s'],
    [59 * MINUTE + 59 * SECOND, '59m'],
    [3 * HOUR + 5 * MINUTE, '3h5m'],
    [47 * HOUR, '47h'],
    [3 * DAY + 2 * HOUR, '3d2h'],
    [400 * DAY, '400d'],
    [731 * DAY, '2y1d'],
    [3650 * DAY, '10y'],
  ] as const)
    assert.equal(humanDuration(ms), text);
});

test("Kubernetes' quantities, and nothing else", () => {
  for (const [text, value] of [
    ['100m', 0.1],
    ['1Gi', 2 ** 30],
    ['1.5k', 1500],
    ['2e3', 2000],
    ['-1', -1],
    [3, 3],
    ['1 Gi', undefined],
    ['Gi', undefined],
    ['1gi', undefined],
  ] as const)
    assert.equal(parseQuantity(text), value, String(text));
});

test('YAML in several documents, as Kubernetes reads it', () => {
  assert.deepEqual(parseYaml('a: yes\n---\n---\n{"b": 0o17}\n'), [{ a: true }, { b: '0o17' }]);
  assert.deepEqual(parseYaml('2026-01-01: 2026-01-01T00:00:00Z\nat: 12:30:45\nset: !!set {x}\nbase: &b {x: 1}\nmerged: {<<: *b}')[0], {
    '2026-01-01': '2026-01-01T00:00:00Z',
    at: '12:30:45',
    set: { x: null },
    base: { x: 1 },
    merged: { x: 1 },
  });
  const roundTrip = { text: 'a: b', on: 'yes', list: [1, null] };
  assert.deepEqual(parseYaml(toYaml(roundTrip)), [roundTrip]);
});

test('YAML is read in time that grows with its length, not faster', { timeout: 20_000 }, () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `k${i}: v\n`).join('');
  assert.equal(Object.keys(parseYaml(keys)[0] as object).length, 40_000);
});

test('what is wrong with YAML is said with its place', () => {
  const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)].join('\n');
  for (const [text, message] of [
    ['a: 1\na: 2', /^file, line 2, column 1: /],
    ['a: [1', /^file, line 1, column \d+: /],
    ['x:\n  "b": 1\n  b: 2', /^file, line 3, column 3: the key b is given twice/],
    ['a: '.concat('['.repeat(100_000)), /./],
    [bomb, /alias/],
    ['a: .inf', /^file, line 1, column 4: Infinity is no number/],
    ['[a]: b', /^file, line 1, column 1: a key is a text/],
  ] as const) {
    assert.throws(
      () => parseYaml(text, 'file'),
      (e) => e instanceof Fault && e.code === 'YamlInvalid' && e.hint !== undefined && message.test(e.message),
    );
  }
});

test('equal values have one text and one digest', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: undefined }), '{"b":[{"c":2,"d":1}]}');
  assert.equal(sha256Hex('abc', 8), 'ba7816bf');
  assert.equal(fnv1a('foobar'), 0xbf9cf968);
});

test('a seed gives one run', () => {
  const [one, same, other] = [seededRng(7), seededRng(7), seededRng(8)].map((rng) => [nameSuffix(rng), uuid(rng)]);
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, other);
  assert.match(one![0]!, /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.match(one![1]!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(safeEncode('0123456789'), '456789bcdf');
});

test('times are written as Kubernetes does', () => {
  const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  assert.equal(rfc3339(ms), '2026-01-02T03:04:05Z');
  assert.equal(rfc3339Micro(ms), '2026-01-02T03:04:05.678000Z');
});

test('virtual time: timers fire in order of time, then of their start, with promises in between', async () => {
  const clock = new VirtualClock(0);
  const seen: string[] = [];
  clock.after(20, () => seen.push('late'));
  clock.after(10, () => seen.push('first'));
  clock.after(10, () => seen.push('second'));
  clock.after(10, () => seen.push('never')).cancel();
  void sleep(clock, 5).then(() => clock.after(1, () => seen.push(`nested at ${clock.now()}`)));
  assert.equal(clock.next(), 5);
  await clock.advance(10);
  assert.deepEqual(seen, ['nested at 6', 'first', 'second']);
  assert.equal(clock.now(), 10);
  await clock.advance(10);
  assert.deepEqual(seen.slice(3), ['late']);
  assert.equal(clock.next(), undefined);
});

test('a sleep ends with its signal and leaves no timer', async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const slept = sleep(clock, 1000, stop.signal);
  stop.abort();
  await slept;
  await sleep(clock, 1000, stop.signal);
  assert.equal(clock.next(), undefined);
});

test('a log line is one JSON object with its fields, from its level on', () => {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
  ).with({ room: 'base' });
  log.debug('not this');
  log.warn('this', { n: 1 });
  assert.deepEqual(lines, ['{"ts":"1970-01-01T00:00:00.000Z","level":"warn","msg":"this","room":"base","n":1}\n']);
});
