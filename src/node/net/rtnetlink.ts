import { ipv4Bytes, parseCidr } from './addresses.ts';
import { ACK, attribute, concat, CREATE, EXCL, nest, REPLACE, REQUEST, text, u32, type Request } from './message.ts';

/** Links, addresses and routes (linux/rtnetlink.h, if_link.h, if_addr.h). Pure: each function is one request. */

const NEWLINK = 16;
const DELLINK = 17;
const NEWADDR = 20;
const NEWROUTE = 24;
const AF_INET = 2;
const IFF_UP = 1;

/** `struct ifinfomsg`: any family, flags to change and their mask. */
function ifinfo(index: number, up: boolean): Uint8Array {
  return concat([u32(0), u32(index), u32(up ? IFF_UP : 0), u32(up ? IFF_UP : 0)]);
}

const ifname = (name: string): Uint8Array => attribute(3, text(name));

export function linkUp(name: string): Request {
  return { type: NEWLINK, flags: REQUEST | ACK, body: concat([ifinfo(0, true), ifname(name)]), what: `set link ${name} up` };
}

export function deleteLink(name: string): Request {
  return { type: DELLINK, flags: REQUEST | ACK, body: concat([ifinfo(0, false), ifname(name)]), what: `delete link ${name}` };
}

/** A veth pair: `name` here and `peer` in the network namespace behind the open file `peerNetns`. Both are left down. */
export function addVeth(name: string, peer: string, peerNetns: number): Request {
  const peerSide = attribute(1, concat([ifinfo(0, false), ifname(peer), attribute(28, u32(peerNetns))]));
  return {
    type: NEWLINK,
    flags: REQUEST | ACK | CREATE | EXCL,
    body: concat([ifinfo(0, false), ifname(name), nest(18, attribute(1, text('veth')), nest(2, peerSide))]),
    what: `add veth ${name}`,
  };
}

/** `index` is the link's number in the namespace the request is made in. Idempotent. */
export function addAddress(index: number, ip: string): Request {
  const address = ipv4Bytes(ip);
  const ifaddr = concat([Uint8Array.of(AF_INET, 32, 0, 0), u32(index)]);
  return {
    type: NEWADDR,
    flags: REQUEST | ACK | CREATE | REPLACE,
    body: concat([ifaddr, attribute(2, address), attribute(1, address)]),
    what: `add address ${ip}/32`,
  };
}

export interface Route {
  /** `0.0.0.0/0` is the default route. */
  readonly cidr: string;
  readonly link: number;
  /** Absent: the destination is on the link itself. */
  readonly via?: string;
  /** The source that sockets get which are not bound. */
  readonly source?: string;
}

/** Idempotent. */
export function addRoute(route: Route): Request {
  const { address, bits } = parseCidr(route.cidr);
  const scope = route.via === undefined ? 253 /* link */ : 0; /* universe */
  // struct rtmsg: family, dst length, src length, tos, table main, protocol boot, scope, type unicast, flags.
  const rtmsg = concat([Uint8Array.of(AF_INET, bits, 0, 0, 254, 3, scope, 1), u32(0)]);
  return {
    type: NEWROUTE,
    flags: REQUEST | ACK | CREATE | REPLACE,
    body: concat([
      rtmsg,
      attribute(1, address),
      attribute(4, u32(route.link)),
      ...(route.via === undefined ? [] : [attribute(5, ipv4Bytes(route.via))]),
      ...(route.source === undefined ? [] : [attribute(7, ipv4Bytes(route.source))]),
    ]),
    what: `add route ${route.cidr}`,
  };
}
