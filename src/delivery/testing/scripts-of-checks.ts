/** Versions that are good or bad, and what checks, gates and webhooks make of them. */
import { COPIED, FAILED, GOOD, NOT_READY, PROMOTED, RELEASED, STARTED, THRESHOLD, whole, type Script } from './script.ts';

export const CHECKS: Readonly<Record<string, Script>> = {
  'a good version': {
    play: async ({ w, release }) => (await release(2), w.reach('Succeeded')),
    phases: `Initialized ${GOOD}`,
    says: (s) => ['Initialization done! podinfo.test', RELEASED, STARTED, ...whole(s)],
    ends: [2, 0, 0],
  },
  'one that fails requests': {
    play: async ({ w, release }) => ((w.successRate = 89), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: ({ steps }) => [RELEASED, STARTED, steps[0], 'Halt podinfo.test advancement success rate 89.00% < 99%', THRESHOLD, FAILED],
    ends: [1, 0, 0],
  },
  'one that is slow': {
    play: async ({ w, release }) => ((w.p99 = 1515), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: ({ steps }) => [steps[0], 'Halt podinfo.test advancement request duration 1.515s > 500ms', THRESHOLD, FAILED],
    ends: [1, 0, 0],
  },
  'one that nobody asks': {
    play: async ({ w, release }) => ((w.successRate = undefined), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: ({ provider = 'istio' }) => [
      new RegExp(
        `^Halt advancement no values found for ${provider} metric request-success-rate probably podinfo.test is not receiving traffic: no request was counted .*; requests are waited for`,
      ),
      THRESHOLD,
      FAILED,
    ],
    ends: [1, 0, 0],
  },
  'one whose pods do not get ready': {
    spec: { progressDeadlineSeconds: 30 },
    play: async ({ w, release }) => (w.broken.add('podinfo:2'), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: () => [
      RELEASED,
      `canary deployment podinfo.test not ready: ${NOT_READY}`,
      `Rolling back podinfo.test progress deadline exceeded: ${NOT_READY}`,
      FAILED,
    ],
    never: () => STARTED,
    ends: [1, 0, 0],
  },
  'a check before the first step that fails': {
    hooks: ['pre-rollout'],
    play: async ({ w, release, answer }) => (answer('pre-rollout', 500), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: () => [STARTED, 'Halt podinfo.test advancement pre-rollout check pre-rollout failed said no', THRESHOLD, FAILED],
    never: ({ steps }) => steps[0],
    ends: [1, 0, 0],
  },
  'a check before the first step that passes at the second try': {
    hooks: ['pre-rollout'],
    async play({ w, release, answer }) {
      answer('pre-rollout', 500);
      await release(2);
      while ((await w.canary()).status?.failedChecks !== 1) await w.pass(500);
      answer('pre-rollout', 200);
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: (s) => [
      'Halt podinfo.test advancement pre-rollout check pre-rollout failed said no',
      'Pre-rollout check pre-rollout passed',
      ...whole(s),
    ],
    ends: [2, 0, 0],
  },
  'a check at each step that fails': {
    hooks: ['rollout'],
    play: async ({ w, release, answer }) => (answer('rollout', 404), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: ({ steps }) => [steps[0], 'Halt podinfo.test advancement external check rollout failed said no', THRESHOLD, FAILED],
    ends: [1, 0, 0],
  },
  'a gate before the release': {
    hooks: ['confirm-rollout'],
    async play({ w, release, answer }) {
      answer('confirm-rollout', 403);
      await release(2);
      await w.reach('Waiting');
      await w.pass(60_000);
      answer('confirm-rollout', 200);
      await w.reach('Succeeded');
    },
    phases: `Initialized Waiting ${GOOD}`,
    says: (s) => [
      'Halt podinfo.test advancement waiting for approval confirm-rollout',
      'Confirm-rollout check confirm-rollout passed',
      RELEASED,
      ...whole(s),
    ],
    ends: [2, 0, 0],
  },
  'a revert before the gate opens': {
    hooks: ['confirm-rollout'],
    async play({ w, release, answer }) {
      answer('confirm-rollout', 403);
      await release(2);
      await w.reach('Waiting');
      await release(1);
      await w.reach('Succeeded');
      answer('confirm-rollout', 200);
      await w.pass(60_000);
    },
    phases: 'Initialized Waiting Succeeded',
    says: () => ['Halt podinfo.test advancement waiting for approval confirm-rollout'],
    never: () => RELEASED,
    ends: [1, 0, 0],
  },
  'a gate before the promotion': {
    hooks: ['confirm-promotion'],
    async play({ w, release, answer }) {
      answer('confirm-promotion', 403);
      await release(2);
      await w.reach('WaitingPromotion');
      await w.pass(60_000);
      answer('confirm-promotion', 200);
      await w.reach('Succeeded');
    },
    phases: 'Initialized Progressing WaitingPromotion * Promoting Finalising Succeeded',
    says: ({ steps, moves }) => [
      ...steps,
      'Halt podinfo.test advancement waiting for promotion approval confirm-promotion',
      'Confirm-promotion check confirm-promotion passed',
      ...(moves ? [moves] : []),
      COPIED,
      PROMOTED,
    ],
    ends: [2, 0, 0],
  },
  'checks that fail while the gate before the promotion is closed': {
    hooks: ['confirm-promotion'],
    async play({ w, release, answer }) {
      answer('confirm-promotion', 403);
      await release(2);
      await w.reach('WaitingPromotion');
      w.successRate = 50;
      await w.reach('Failed');
    },
    phases: 'Initialized Progressing WaitingPromotion Failed',
    says: ({ steps }) => [steps[1], 'Halt podinfo.test advancement success rate 50.00% < 99%', THRESHOLD, FAILED],
    ends: [1, 0, 0],
  },
  'a webhook that rolls back': {
    hooks: ['rollback'],
    async play({ w, release, answer, begun }) {
      answer('rollback', 403);
      await release(2);
      await begun();
      answer('rollback', 200);
      await w.reach('Failed');
    },
    phases: 'Initialized Progressing Failed',
    says: ({ steps }) => [
      'Rollback hook rollback not signaling a rollback',
      steps[0],
      'Rolling back podinfo.test manual webhook invoked',
      'Rollback check rollback passed',
      FAILED,
    ],
    ends: [1, 0, 0],
  },
  'a webhook that rolls back what waits at a gate': {
    hooks: ['confirm-rollout', 'rollback'],
    async play({ w, release, answer }) {
      answer('confirm-rollout', 403);
      answer('rollback', 403);
      await release(2);
      await w.reach('Waiting');
      answer('rollback', 200);
      await w.reach('Failed');
    },
    phases: 'Initialized Waiting Failed',
    says: () => ['Rolling back podinfo.test manual webhook invoked', 'Rollback check rollback passed', FAILED],
    never: () => RELEASED,
    ends: [1, 0, 0],
  },
  'webhooks at the end of a good release': {
    hooks: ['post-rollout'],
    play: async ({ w, release }) => (await release(2), w.reach('Succeeded')),
    phases: `Initialized ${GOOD}`,
    says: () => [COPIED, 'Post-rollout check post-rollout passed', PROMOTED],
    ends: [2, 0, 0],
  },
  'webhooks at the end of a bad release, which fail': {
    hooks: ['post-rollout'],
    play: async ({ w, release, answer }) => (answer('post-rollout', 500), (w.successRate = 0), await release(2), w.reach('Failed')),
    phases: 'Initialized Progressing Failed',
    says: () => [THRESHOLD, FAILED, 'Post-rollout hook post-rollout failed said no'],
    ends: [1, 0, 0],
  },
};
