import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuantity } from './canonical-quantity.ts';

for (const [given, written] of [
  ['1', '1'],
  ['1000m', '1'],
  ['1500m', '1500m'],
  ['0.5', '500m'],
  [0.5, '500m'],
  [1073741824, '1073741824'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['512Ki', '512Ki'],
  ['0', '0'],
  ['0Gi', '0'],
  ['-1', '-1'],
  ['1e3', '1e3'],
  ['100k', '100k'],
  ['2000k', '2M'],
  ['.5', '500m'],
  ['0.1n', '1n'],
  ['lots', undefined],
  ['', undefined],
  ['.', undefined],
  ['1 Gi', undefined],
] as const) {
  test(`${given} is written ${written}`, () => assert.equal(canonicalQuantity(given), written));
}
