/** Every way a release can go, in every strategy, as scripts in virtual time: the phases one after another, what is said, how it ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Canaries, DEADLINE, Events, PAUSED, REQUEST, type CanaryAnalysis, type CanarySpec, type WebhookType } from '../api/index.ts';
import { image, iterations, NS, replicas, world, type World } from './testing/world.ts';

interface Strategy {
  readonly analysis?: Partial<CanaryAnalysis>;
  readonly spec?: Partial<CanarySpec>;
  /** What is said of the first step, and of the last one. */
  readonly steps: readonly [first: string, last: string];
  /** What is said between the promotion gate and the copy. */
  readonly moves?: string;
  /** Which counters its builtin metrics are of. */
  readonly provider?: string;
}

const MATCH = [{ headers: { 'x-canary': { exact: 'insider' } } }];
const weight = (w: number): string => `Advance podinfo.test canary weight ${w}`;
const iteration = (i: number): string => `Advance podinfo.test canary iteration ${i}/2`;
const BY_COUNT = [iteration(1), iteration(2)] as const;

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  weights: { steps: [weight(20), weight(60)] },
  'a list of weights, and back step by step': {
    analysis: { stepWeight: undefined, stepWeights: [1, 50], stepWeightPromotion: 40 },
    steps: [weight(1), weight(50)],
  },
  'weights after mirroring': { analysis: { mirror: true }, steps: [weight(0), weight(60)] },
  'weights of an HTTPRoute': {
    spec: { provider: 'gatewayapi:v1', service: { port: 9898, gatewayRefs: [{ name: 'door' }] } },
    steps: [weight(20), weight(60)],
    provider: 'gatewayapi:v1',
  },
  'A/B testing': { analysis: iterations(2, { match: MATCH }), steps: BY_COUNT },
  'blue/green': { analysis: iterations(2), steps: BY_COUNT, moves: 'Routing all traffic to canary' },
  'blue/green with mirroring': {
    analysis: iterations(2, { mirror: true }),
    steps: BY_COUNT,
    moves: 'Stop traffic mirroring and route all traffic to canary',
  },
  'no mesh': {
    analysis: iterations(2),
    spec: { provider: 'kubernetes' },
    steps: BY_COUNT,
    moves: 'Routing all traffic to canary',
    provider: 'kubernetes',
  },
};

interface Script {
  readonly hooks?: readonly WebhookType[];
  readonly spec?: Partial<CanarySpec>;
  /** What happens once version 1 is served and all hooks answer 200. */
  play(play: Play): Promise<unknown>;
  /** Each phase from the first on; `*`: as many as there are. */
  readonly phases: string;
  /** These are said, in this order. */
  says(strategy: Strategy): readonly (string | RegExp)[];
  /** And this is not. */
  never?(strategy: Strategy): string;
  /** Version of the primary, percent to the canary, pods of the target. */
  readonly ends: readonly [primary: number, weight: number, pods: number];
}

interface Play {
  readonly w: World;
  release(version: number): Promise<void>;
  /** Hooks of this type answer so from now on. */
  answer(type: WebhookType, status: number): void;
  annotate(annotations: Record<string, string | null>): Promise<void>;
  edit(spec: object): Promise<void>;
  /** Until the first step was taken. */
  begun(): Promise<void>;
}

const RELEASED = 'New revision detected! Scaling up podinfo.test';
const STARTED = 'Starting canary analysis for podinfo.test';
const COPIED = 'Copying podinfo.test template spec to podinfo-primary.test';
const ROUTED = 'Routing all traffic to primary';
const PROMOTED = 'Promotion completed! Scaling down podinfo.test';
const FAILED = 'Canary failed! Scaling down podinfo.test';
const THRESHOLD = 'Rolling back podinfo.test failed checks threshold reached 2';
const NOT_READY = 'waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available';
const whole = ({ steps, moves }: Strategy): string[] => [...steps, ...(moves ? [moves] : []), COPIED, ROUTED, PROMOTED];
const GOOD = 'Progressing Promoting Finalising Succeeded';

/** The promotion fails, and everyone is on the canary. */
async function broken({ w, release, begun }: Play): Promise<void> {
  await release(2);
  await begun();
  w.brokenNames.add('podinfo-primary');
  await w.reach('Failed');
  assert.deepEqual([(await w.canary()).status?.canaryWeight, await replicas(w, 'podinfo')], [100, 2]);
}

const SCRIPTS: Readonly<Record<string, Script>> = {
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

async function run(strategy: Strategy, script: Script): Promise<void> {
  const webhooks = (script.hooks ?? []).map((type) => ({ name: type, type, url: `http://hooks/${type}` }));
  const w = await world({ analysis: { ...strategy.analysis, webhooks }, spec: { ...strategy.spec, ...script.spec } });
  const answers = new Map<string, number>();
  w.hook = (url) => answers.get(url.slice(url.lastIndexOf('/') + 1)) ?? 200;
  await w.reach('Initialized');
  const phases = ['Initialized'];
  const said = await w.events();
  w.client.hooks = {
    after({ resource, key }) {
      if (resource.plural === 'events') void w.client.get(Events, key).then((e) => e?.message && said.push(e.message));
      if (resource.plural !== 'canaries') return;
      void w.canary().then(({ status }) => status?.phase && status.phase !== phases.at(-1) && phases.push(status.phase));
    },
  };
  const key = { namespace: NS, name: 'podinfo' };
  const patch = async (body: object): Promise<void> => {
    await w.client.patch(Canaries, key, { type: 'merge', body });
    await w.pass(500);
  };
  await script.play({
    w,
    release: (version) => w.setImage(`podinfo:${version}`),
    answer: (type, status) => void answers.set(type, status),
    annotate: (annotations) => patch({ metadata: { annotations } }),
    edit: (spec) => patch({ spec }),
    async begun() {
      for (let t = 0; t < 60 && !(await w.events()).includes(strategy.steps[0]); t++) await w.pass(500);
    },
  });
  let at = 0;
  for (const text of script.says(strategy)) {
    const found = said.findIndex((s, i) => i >= at && (typeof text === 'string' ? s === text : text.test(s)));
    assert.ok(found >= 0, `${text}\nis not in its place among\n${said.join('\n')}`);
    at = found + 1;
  }
  const never = script.never?.(strategy);
  assert.ok(never === undefined || !said.includes(never), `${never} was said`);
  const expected = script.phases.replaceAll('*', '( \\w+)*').replaceAll(' (', '(');
  assert.match(phases.join(' '), new RegExp(`^${expected}$`));
  const { canaryWeight } = (await w.canary()).status!;
  assert.deepEqual(
    [await image(w, 'podinfo-primary'), canaryWeight, await replicas(w, 'podinfo')],
    [`podinfo:${script.ends[0]}`, ...script.ends.slice(1)],
  );
  w.stop();
}

for (const [name, strategy] of Object.entries(STRATEGIES))
  describe(name, () => {
    for (const [what, script] of Object.entries(SCRIPTS)) test(what, () => run(strategy, script));
  });
