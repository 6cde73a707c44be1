import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Canary } from '../../api/index.ts';
import { hasEnded, HEADER, isUnderWay, row } from './canary-table.ts';

const canary = (phase: string, canaryWeight = 0, failedChecks = 0): Canary =>
  ({ metadata: { name: 'c' }, status: { phase, canaryWeight, failedChecks } }) as Canary;
const measured = { successRate: 97.5, p99Ms: 8.4 };

test('lines stand under their headings', () => {
  const line = row(canary('Progressing', 20, 1), measured, 4.32);
  assert.equal(line, '  4.3 s   Progressing       20 %               1    97.5 %      8 ms   halt');
  for (const word of ['weight', 'failed checks', 'success', 'p99']) {
    const end = HEADER.indexOf(word) + word.length;
    assert.equal(/\S/.test(line[end - 1]!), true, word);
    assert.equal(line[end] ?? ' ', ' ', word);
  }
});

test('verdicts, and figures only where there is traffic to have them from', () => {
  const table: [Canary | undefined, string, boolean][] = [
    [undefined, '', false],
    [canary('Initialized'), '', false],
    [canary('Progressing'), '', false],
    [canary('Progressing', 20), 'advance', true],
    [canary('Progressing', 20, 1), 'halt', true],
    [canary('Promoting', 60), 'promote', true],
    [canary('Finalising'), 'promote', false],
    [canary('Succeeded'), 'promoted', true],
    [canary('Failed'), 'rolled back', true],
  ];
  for (const [c, verdict, figures] of table) {
    const line = row(c, measured, 1);
    assert.ok(line.endsWith(verdict), line);
    assert.equal(line.includes('97.5 %'), figures, line);
  }
});

test('an analysis begins and ends once', () => {
  const phases = [
    '',
    'Initializing',
    'Initialized',
    'Waiting',
    'Progressing',
    'WaitingPromotion',
    'Promoting',
    'Finalising',
    'Succeeded',
    'Failed',
  ];
  assert.deepEqual(
    phases.filter((p) => isUnderWay(canary(p))),
    ['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising'],
  );
  assert.deepEqual(
    phases.filter((p) => hasEnded(canary(p))),
    ['Succeeded', 'Failed'],
  );
});
