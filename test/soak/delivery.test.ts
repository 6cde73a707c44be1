import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateShop } from '../../src/delivery/testing/shop.ts';
import { CASES, simulate } from '../../src/delivery/testing/simulation.ts';

const LIVES = 100;

const LIFE: Readonly<Record<string, (seed: number) => Promise<{ kills: number }>>> = {
  ...Object.fromEntries(Object.keys(CASES).map((name) => [name, (seed: number) => simulate(name, seed)])),
  'a group': simulateShop,
};

for (const [name, live] of Object.entries(LIFE))
  test(`${LIVES} lives of a Canary: ${name}`, { timeout: 600_000 }, async (t) => {
    const first = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    const problems: string[] = [];
    let kills = 0;
    for (let seed = first; seed < first + LIVES; seed++)
      await live(seed).then(
        (life) => (kills += life.kills),
        (error: unknown) => problems.push(`seed ${seed}: ${String(error)}`),
      );
    t.diagnostic(JSON.stringify({ first, lives: LIVES, kills }));
    assert.deepEqual(problems.slice(0, 5), []);
  });
