import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACK, attribute, be16, be32, encode, nest, replies, REQUEST, text, u32 } from './message.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('integers, strings and attributes have the bytes the kernel reads', () => {
  const table: [string, Uint8Array, string][] = [
    ['u32 in machine order', u32(0x539), '39050000'],
    ['big-endian port', be16(15001), '3a99'],
    ['negative priority', be32(-100), 'ffffff9c'],
    ['string with its NUL', text('lo'), '6c6f00'],
    ['attribute padded to four', attribute(3, text('lo')), '070003006c6f0000'],
    ['attribute without padding', attribute(1, u32(1)), '0800010001000000'],
    ['nested flag', nest(18, attribute(1, text('veth'))), '10001280 090001007665746800000000'],
  ];
  for (const [what, bytes, expected] of table) assert.equal(hex(bytes), expected.replaceAll(' ', ''), what);
});

test('an attribute that does not fit its length field is refused', () => {
  assert.throws(() => attribute(1, new Uint8Array(0xffff)), RangeError);
});

test('requests are numbered in one datagram', () => {
  const one = { type: 16, flags: REQUEST | ACK, body: u32(7), what: 'a' };
  assert.equal(
    hex(encode([one, { ...one, type: 20 }], 1)),
    '14000000 1000 0500 01000000 00000000 07000000 14000000 1400 0500 02000000 00000000 07000000'.replaceAll(' ', ''),
  );
});

test('replies are read with their errors, other messages passed over', () => {
  const error = (seq: number, errno: number): Uint8Array => {
    const bytes = new Uint8Array(36);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 36, true);
    view.setUint16(4, 2, true);
    view.setUint32(8, seq, true);
    view.setInt32(16, -errno, true);
    return bytes;
  };
  const other = encode([{ type: 3, flags: 0, body: u32(0), what: '' }], 9);
  assert.deepEqual(replies(Buffer.concat([error(1, 0), other, error(2, 17)])), [
    { seq: 1, errno: 0 },
    { seq: 2, errno: 17 },
  ]);
  assert.deepEqual(replies(error(1, 2).subarray(0, 30)), [], 'a message cut short is not read');
});
