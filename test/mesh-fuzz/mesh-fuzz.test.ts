import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMeshFuzz } from './run.ts';

test('200 damaged objects of the mesh: none does harm, and what Envoy refuses is said', { timeout: 200_000 }, async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? 1);
  const { problems, ...report } = await runMeshFuzz({ seed, objects: 200 });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems, [], `seed ${seed}\n${problems.join('\n\n')}`);
  assert.ok(report.accepted > report.objects / 5, 'enough came through to reach the depths');
});
