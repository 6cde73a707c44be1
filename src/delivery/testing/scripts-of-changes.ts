/** What happens to a release while it is under way, and after it. */
import assert from 'node:assert/strict';
import { DEADLINE, PAUSED, REQUEST } from '../../api/index.ts';
import { COPIED, FAILED, GOOD, NOT_READY, PROMOTED, RELEASED, ROUTED, STARTED, broken, type Script } from './script.ts';

export const CHANGES: Readonly<Record<string, Script>> = {
  'a revert during the analysis': {
    play: async ({ w, release, begun }) => (await release(2), await begun(), await release(1), w.reach('Succeeded')),
    phases: 'Initialized Progressing Succeeded',
    says: ({ steps }) => [steps[0], 'Revision reverted! Ending analysis for podinfo.test'],
    never: () => COPIED,
    ends: [1, 0, 0],
  },
  'a newer version during the analysis': {
    play: async ({ w, release, begun }) => (await release(2), await begun(), await release(3), w.reach('Succeeded')),
    phases: `Initialized ${GOOD}`,
    says: (s) => [RELEASED, s.steps[0], 'New revision detected! Restarting analysis for podinfo.test', s.steps[1], COPIED, PROMOTED],
    ends: [3, 0, 0],
  },
  'a newer version before the promotion': {
    hooks: ['confirm-promotion'],
    async play({ w, release, answer }) {
      answer('confirm-promotion', 403);
      await release(2);
      await w.reach('WaitingPromotion');
      answer('confirm-promotion', 200);
      await release(3);
      await w.reach('Succeeded');
    },
    phases: `Initialized Progressing WaitingPromotion ${GOOD}`,
    says: () => ['New revision detected! Restarting analysis for podinfo.test', COPIED, PROMOTED],
    ends: [3, 0, 0],
  },
  'a fix after a failure': {
    play: async ({ w, release }) => (
      (w.successRate = 0),
      await release(2),
      await w.reach('Failed'),
      (w.successRate = 100),
      await release(3),
      w.reach('Succeeded')
    ),
    phases: `Initialized Progressing Failed ${GOOD}`,
    says: (s) => [FAILED, s.steps[1], COPIED, PROMOTED],
    ends: [3, 0, 0],
  },
  'the promoted version again after a failure': {
    play: async ({ w, release }) => ((w.successRate = 0), await release(2), await w.reach('Failed'), await release(1), w.pass(60_000)),
    phases: 'Initialized Progressing Failed',
    says: () => [FAILED],
    never: () => COPIED,
    ends: [1, 0, 0],
  },
  'a primary that breaks in the promotion, and a fix': {
    spec: { progressDeadlineSeconds: 30 },
    async play(play) {
      await broken(play);
      await play.release(3);
      await play.w.reach('Promoting');
      play.w.brokenNames.clear();
      await play.w.reach('Succeeded');
    },
    phases: 'Initialized Progressing Promoting Failed Promoting Finalising Succeeded',
    says: () => [COPIED, `Promotion of podinfo.test failed, primary not ready: ${NOT_READY}`, COPIED, ROUTED, PROMOTED],
    never: () => FAILED,
    ends: [3, 0, 0],
  },
  'a primary that breaks in the promotion, and gets well before the next version': {
    spec: { progressDeadlineSeconds: 30 },
    async play(play) {
      await broken(play);
      play.w.brokenNames.clear();
      await play.release(3);
      await play.w.reach('Succeeded');
    },
    phases: `Initialized Progressing Promoting Failed ${GOOD}`,
    says: ({ steps }) => [`Promotion of podinfo.test failed, primary not ready: ${NOT_READY}`, RELEASED, steps[1], COPIED, PROMOTED],
    never: () => FAILED,
    ends: [3, 0, 0],
  },
  'no analysis': {
    spec: { skipAnalysis: true },
    play: async ({ w, release }) => ((w.successRate = 0), await release(2), w.reach('Succeeded')),
    phases: `Initialized ${GOOD}`,
    says: () => [RELEASED, COPIED, ROUTED, 'Promotion completed! Canary analysis was skipped for podinfo.test'],
    never: () => STARTED,
    ends: [2, 0, 0],
  },
  'an analysis that is cut short': {
    async play({ w, release, edit, begun }) {
      await release(2);
      await begun();
      await edit({ skipAnalysis: true });
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: ({ steps }) => [steps[0], COPIED, 'Promotion completed! Canary analysis was skipped for podinfo.test'],
    ends: [2, 0, 0],
  },
  'a suspended Canary': {
    async play({ w, release, edit, begun }) {
      await release(2);
      await begun();
      await edit({ suspend: true });
      await w.pass(60_000);
      assert.equal((await w.canary()).status?.phase, 'Progressing');
      await edit({ suspend: false });
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: ({ steps }) => [steps[0], 'skipping canary run as object is suspended', COPIED, PROMOTED],
    ends: [2, 0, 0],
  },
  'a pause': {
    async play({ w, release, annotate, begun }) {
      await release(2);
      await begun();
      await annotate({ [PAUSED]: '2026-01-01T00:00:00Z by alice' });
      await w.pass(60_000);
      assert.equal((await w.canary()).status?.conditions?.[0]?.message, 'Paused by request of alice.');
      await annotate({ [PAUSED]: null });
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: ({ steps }) => [steps[0], /^Paused podinfo\.test at canary weight \d+ by alice$/, 'Resumed podinfo.test', COPIED, PROMOTED],
    ends: [2, 0, 0],
  },
  'an abort': {
    async play({ w, release, annotate, begun }) {
      await release(2);
      await begun();
      await annotate({ [REQUEST]: 'abort 2026-01-01T00:00:00Z by alice' });
      await w.reach('Failed');
    },
    phases: 'Initialized Progressing Failed',
    says: ({ steps }) => [steps[0], 'Rolling back podinfo.test aborted by request of alice', FAILED],
    ends: [1, 0, 0],
  },
  'a promotion by request': {
    async play({ w, release, annotate, begun }) {
      await release(2);
      await begun();
      await annotate({ [REQUEST]: 'promote 2026-01-01T00:00:00Z by alice' });
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: () => ['Promoting podinfo.test by request of alice: what is left of the analysis is skipped', COPIED, PROMOTED],
    ends: [2, 0, 0],
  },
  'a deadline': {
    hooks: ['confirm-promotion'],
    async play({ w, release, annotate, answer }) {
      answer('confirm-promotion', 403);
      await annotate({ [DEADLINE]: '3m' });
      await release(2);
      await w.reach('Failed');
    },
    phases: 'Initialized Progressing WaitingPromotion Failed',
    says: () => ['Rolling back podinfo.test deadline of 3m exceeded', FAILED],
    ends: [1, 0, 0],
  },
  'a controller that is killed': {
    async play({ w, release, begun }) {
      await release(2);
      w.restart();
      await begun();
      w.restart();
      await w.reach('Promoting');
      w.restart();
      await w.reach('Succeeded');
    },
    phases: `Initialized ${GOOD}`,
    says: (s) => [RELEASED, ...s.steps, COPIED, PROMOTED],
    ends: [2, 0, 0],
  },
};
