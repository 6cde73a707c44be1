import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFuzz } from '../fuzz/run.ts';

test('500,000 damaged requests', { timeout: 3_400_000 }, async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
  const { problems, ...report } = await runFuzz({ seed, requests: 500_000 });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems, [], `seed ${seed}\n${problems.join('\n\n')}`);
  const [first] = report.memory;
  const last = report.memory.at(-1);
  assert.ok(last!.heapMb < first!.heapMb + 64, `the heap grew from ${first!.heapMb} to ${last!.heapMb} MB`);
  assert.ok(last!.nativeMb < first!.nativeMb + 64, `what native code holds grew from ${first!.nativeMb} to ${last!.nativeMb} MB`);
});
