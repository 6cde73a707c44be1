/** A life of a Canary for each strategy, target and route; a hundred of each are in the soak. */
import { test } from 'node:test';
import { CASES, simulate } from './testing/simulation.ts';

for (const name of Object.keys(CASES)) test(`killed between any two writes: ${name}`, () => simulate(name, 1).then(() => {}));
