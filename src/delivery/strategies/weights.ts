/** Progressive traffic: the canary's share grows step by step. */
import { canaryIs, info, phaseOf, type Observation } from '../decision.ts';
import type { Strategy } from './strategy.ts';

const weightOf = (o: Observation): number => o.weights?.canary ?? 0;

/** The next step above the weight; a weight beyond all steps (moved by hand, or after an edit) is at its end. */
function nextWeight(o: Observation): number | undefined {
  return o.settings.steps.find((w) => w > weightOf(o));
}

export const weights: Strategy = {
  name: 'canary',
  hasBegun: (o) => weightOf(o) > 0 || o.weights?.mirrored === true,
  asksForTraffic: (o) => !o.weights?.mirrored && phaseOf(o) !== 'WaitingPromotion',
  isTried: (o) => weightOf(o) >= Math.max(0, ...o.settings.steps),
  step(o) {
    if (o.settings.mirror && weightOf(o) === 0 && !o.weights?.mirrored)
      return {
        weights: { primary: 100, canary: 0, mirrored: true },
        status: { canaryWeight: 0 },
        says: [info(`Advance ${canaryIs(o)} canary weight 0`)],
      };
    const next = nextWeight(o);
    if (next === undefined) return undefined;
    return {
      weights: { primary: 100 - next, canary: next },
      status: { canaryWeight: next },
      says: [info(`Advance ${canaryIs(o)} canary weight ${next}`)],
    };
  },
};
