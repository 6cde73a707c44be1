import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMeshFuzz } from '../mesh-fuzz/run.ts';

const asked = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

/** SLUICE_SEED, SLUICE_OBJECTS, and SLUICE_FROM to go on where a run has ended. */
test('100,000 damaged objects of the mesh', { timeout: 10_800_000 }, async (t) => {
  const seed = asked('SLUICE_SEED', Date.now() % 1_000_000);
  const { problems, ...report } = await runMeshFuzz({
    seed,
    objects: asked('SLUICE_OBJECTS', 100_000),
    from: asked('SLUICE_FROM', 0),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems, [], `seed ${seed}\n${problems.join('\n\n')}`);
  const [before, after] = report.memory;
  for (const [of, mb] of Object.entries(before)) {
    const now = after[of as keyof typeof after];
    if (of !== 'rss') assert.ok(now < mb + 64, `${of} grew from ${mb} to ${now} MB`);
  }
});
