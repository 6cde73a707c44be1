/** How the canary comes to its traffic: one module a strategy. Pure. */
import type { CanaryStatus } from '../../api/index.ts';
import type { Observation, Said } from '../decision.ts';
import type { Weights } from '../routes.ts';

export interface Step {
  /** What the traffic is to be; undefined: as it is. */
  readonly weights?: Weights;
  readonly status: Partial<CanaryStatus>;
  readonly says: readonly Said[];
}

export interface Strategy {
  /** As in the label `deployment_strategy` of Flagger's metrics. */
  readonly name: 'canary' | 'blue-green' | 'ab-testing';
  /** A first step was taken: there is something to measure. Until then it is for the pre-rollout hooks. */
  hasBegun(o: Observation): boolean;
  /** The next step gives the canary more users: `confirm-traffic-increase` is asked. */
  asksForTraffic(o: Observation): boolean;
  /** All has been tried that was to be tried: `confirm-promotion` is asked. */
  isTried(o: Observation): boolean;
  /** The next step; undefined: there is none left, the primary is to follow. */
  step(o: Observation): Step | undefined;
}
