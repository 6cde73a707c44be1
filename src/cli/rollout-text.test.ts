import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Canary, CanaryStatus } from '../api/index.ts';
import { historyText, lineText, listText, pageText, whyText } from './rollout-text.ts';

const NOW = Date.parse('2026-01-01T12:10:00Z');

const canary = (status: CanaryStatus, annotations: Record<string, string> = {}): Canary => ({
  metadata: { name: 'podinfo', namespace: 'test', annotations },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
    service: { port: 9898 },
    analysis: { interval: '10s', threshold: 2, stepWeight: 20 },
  },
  status,
});

const UNDER_WAY = canary(
  {
    phase: 'Progressing',
    canaryWeight: 35,
    failedChecks: 1,
    lastTransitionTime: '2026-01-01T12:09:50Z',
    conditions: [{ type: 'Promoted', status: 'Unknown', message: 'Paused by request of alice.', lastUpdateTime: '2026-01-01T12:08:00Z' }],
    judge: { verdict: 'undecided', message: 'nothing is known yet' },
    handled: {
      request: 'set-weight=35 2026-01-01T12:07:00.000Z by alice',
      done: true,
      message: 'Set podinfo.test canary weight 35 by request of alice',
      time: '2026-01-01T12:07:00Z',
    },
    history: [
      {
        revision: 'a',
        images: ['podinfo:2'],
        startedAt: '2026-01-01T12:05:00Z',
        requests: [
          { request: 'set-weight=35', by: 'alice', time: '2026-01-01T12:07:00Z' },
          { request: 'pause', time: '2026-01-01T12:08:00Z' },
        ],
      },
    ],
    evidence: [
      {
        time: '2026-01-01T12:09:00Z',
        decision: 'Halt podinfo.test advancement success rate 50.00% < 99%',
        weight: 20,
        judge: 'nothing is known yet',
        metrics: [{ name: 'request-success-rate', result: 'fail', value: 50, min: 99 }],
        hooks: [{ name: 'load', type: 'rollout', passed: true }],
        requests: [
          { id: 'a1', time: '2026-01-01T12:08:59Z', request: 'GET /', status: 500, detail: 'via_upstream', ms: 3 },
          { id: 'b2', time: '2026-01-01T12:08:59Z', request: 'POST /shop.Cart/Add', status: 200, grpc: 'UNAVAILABLE', ms: 4 },
          { id: 'c3', time: '2026-01-01T12:08:59Z', request: 'GET /', status: 0, ms: 5000 },
        ],
      },
    ],
  },
  { 'sluice.io/paused': '2026-01-01T12:08:00.000Z by alice' },
);

const OVER = canary({
  phase: 'Succeeded',
  previous: { revision: 'a', images: ['podinfo:1'], until: '2026-01-01T12:17:32Z' },
  history: [
    {
      revision: 'a',
      images: ['podinfo:2'],
      startedAt: '2026-01-01T12:00:00Z',
      endedAt: '2026-01-01T12:02:00Z',
      outcome: 'Promoted',
      reason: 'r',
    },
  ],
});

test('a release under way, as a page', () => {
  assert.equal(
    pageText(UNDER_WAY, NOW),
    `test/podinfo
  target    Deployment podinfo
  phase     Progressing, paused, for 2m: Paused by request of alice.
  canary    35 %, 1 of 2 checks failed
  release   podinfo:2, under way for 5m
  paused    for 2m by alice: it stays as it is until "resume"
  request   set-weight=35 by alice at 12:07:00 was done: Set podinfo.test canary weight 35 by request of alice
  judge     nothing is known yet
  last      12:09:00 Halt podinfo.test advancement success rate 50.00% < 99%
`,
  );
});

test('what a promotion keeps for an undo, and for how long', () => {
  assert.match(
    pageText(OVER, NOW),
    /^ {2}undo +possible for 7m32s, back to podinfo:1, of which as many pods as the primary's run until then$/m,
  );
});

test('why, with the requests that went badly', () => {
  assert.equal(
    whyText(UNDER_WAY, NOW),
    `test/podinfo is Progressing, paused: Paused by request of alice.
The last release, podinfo:2, is under way for 5m
The last request, set-weight=35 by alice at 12:07:00 was done: Set podinfo.test canary weight 35 by request of alice

12:09:00  Halt podinfo.test advancement success rate 50.00% < 99%
          The canary had 20 % of the requests.
          Webhook load (rollout) passed.
          Metric request-success-rate was 50 (at least 99 is asked): fail.
          Request a1: GET / was answered with 500 (via_upstream) after 3 ms.
          Request b2: POST /shop.Cart/Add failed with gRPC status UNAVAILABLE after 4 ms.
          Request c3: GET / was given up on after 5000 ms.
          Against the primary: nothing is known yet.
`,
  );
});

test('what the judge says is told once, and a phase that has begun since the last decision is', () => {
  const [first] = UNDER_WAY.status!.evidence!;
  const twice = { ...UNDER_WAY, status: { ...UNDER_WAY.status, evidence: [first!, { ...first!, time: '2026-01-01T12:09:02Z' }] } };
  assert.equal(whyText(twice, NOW).match(/Against the primary/g)?.length, 1);
  const [condition] = UNDER_WAY.status!.conditions!;
  const conditions = [{ ...condition!, message: 'Routing.', lastUpdateTime: '2026-01-01T12:09:30Z' }];
  assert.match(lineText({ ...UNDER_WAY, status: { ...UNDER_WAY.status, conditions } }), / Routing\.$/);
});

test('rows: of all releases, of those that were, and one a change', () => {
  assert.match(listText([UNDER_WAY], NOW), /\ntest +podinfo +Progressing, paused +35 % +1 +10s +podinfo:2\n$/);
  assert.equal(listText([], NOW), 'There are no Canaries.\n');
  assert.equal(listText([], NOW, 'shop'), 'There are no Canaries in namespace shop.\n');
  assert.match(historyText(UNDER_WAY, NOW), / podinfo:2 +under way for 5m +set-weight=35 by alice, pause +\n$/);
  assert.match(historyText(OVER, NOW), / podinfo:2 +promoted after 2m +r\n$/);
  assert.equal(historyText(canary({}), NOW), 'Nothing was released yet.\n');
  assert.equal(lineText(UNDER_WAY), '12:09:50 Progressing, paused 35 % Halt podinfo.test advancement success rate 50.00% < 99%');
});
