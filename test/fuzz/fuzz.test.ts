import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, runFuzz } from './run.ts';

test('5,000 damaged requests do no harm', { timeout: 120_000 }, async (t) => {
  const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
  const { problems, ...report } = await runFuzz({ seed, requests: Number(process.env['SLUICE_REQUESTS'] ?? 5_000) });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.deepEqual(problems, [], `seed ${seed}\n${problems.join('\n\n')}`);
  assert.ok((report.codes['200'] ?? 0) > 500 && (report.codes['201'] ?? 0) > 100, 'enough came through to reach the depths');
});

const WRONG: Record<string, { readonly code: number; readonly body: string }> = {
  'an internal error': { code: 500, body: '{"kind":"Status"}' },
  'a refusal without a Status': { code: 404, body: 'not found' },
  'a Status of another code': {
    code: 404,
    body: '{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"X","message":"x","code":400}',
  },
  'JSON that is none': { code: 200, body: '{' },
  'an answer that is no object': { code: 200, body: '{}' },
};
for (const [what, { code, body }] of Object.entries(WRONG)) {
  test(`the judge finds ${what}`, () => {
    const answer = { code, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
    assert.ok(judge({ method: 'GET', path: '/api/v1/pods' }, answer));
  });
}
