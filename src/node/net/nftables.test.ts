import assert from 'node:assert/strict';
import { test } from 'node:test';
import { be16, u32 } from './message.ts';
import {
  changeTable,
  compare,
  header,
  load,
  lookup,
  mask,
  meta,
  R0,
  R1,
  random,
  redirect,
  refuse,
  replaceTable,
  verdict,
  type Chain,
  type Expression,
  type NftElement,
  type NftSet,
  type Table,
} from './nftables.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** An expression's name attribute, then its data nest. */
function expressionHex(name: string, data: string): string {
  const named = Buffer.from(`${name}\0`);
  const padded = Buffer.concat([named, Buffer.alloc((4 - (named.length % 4)) % 4)]);
  const length = (n: number): string => Buffer.from([n & 255, n >> 8]).toString('hex');
  const inner = `${length(4 + named.length)}0100${padded.toString('hex')}${length(4 + data.length / 2)}0280${data}`;
  return `${length(4 + inner.length / 2)}0180${inner}`;
}

const table: [string, Expression, string, string][] = [
  ['mark', meta('mark', R0), 'meta', '0800010000000008 0800020000000003'],
  ['outgoing link', meta('outLink', R1), 'meta', '0800010000000009 0800020000000005'],
  ['transport protocol', meta('protocol', R0), 'meta', '0800010000000008 0800020000000010'],
  ['destination', header('destination', R0), 'payload', '0800010000000008 0800020000000001 0800030000000010 0800040000000004'],
  ['destination port', header('destinationPort', R0), 'payload', '0800010000000008 0800020000000002 0800030000000002 0800040000000002'],
  ['is the mark', compare(R0, 'eq', u32(0x539)), 'cmp', '0800010000000008 0800020000000000 0c000380 0800010039050000'],
  ['is not', compare(R0, 'ne', u32(1)), 'cmp', '0800010000000008 0800020000000001 0c000380 0800010001000000'],
  [
    'within a /16',
    mask(R0, Uint8Array.of(255, 255, 0, 0)),
    'bitwise',
    '0800010000000008 0800020000000008 0800030000000004 0c000480 08000100ffff0000 0c000580 0800010000000000',
  ],
  ['a port', load(R0, be16(15001)), 'immediate', '0800010000000008 0c000280 060001003a990000'],
  ['return', verdict('return'), 'immediate', '0800010000000000 10000280 0c000280 08000100fffffffb'],
  ['redirect', redirect(R0), 'redir', '0800010000000008 0800030000000002'],
  ['one of three', random(3, R0), 'numgen', '0800010000000008 0800020000000003 0800030000000001'],
  ['map look-up', lookup('m', R0, R0), 'lookup', '060001006d000000 0800020000000008 0800030000000008'],
  ['reset', refuse('reset'), 'reject', '0800010000000001'],
  ['port unreachable', refuse('unreachable'), 'reject', '0800010000000000 0500020003000000'],
];

for (const [what, expression, name, data] of table) {
  test(`expression: ${what}`, () => assert.equal(hex(expression), expressionHex(name, data.replaceAll(' ', ''))));
}

test('a table is replaced in one transaction that is acknowledged once', () => {
  const requests = replaceTable({
    name: 't',
    sets: [{ name: 'm', keyLength: 4, data: 'verdict', elements: [{ key: u32(1), data: { goto: 'c' } }] }],
    chains: [
      { name: 'c', rules: [[verdict('accept')]] },
      { name: 'in', hook: { type: 'nat', at: 'prerouting', priority: -100 }, rules: [[meta('mark', R0), lookup('m', R0, 0)]] },
    ],
  });
  const kinds = [
    'begin',
    'add table t',
    'delete table t',
    'add table t',
    'add set m',
    'add chain c',
    'add chain in',
    'fill set m',
    'add rule to c',
    'add rule to in',
    'commit',
  ];
  assert.deepEqual(
    requests.map((r) => r.what),
    kinds,
  );
  assert.deepEqual(
    requests.filter((r) => r.flags & 4).map((r) => r.what),
    ['add rule to in'],
  );
  assert.equal(
    hex(requests[6]!.body),
    '02000000 0600010074000000 07000300696e0000 14000480 0800010000000000 08000200ffffff9c 0800050000000001 080007006e617400'.replaceAll(
      ' ',
      '',
    ),
  );
  assert.equal(
    hex(requests[7]!.body),
    '02000000 0600010074000000 060002006d000000 2c000380 28000180 0c000180 0800010001000000 18000280 14000280 08000100fffffffc 0600020063000000'.replaceAll(
      ' ',
      '',
    ),
  );
});

test('of a table that stands only what changed is said, and in an order the kernel takes', () => {
  const stays = { key: u32(1), data: { goto: 'c' } };
  const chain = (name: string): Chain => ({ name, rules: [[verdict('accept')]] });
  const [c, changed, gone, fresh] = ['c', 'changed', 'gone', 'fresh'].map(chain) as [Chain, Chain, Chain, Chain];
  const map = (...elements: NftElement[]): NftSet => ({ name: 'm', keyLength: 4, data: 'verdict', elements });
  const before: Table = {
    name: 't',
    sets: [map(stays, { key: u32(2), data: { goto: 'gone' } }), { name: 'of gone', keyLength: 4, elements: [{ key: u32(1) }] }],
    chains: [c, changed, gone],
  };
  const after: Table = {
    name: 't',
    sets: [map(stays, { key: u32(3), data: { goto: 'fresh' } }), { name: 'of fresh', keyLength: 4, elements: [{ key: u32(1) }] }],
    chains: [c, chain('changed'), fresh],
  };
  assert.deepEqual(
    changeTable(before, after).map((r) => r.what),
    [
      'begin',
      'add set of fresh',
      'add chain fresh',
      'take from set m',
      'delete the rules of changed',
      'delete the rules of gone',
      'fill set m',
      'fill set of fresh',
      'add rule to changed',
      'add rule to fresh',
      'delete set of gone',
      'delete chain gone',
      'commit',
    ],
  );
  assert.deepEqual(changeTable(after, { ...after, sets: [map(...after.sets[0]!.elements), after.sets[1]!] }), []);
});

test('large sets are filled in parts that fit an attribute', () => {
  const elements = Array.from({ length: 450 }, (_, i) => ({ key: u32(i) }));
  const parts = replaceTable({ name: 't', sets: [{ name: 's', keyLength: 4, elements }], chains: [] }).filter(
    (r) => r.what === 'fill set s',
  );
  assert.equal(parts.length, 3);
  assert.equal(parts.at(-1)!.flags & 4, 4);
});
