/** Blue/green and A/B testing: so many checks in a row, and no shares in between. */
import { canaryIs, info, type Observation } from '../decision.ts';
import type { Step, Strategy } from './strategy.ts';

const done = (o: Observation): number => o.canary.status?.iterations ?? 0;

function advance(o: Observation): Step {
  const i = done(o) + 1;
  return { status: { iterations: i }, says: [info(`Advance ${canaryIs(o)} canary iteration ${i}/${o.settings.iterations}`)] };
}

const TO_CANARY = { primary: 0, canary: 100 };

/** Those whose requests match use the canary from the first check on, until the primary has followed. */
export const abTesting: Strategy = {
  name: 'ab-testing',
  hasBegun: (o) => done(o) > 0,
  asksForTraffic: () => false,
  isTried: (o) => done(o) >= o.settings.iterations,
  step(o) {
    if (done(o) >= o.settings.iterations) return undefined;
    const { status, says } = advance(o);
    // Of the requests that match.
    return { weights: TO_CANARY, status: { ...status, canaryWeight: TO_CANARY.canary }, says };
  },
};

/** The canary is checked beside the primary, with copied requests if asked; then all users move over while the primary follows. */
export const blueGreen: Strategy = {
  name: 'blue-green',
  hasBegun: (o) => done(o) > 0,
  asksForTraffic: () => false,
  isTried: (o) => done(o) >= o.settings.iterations,
  step(o) {
    if (done(o) < o.settings.iterations)
      return { ...advance(o), ...(o.settings.mirror ? { weights: { primary: 100, canary: 0, mirrored: true } } : {}) };
    if (done(o) > o.settings.iterations) return undefined;
    const text = o.settings.mirror ? 'Stop traffic mirroring and route all traffic to canary' : 'Routing all traffic to canary';
    return { weights: TO_CANARY, status: { iterations: done(o) + 1, canaryWeight: 100 }, says: [info(text)] };
  },
};
