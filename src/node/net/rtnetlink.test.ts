import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from './message.ts';
import { addAddress, addRoute, addVeth, deleteLink, linkUp } from './rtnetlink.ts';

const table: [string, Request, number, string][] = [
  ['link up', linkUp('lo'), 16, '00000000 00000000 01000000 01000000 070003006c6f0000'],
  ['link delete', deleteLink('v1'), 17, '00000000 00000000 00000000 00000000 0700030076310000'],
  ['address', addAddress(2, '10.244.0.5'), 20, '02200000 02000000 080002000af40005 080001000af40005'],
  [
    'route on the link',
    addRoute({ cidr: '10.244.0.5/32', link: 3, source: '10.244.0.1' }),
    24,
    '02200000fe03fd01 00000000 080001000af40005 0800040003000000 080007000af40001',
  ],
  [
    'default route',
    addRoute({ cidr: '0.0.0.0/0', link: 2, via: '169.254.1.1' }),
    24,
    '02000000fe030001 00000000 0800010000000000 0800040002000000 08000500a9fe0101',
  ],
  [
    'veth pair',
    addVeth('eth0', 'v1', 9),
    16,
    '00000000 00000000 00000000 00000000 0900030065746830 00000000 38001280 0900010076657468 00000000 28000280 24000100 00000000 00000000 00000000 00000000 0700030076310000 08001c0009000000',
  ],
];

for (const [what, request, type, body] of table) {
  test(what, () => {
    assert.equal(request.type, type);
    assert.equal(Buffer.from(request.body).toString('hex'), body.replaceAll(' ', ''));
  });
}
