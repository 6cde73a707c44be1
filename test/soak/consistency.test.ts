import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runConsistency } from '../consistency/run.ts';

test('200 kills', { timeout: 3_000_000 }, async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
  const { problems, stories, ...report } = await runConsistency({ seed, kills: 200, lifeMs: 3000, restMs: 40 });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems.slice(0, 50), [], `seed ${seed}\n${stories.join('\n\n')}`);
  assert.equal(report.kills, 200);
});
