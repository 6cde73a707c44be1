import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog, CustomResourceDefinitions, type Schema } from '../../index.ts';

const catalog = createCatalog();
const { group, version, plural } = CustomResourceDefinitions;
const { def } = catalog.find(group, version, plural)!;

/** Definitions shaped as Istio's, the Gateway API's, Flux's and Flagger's are, with the rules that those have. */
for (const kind of catalog.all()) {
  const crd = kind.definition?.();
  if (!crd) continue;
  test(`the definition of ${crd.metadata!.name} is one that the server takes`, () => {
    def.default?.(crd as never);
    assert.deepEqual(def.validate!(crd as never, undefined), []);
  });
}

test('the rules of these are many', () => {
  const count = (part: unknown): number => {
    if (part === null || typeof part !== 'object') return 0;
    const own = (part as Schema)['x-kubernetes-validations']?.length ?? 0;
    return Object.values(part).reduce<number>((sum, inner) => sum + count(inner), own);
  };
  const rules = catalog.all().reduce((sum, kind) => sum + count(kind.definition?.().spec), 0);
  assert.ok(rules > 500, `${rules} rules`);
});
