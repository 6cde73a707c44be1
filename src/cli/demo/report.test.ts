import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Report, withinThreeSigma } from './report.ts';

test('a share fits within three standard deviations', () => {
  const table: [number, number, number, boolean][] = [
    [200, 1000, 0.2, true],
    [163, 1000, 0.2, true],
    [237, 1000, 0.2, true],
    [161, 1000, 0.2, false],
    [239, 1000, 0.2, false],
    [0, 1000, 0, true],
    [1, 1000, 0, false],
  ];
  for (const [hits, n, p, ok] of table) assert.equal(withinThreeSigma(hits, n, p).ok, ok, `${hits} of ${n} at ${p}`);
});

test('the report remembers what failed, and how long each step took', () => {
  let now = 0;
  let printed = '';
  const report = new Report(
    (text) => (printed += text),
    () => now,
    false,
  );
  report.step('first');
  report.check(true, 'fine');
  now = 1500;
  report.step('second');
  report.check(false, 'not so');
  now = 2000;
  report.end();
  assert.deepEqual(report.failed, [{ step: 'second', ok: false, text: 'not so' }]);
  assert.deepEqual(
    [...report.seconds],
    [
      ['first', 1.5],
      ['second', 0.5],
    ],
  );
  assert.match(printed, /== first\n {3}✓ fine/);
});

test('colours are for terminals', () => {
  const said = (color: boolean): string => {
    let printed = '';
    const report = new Report(
      (text) => (printed += text),
      () => 0,
      color,
    );
    report.step('s');
    report.check(false, 'f');
    report.line('two\nlines\n');
    return printed;
  };
  assert.equal(said(false), '\n== s\n   ✗ f\n   two\n   lines\n');
  assert.equal(said(true), '\n\u001b[1m== s\u001b[22m\n   \u001b[31m✗\u001b[39m f\n   two\n   lines\n');
});
