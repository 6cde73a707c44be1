import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRng, type Rng } from '../../base/index.ts';
import { bet, HARM_RATIOS, logValue, noBets, SAFE_RATIOS } from './e-process.ts';
import { findsOf, look, newJudge, type Finds } from './judge.ts';
import { createTraffic, judgeSettings, type Second } from './testing.ts';

/** Requests until one test alone reaches 1/alpha, request by request; undefined when it does not within `limit`. */
function alarmAt(rng: Rng, share: number, errors: { primary: number; canary: number }, alpha: number, limit: number): number | undefined {
  let bets = noBets(HARM_RATIOS);
  for (let i = 1; i <= limit; i++) {
    const canary = rng.next() < share;
    if (rng.next() >= (canary ? errors.canary : errors.primary)) continue;
    bets = bet(bets, HARM_RATIOS, 1, canary ? 1 : 0, share);
    if (logValue(bets) >= Math.log(1 / alpha)) return i;
  }
  return undefined;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Infinity;

describe('how soon harm is found', () => {
  // Published detection table: alpha 1 %, the primary fails 1 % of requests.
  const table: { share: number; canary: number; limit: number; alarms: [number, number]; requests?: [number, number] }[] = [
    { share: 0.1, canary: 0.01, limit: 20_000, alarms: [0, 0.02] },
    { share: 0.1, canary: 0.02, limit: 20_000, alarms: [0.5, 0.76], requests: [9_000, 14_000] },
    { share: 0.1, canary: 0.05, limit: 6_000, alarms: [0.99, 1], requests: [1_150, 1_700] },
    { share: 0.1, canary: 0.2, limit: 6_000, alarms: [1, 1], requests: [130, 200] },
    { share: 0.1, canary: 1, limit: 6_000, alarms: [1, 1], requests: [20, 38] },
    { share: 0.5, canary: 0.01, limit: 20_000, alarms: [0, 0.02] },
    { share: 0.5, canary: 0.02, limit: 20_000, alarms: [0.95, 1], requests: [5_000, 7_200] },
    { share: 0.5, canary: 0.05, limit: 6_000, alarms: [1, 1], requests: [640, 930] },
    { share: 0.5, canary: 0.2, limit: 6_000, alarms: [1, 1], requests: [80, 130] },
    { share: 0.5, canary: 1, limit: 6_000, alarms: [1, 1], requests: [14, 22] },
  ];
  for (const { share, canary, limit, alarms, requests } of table)
    test(`${share * 100} % of requests on a canary that fails ${canary * 100} %`, () => {
      const rng = seededRng(7);
      const runs = Array.from({ length: 200 }, () => alarmAt(rng, share, { primary: 0.01, canary }, 0.01, limit));
      const found = runs.filter((r) => r !== undefined);
      const rate = found.length / runs.length;
      assert.ok(rate >= alarms[0] && rate <= alarms[1], `alarms ${rate}`);
      if (requests) assert.ok(median(found) >= requests[0] && median(found) <= requests[1], `median ${median(found)}`);
    });
});

test('proof of no harm beyond the margin: as soon as the published table has it, and wrong no more often than alpha', () => {
  for (const [share, margin, canary, atMost] of [
    [0.1, 2, 0.01, 13_000],
    [0.1, 3, 0.01, 5_600],
    [0.5, 2, 0.01, 7_400],
    [0.5, 3, 0.01, 2_600],
    [0.1, 2, 0.02, undefined],
    [0.5, 3, 0.03, undefined],
  ] as const) {
    const rng = seededRng(11);
    const found: number[] = [];
    for (let run = 0; run < 120; run++) {
      let bets = noBets(SAFE_RATIOS);
      for (let i = 1; i <= 30_000; i++) {
        const mine = rng.next() < share;
        if (rng.next() >= (mine ? canary : 0.01)) continue;
        bets = bet(bets, SAFE_RATIOS, 1, mine ? 1 : 0, share, margin);
        if (logValue(bets) < Math.log(20)) continue;
        found.push(i);
        break;
      }
    }
    if (atMost) assert.ok(found.length > 100 && median(found) <= atMost, `${share} ${margin}: ${found.length} in ${median(found)}`);
    else assert.ok(found.length / 120 <= 0.09, `${share} ${margin}: ${found.length} wrong`);
  }
});

/** One release through the whole judge, a look a second. */
function release(rng: Rng, seconds: number, at: (t: number) => Second, alpha = 0.01): { finds: Finds; at: number } {
  const settings = judgeSettings({ alpha });
  const traffic = createTraffic(rng);
  let state = newJudge();
  for (let t = 0; t < seconds; t++) {
    state = look(state, traffic(at(t)).readings, t * 1000, settings);
    const finds = findsOf(state, settings);
    if (finds.verdict === 'harm') return { finds, at: t };
  }
  return { finds: findsOf(state, settings), at: seconds };
}

const healthy = { errorRate: 0.01, medianMs: 40 };
const steps = (t: number): number => [0, 0.1, 0.2, 0.3, 0.5][Math.min(4, Math.floor(t / 30))]!;

describe('a healthy release is rolled back no more often than alpha says', () => {
  const same = (v: typeof healthy, requests: number, share: number, cluster = 1): Second => ({
    requests,
    share,
    primary: v,
    canary: v,
    cluster,
  });
  const worlds: Record<string, (t: number) => Second> = {
    'changing weights': (t) => same(healthy, 30, steps(t)),
    'little traffic': (t) => same(healthy, 0.7, steps(t)),
    'a load that comes and goes': (t) => same(healthy, 20 + 20 * Math.sin(t / 9), steps(t)),
    'error rates and durations of day and night': (t) =>
      same({ errorRate: 0.05 * (1 + Math.sin(t / 20)), medianMs: 40 * (1.5 + Math.sin(t / 15)) }, 30, steps(t)),
    'an outage of what both depend on': (t) => same(t > 70 && t < 80 ? { errorRate: 1, medianMs: 4 } : healthy, 30, steps(t)),
  };
  for (const [name, world] of Object.entries(worlds))
    test(name, () => {
      const rng = seededRng(3);
      // At alpha 5 % more than 11 of 100 has a chance below 1 %.
      let alarms = 0;
      for (let run = 0; run < 100; run++) if (release(rng, 120, world, 0.05).finds.verdict === 'harm') alarms++;
      assert.ok(alarms <= 11, `${alarms} of 100`);
    });

  test('the honest limit: failures that come in bursts are not independent, and alarm more often', () => {
    const rng = seededRng(3);
    let alarms = 0;
    for (let run = 0; run < 60; run++) {
      const { finds } = release(rng, 120, (t) => same(healthy, 30, steps(t), 10), 0.05);
      if (finds.verdict === 'harm') alarms++;
    }
    assert.ok(alarms > 6, `${alarms} of 60`);
  });
});

describe('a bad release', () => {
  const bad: [string, typeof healthy, number][] = [
    ['fails always', { errorRate: 1, medianMs: 2 }, 3],
    ['fails one request in five', { errorRate: 0.2, medianMs: 40 }, 20],
    ['takes half as long again', { errorRate: 0.01, medianMs: 60 }, 90],
    ['takes five times as long', { errorRate: 0.01, medianMs: 200 }, 30],
  ];
  for (const [name, canary, within] of bad)
    test(`${name}: found in ${within} s of 10 % of 50 requests/s`, () => {
      const rng = seededRng(5);
      for (let run = 0; run < 20; run++) {
        const { finds, at } = release(rng, 200, () => ({ requests: 50, share: 0.1, primary: healthy, canary }));
        assert.equal(finds.verdict, 'harm');
        assert.ok(at <= within, `after ${at} s: ${JSON.stringify(finds.worst)}`);
      }
    });
});

test('a canary as good as the primary is proven so, and says before how many requests that takes', () => {
  const rng = seededRng(9);
  const settings = judgeSettings();
  const traffic = createTraffic(rng);
  let state = newJudge();
  let foreseen = 0;
  for (let t = 0; t < 900; t++) {
    state = look(state, traffic({ requests: 100, share: 0.5, primary: healthy, canary: healthy }).readings, t * 1000, settings);
    const finds = findsOf(state, settings);
    if (t === 20) foreseen = finds.left / finds.rate;
    if (finds.verdict !== 'safe') continue;
    assert.equal(finds.left, 0);
    assert.ok(t / foreseen < 4 && foreseen / t < 4, `foreseen ${foreseen} s, it took ${t} s`);
    return;
  }
  assert.fail('never proven');
});

test('what the proxies counted before the release, and counters that start anew, are no evidence', () => {
  const settings = judgeSettings();
  const reading = (side: 'primary' | 'canary', requests: number, errors: number) => ({
    stratum: 'a',
    side,
    requests,
    errors,
    durations: new Map(),
  });
  let state = look(newJudge(), [reading('primary', 10_000, 0), reading('canary', 50, 50)], 0, settings);
  state = look(state, [reading('primary', 10_100, 1), reading('canary', 60, 50)], 1000, settings);
  assert.deepEqual(findsOf(state, settings).findings[0]?.canary, { requests: 10, bad: 0 });
  // The proxy was started again: 40 requests since.
  state = look(state, [reading('primary', 36, 0), reading('canary', 4, 0)], 2000, settings);
  assert.deepEqual(findsOf(state, settings).findings[0]?.canary, { requests: 14, bad: 0 });
  assert.deepEqual(findsOf(state, settings).findings[0]?.primary, { requests: 136, bad: 1 });
});
