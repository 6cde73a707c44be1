/** What people read of the judge: what is known, what is missing and how long it takes, and what happens meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryObject, iterations } from '../testing/world.ts';
import { settingsOf } from '../settings.ts';
import type { CanaryAnalysis, CanarySpec } from '../../api/index.ts';
import { look, newJudge } from './judge.ts';
import { incomparable, judgementOf } from './judgement.ts';
import { judgeSettings } from './testing.ts';
import type { SplitReading } from './counts.ts';

/** All that was counted until `s` seconds after the beginning; of the timed ones, `slow` took longer than 20 ms and all others up to 10. */
interface Counted {
  readonly s: number;
  readonly primary: Side;
  readonly canary: Side;
}
interface Side {
  readonly n: number;
  readonly failed?: number;
  readonly slow?: number;
}

const reading = (side: 'primary' | 'canary', { n, failed = 0, slow = 0 }: Side): SplitReading => ({
  stratum: 'gateway',
  side,
  requests: n,
  errors: failed,
  durations: new Map([
    [10, n - slow],
    [20, n - slow],
    [Infinity, n],
  ]),
});

function judged(counted: readonly Counted[], change: Parameters<typeof judgeSettings>[0] = {}): string {
  const settings = judgeSettings(change);
  let state = newJudge();
  for (const { s, primary, canary } of counted)
    state = look(state, [reading('primary', primary), reading('canary', canary)], s * 1000, settings);
  const { verdict, message } = judgementOf(state, settings, 0);
  return `${verdict}: ${message}`;
}

const START: Counted = { s: 0, primary: { n: 0 }, canary: { n: 0 } };
const WARM: Counted = { s: 10, primary: { n: 400 }, canary: { n: 100 } };

const NONE = 'nothing is known yet: the route has led no requests to the canary (those to the -canary Service itself do not count)';

test('the words of the judge', () => {
  const table: [readonly Counted[], Parameters<typeof judgeSettings>[0], string][] = [
    [
      [],
      {},
      'silent: nothing is compared, the checks decide alone: no gateway or sidecar has counted requests that the route shares out so far ' +
        '(those to the -canary Service itself do not count)',
    ],
    [[START], {}, `undecided: ${NONE}`],
    [[START, { s: 1, primary: { n: 12 }, canary: { n: 0 } }], {}, `undecided: ${NONE}`],
    [
      [START, { s: 1, primary: { n: 0 }, canary: { n: 30 } }],
      {},
      'undecided: nothing is known yet: the route has led all requests to the canary (30), and none to the primary',
    ],
    [
      [START, { s: 1, primary: { n: 12 }, canary: { n: 2 } }],
      {},
      'undecided: nothing is known yet: 14 requests have come so far, and they are compared 20 at a time',
    ],
    [
      [START, { s: 4, primary: { n: 120 }, canary: { n: 14 } }],
      {},
      'undecided: no sign of harm: 0 of 14 requests to the canary failed (0 %), 0 of 120 to the primary (0 %); ' +
        'durations are compared after 10 s with 200 requests to the primary and 30 to the canary (120 and 14 so far)',
    ],
    [
      [START, WARM, { s: 20, primary: { n: 800, failed: 4 }, canary: { n: 200, failed: 1 } }],
      {},
      'undecided: no sign of harm: 1 of 200 requests to the canary failed (0.5 %), 4 of 800 to the primary (0.5 %); ' +
        'about N more requests until it is known that it is not 2 times as bad, T at 50 requests/s; its checks do not wait for that',
    ],
    [
      [START, WARM, { s: 20, primary: { n: 800, failed: 4 }, canary: { n: 200, failed: 1 } }],
      { margin: 3, promoteEarly: true },
      'undecided: no sign of harm: 1 of 200 requests to the canary failed (0.5 %), 4 of 800 to the primary (0.5 %); ' +
        'about N more requests until it is known that it is not 3 times as bad, T at 50 requests/s; then it is promoted early',
    ],
    [
      [START, WARM, { s: 20, primary: { n: 800, failed: 1 }, canary: { n: 200, failed: 3 } }],
      {},
      'undecided: it looks worse, which may still be chance: 3 of 200 requests to the canary failed (1.5 %), 1 of 800 to the primary ' +
        '(0.13 %); about N more requests until it is known that it is not 2 times as bad, T at 50 requests/s; its checks do not wait for that',
    ],
    [
      [START, { s: 4, primary: { n: 540 }, canary: { n: 60, failed: 20 } }],
      {},
      'harm: worse than the primary: 20 of 60 requests to the canary failed (33 %), 0 of 540 to the primary (0 %); of healthy releases fewer than 1 % look like this',
    ],
    [
      [START, WARM, { s: 60, primary: { n: 1400 }, canary: { n: 1100, slow: 900 } }],
      { alpha: 0.001 },
      'harm: worse than the primary: 900 of 1000 requests to the canary took longer than 20 ms (90 %), 0 of 1000 to the primary (0 %), which sets that limit; ' +
        'of healthy releases fewer than 0.1 % look like this',
    ],
    [
      [START, WARM, { s: 60, primary: { n: 10_400, failed: 300, slow: 300 }, canary: { n: 10_100, failed: 290, slow: 290 } }],
      { promoteEarly: true },
      'safe: less than 2 times as bad as the primary: 290 of 10100 requests to the canary failed (2.9 %), 300 of 10400 to the primary ' +
        '(2.9 %); of releases that are so bad fewer than 5 % look like this',
    ],
    [
      [START, WARM, { s: 60, primary: { n: 10_400, failed: 300, slow: 300 }, canary: { n: 10_100, failed: 290, slow: 290 } }],
      {},
      'safe: less than 2 times as bad as the primary: 290 of 10100 requests to the canary failed (2.9 %), 300 of 10400 to the primary ' +
        '(2.9 %); of releases that are so bad fewer than 5 % look like this; it goes on by its checks all the same',
    ],
  ];
  for (const [counted, settings, want] of table) {
    const said = judged(counted, settings)
      .replace(/about \d+ more/, 'about N more')
      .replace(/, \d+ (s|min|h|days) at/, ', T at');
    assert.equal(said, want);
  }
});

test('how long it takes is said in units that people use', () => {
  const slowly = (factor: number): string => {
    const at = ({ s, ...rest }: Counted): Counted => ({ ...rest, s: s * factor });
    return judged([START, at(WARM), at({ s: 20, primary: { n: 800, failed: 40 }, canary: { n: 200, failed: 10 } })]);
  };
  const said = [1, 10, 100, 1000, 10_000].map((factor) => /, (\d+ \w+) at (\S+) requests\/s/.exec(slowly(factor))?.slice(1).join(' at '));
  assert.deepEqual(said, ['34 min at 50', '6 h at 5', '3 days at 0.5', '24 days at 0.05', '233 days at 0.005']);
});

test('why a release is not compared at all', () => {
  const table: [Partial<CanaryAnalysis>, Partial<CanarySpec>, string | undefined][] = [
    [{}, {}, undefined],
    [{}, { provider: 'gatewayapi:v1', service: { port: 80, gatewayRefs: [{ name: 'door' }] } }, undefined],
    [{}, { provider: 'kubernetes' }, 'without a mesh all users are on one version at a time'],
    [{}, { service: { port: 80, appProtocol: 'TCP' } }, 'nobody can tell whether a TCP connection went well'],
    [iterations(3), {}, 'in blue/green testing all users are on one version at a time'],
    [
      iterations(3, { match: [{ headers: { a: { exact: 'b' } } }] }),
      {},
      'in A/B testing users get the canary for what they send, and not by chance',
    ],
  ];
  for (const [analysis, spec, want] of table) {
    const canary = canaryObject(analysis, spec);
    const settings = settingsOf(canary);
    assert.ok(!('problem' in settings));
    assert.equal(incomparable(settings, canary), want);
  }
});
