import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runConsistency } from './run.ts';

test('nothing acknowledged is lost and no watcher misled while the server is killed', { timeout: 120_000 }, async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
  const { problems, stories, ...report } = await runConsistency({ seed, kills: 8, lifeMs: 1200, restMs: 20 });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems, [], `seed ${seed}\n${stories.join('\n\n')}`);
  assert.ok(report.acknowledged > 200 && report.resumed > 10, 'enough was done to find something');
});
