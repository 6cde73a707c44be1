import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4Bytes, nextPodAddress, parseCidr } from './addresses.ts';

test('pod addresses go round and skip those in use', () => {
  assert.equal(nextPodAddress(new Set(), undefined), '10.244.0.2');
  assert.equal(nextPodAddress(new Set(['10.244.0.3']), '10.244.0.2'), '10.244.0.4');
  assert.equal(nextPodAddress(new Set(), '10.244.0.255'), '10.244.1.0');
  assert.equal(nextPodAddress(new Set(['10.244.0.2']), '10.244.255.254'), '10.244.0.3');
});

test('a full range is said, not looped over', () => {
  const used = new Set(Array.from({ length: 0xffff }, (_, n) => `10.244.${n >> 8}.${n & 255}`));
  assert.throws(() => nextPodAddress(used, undefined), { code: 'NoPodAddress' });
});

test('ranges', () => {
  const table: [string, number[], number[]][] = [
    ['10.1.2.3', [10, 1, 2, 3], [255, 255, 255, 255]],
    ['10.1.2.3/8', [10, 0, 0, 0], [255, 0, 0, 0]],
    ['172.31.255.255/12', [172, 16, 0, 0], [255, 240, 0, 0]],
    ['10.0.0.129/25', [10, 0, 0, 128], [255, 255, 255, 128]],
    ['0.0.0.0/0', [0, 0, 0, 0], [0, 0, 0, 0]],
  ];
  for (const [text, address, mask] of table) {
    const range = parseCidr(text);
    assert.deepEqual([...range.address], address, text);
    assert.deepEqual([...range.mask], mask, text);
  }
});

test('what is no address or range is refused', () => {
  for (const text of ['', '10.0.0', '10.0.0.256', '10.0.0.1.2', 'fe80::1', '10.0.0.x'])
    assert.throws(() => ipv4Bytes(text), { code: 'BadAddress' }, text);
  for (const text of ['10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '10.0.0.0/'])
    assert.throws(() => parseCidr(text), { code: 'BadCidr' }, text);
});
