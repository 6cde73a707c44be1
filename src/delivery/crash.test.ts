/** Releases killed at a write, for each strategy: they end the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanaryAnalysis, CanarySpec } from '../api/index.ts';
import { image, iterations, replicas, routes, world } from './testing/world.ts';

const MATCH = [{ headers: { 'x-canary': { exact: 'insider' } } }];
const CASES: readonly [name: string, analysis: Partial<CanaryAnalysis>, spec?: Partial<CanarySpec>][] = [
  ['weights', {}],
  ['weights back step by step', { stepWeightPromotion: 40 }],
  ['session affinity', { sessionAffinity: { cookieName: 'c' } }],
  ['A/B testing', iterations(2, { match: MATCH })],
  ['blue/green with mirroring', iterations(2, { mirror: true })],
  ['no mesh', iterations(2), { provider: 'kubernetes' }],
];

for (const [name, analysis, spec = {}] of CASES)
  test(`killed at any write, the release ends the same: ${name}`, async () => {
    for (const nth of [1, 2, 3, 4, 5, 7, 9, 12, 15]) {
      const w = await world({ analysis, spec });
      await w.reach('Initialized');
      await w.setImage('podinfo:2');
      let writes = 0;
      w.client.hooks = {
        before: ({ resource, subresource }) => {
          const worlds = resource.plural === 'deployments' && subresource === 'status';
          if (resource.plural !== 'events' && !worlds && ++writes === nth) throw new Error('killed');
        },
      };
      await w.reach('Succeeded');
      assert.equal(await image(w, 'podinfo-primary'), 'podinfo:2', `write ${nth}`);
      assert.equal(await replicas(w, 'podinfo'), 0, `write ${nth}`);
      for (const { route } of await routes(w)) assert.equal(route?.[0]?.weight, 100, `write ${nth}`);
      w.stop();
    }
  });
