import 'reflect-metadata';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseYaml, seededRng, toYaml } from '../base/index.ts';
import { effectOf, fieldCases, FIELDS_DIR } from './field-cases.fixture.ts';
import { caseFiles } from './case-files.edge.ts';
import { shuffled, translate, versionsOf } from './golden.fixture.ts';

for (const file of caseFiles(FIELDS_DIR)) {
  describe(`fields/${file}: what each changes`, () => {
    const path = join(FIELDS_DIR, `${file}.expected.yaml`);
    const cases = fieldCases(file);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(path, cases.map((c) => toYaml({ [c.name]: effectOf(c) })).join('\n'));
    const [expected = {}] = (existsSync(path) ? parseYaml(readFileSync(path, 'utf8'), path) : []) as Record<string, unknown>[];
    for (const c of cases)
      test(c.name, () => assert.deepEqual(effectOf(c), expected[c.name] ?? 'nothing yet; make it with UPDATE_GOLDEN=1'));
    test('nothing is expected of cases that are not there', () => {
      assert.deepEqual(
        Object.keys(expected),
        cases.map((c) => c.name),
      );
    });
    test('the order in which objects come does not matter', () => {
      const rng = seededRng(11);
      for (const c of cases) {
        const [first, again] = [c.after, shuffled(c.after, rng)].map((objects) => translate(c.setting, objects));
        assert.deepEqual(versionsOf(again!.resources), versionsOf(first!.resources), c.name);
        assert.deepEqual(again!.problems, first!.problems, c.name);
        assert.deepEqual(again!.statuses, first!.statuses, c.name);
      }
    });
  });
}
