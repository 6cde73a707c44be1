/** Every way a release can go, in every strategy, as scripts in virtual time: the phases one after another, what is said, how it ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Canaries, Events } from '../api/index.ts';
import type { Script, Strategy } from './testing/script.ts';
import { CHANGES } from './testing/scripts-of-changes.ts';
import { CHECKS } from './testing/scripts-of-checks.ts';
import { image, iterations, NS, replicas, world } from './testing/world.ts';

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
    for (const [what, script] of Object.entries({ ...CHECKS, ...CHANGES })) test(what, () => run(strategy, script));
  });
